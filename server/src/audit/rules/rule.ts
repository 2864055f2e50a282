import { DEFAULT_CVAR_LEVEL } from '../../qrm/index.js';
import type { ResponseFinding } from '../finding.js';
import { limitsOfTable, type LimitOf } from '../limits.js';
import type { Thresholds } from '../settings.js';
import type { ResponseTable } from '../table.js';

export interface RuleContext {
  readonly table: ResponseTable;
  readonly thresholds: Thresholds;
  /** Level of the left tail, for messages. */
  readonly tau: number;
  /** Order statistics of the table where the caller keeps them; else the rules read the table. */
  readonly limits?: LimitOf;
}

export const limitsOf = (context: RuleContext): LimitOf =>
  context.limits ?? limitsOfTable(context.table);

/** One kind of finding. `prepare` reads the whole table once; the check it gives is then asked of each response. */
export interface Rule {
  readonly code: ResponseFinding['code'];
  /** What the finding means, in a sentence. */
  readonly description: string;
  prepare(context: RuleContext): (response: number) => ResponseFinding | undefined;
}

/** Three significant decimals, for messages. */
export const figure = (x: number): string => x.toFixed(3).replace('-', '−');
export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
/** q05, q10, q02.5. */
export const tailName = (tau: number): string => {
  const p = +(tau * 100).toFixed(2);
  return `q${p < 10 ? '0' : ''}${p}`;
};
/** CVaR 20 %: the mean of the worst fifth. */
export const cvarName = (level = DEFAULT_CVAR_LEVEL): string =>
  `CVaR ${+(level * 100).toFixed(2)} %`;
