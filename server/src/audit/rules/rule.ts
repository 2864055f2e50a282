import type { Figure } from '../figures.js';
import type { ResponseFinding } from '../finding.js';
import type { ResponseTable } from '../table.js';
import type { Threshold } from '../thresholds.js';

/** A limit that a rule judges by: a threshold on a figure. */
export interface Ask {
  readonly figure: Figure | undefined;
  readonly threshold: Threshold;
  /** Fewer figures than this give no relative limit. Default MINIMUM_SAMPLE. */
  readonly minimum?: number;
}

/** A rule's limits by name, `limit` being that of its threshold; NaN: nothing reaches it. */
export type RuleLimits = Readonly<Record<string, number>>;
/** A threshold that users set: what the options, the settings and the reports say of it follows from here. */
export interface ThresholdSpec {
  /** `qrmLens.thresholds.NAME`. */
  readonly name: string;
  /** The option of the command line, without dashes. */
  readonly option: string;
  readonly default: Threshold;
  /** Of which a share of the dataset may be named; absent: a whole number of at least `least`. */
  readonly figure?: Figure;
  readonly least?: number;
  readonly most?: number;
  /** What is remarkable: "lowest", "widest". */
  readonly edge: string;
  /** Only files with pairs have it. */
  readonly ofPairs?: true;
  /** For the setting, after the rule's code. Markdown. */
  readonly help: string;
  /** The limit as a report states it: "q05 ≤ −0.3". @param tau level of the left tail */
  show(limit: number, tau: number): string;
}

export interface RuleContext {
  readonly table: ResponseTable;
  /** Level of the left tail, for messages. */
  readonly tau: number;
  /** As set, or the default; absent where the rule has none. */
  readonly threshold: Threshold | undefined;
  /** What the thresholds mean for this table. */
  readonly limits: RuleLimits;
}

export type Check = (response: number) => ResponseFinding | undefined;

/**
 * One kind of finding. `prepare` may read the whole table once; the check it gives is then asked of each
 * response, in the table's order.
 */
export interface Rule {
  /** The file's name. */
  readonly code: string;
  /** Where it stands in lists and reports, the lowest first. */
  readonly order: number;
  /** It reads the texts alone: no model need be asked. */
  readonly ofTexts?: true;
  /** What an editor offers as the way to mend it. */
  readonly remedy?: 'swap' | 'remove';
  /** What the finding means, in a sentence. */
  readonly description: string;
  readonly threshold?: ThresholdSpec;
  /** It reads the shape of a distribution, and is silent where a model gives one number (K = 1). */
  readonly needsDistribution?: true;
  /** Limits besides that of its threshold, by name. */
  furtherLimits?(threshold: Threshold): Readonly<Record<string, Ask>>;
  prepare(context: RuleContext): Check;
  /** The same in steps of a few milliseconds, where it takes long. */
  preparing?(context: RuleContext): Generator<undefined, Check>;
}

/** Does all steps at once. */
export function drained<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
