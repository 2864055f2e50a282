import { percent } from '../../protocol/index.js';
import {
  RULES,
  type Audit,
  type Column,
  type Finding,
  type FindingCode,
  type ResponseFinding,
  type Severity,
} from '../../audit/index.js';
import type { RowVerdict } from '../changes.js';
import type { TopFigures } from '../decide/keep-top.js';
import type { Voice } from '../decide/voice.js';
import type { JuryResult, Verdict } from './model.js';

/** One who judges: a model, or one of its attributes. */
export interface Judge {
  readonly name: string;
  readonly hash: string;
  readonly precision: string;
  /** Where one attribute of the model judges. */
  readonly attribute?: string;
}

/** A judge, and what it says of each response: P(chosen beats rejected) on the better one of a pair. */
export interface Heard {
  readonly judge: Judge;
  readonly votes: Float32Array;
  readonly top?: TopFigures;
}

interface Grounds {
  /** Of the first judge: the rows, and its distributions. */
  readonly audit: Audit;
  readonly heard: readonly Heard[];
  readonly quorum: number;
  /** P(the label is right) at which a pair is found inverted. */
  readonly limit: number;
  /** Responses that the verdicts are of. */
  readonly pairs: readonly number[];
  readonly result: JuryResult;
  readonly finders: ReadonlyMap<FindingCode, Column>;
  readonly severities: ReadonlyMap<FindingCode, Severity>;
}

/** Judges with an accuracy below this say little of labels. */
const WEAK = 0.55;

/** What a jury finds: findings that enough of its judges agree on, and of each pair whether its label is wrong. */
export class Ruling implements Voice {
  readonly judges: readonly (Judge & { readonly accuracy: number; readonly votes: number })[];
  private readonly verdicts = new Map<number, { readonly n: number; readonly verdict: Verdict }>();

  constructor(private readonly grounds: Grounds) {
    const { heard, result, pairs } = grounds;
    pairs.forEach((i, n) => this.verdicts.set(i, { n, verdict: result.verdicts[n]! }));
    this.judges = heard.map(({ judge, votes }, j) => ({
      ...judge,
      accuracy: result.accuracies[j]!,
      votes: pairs.filter((i) => !Number.isNaN(votes[i])).length,
    }));
  }

  get quorum(): number {
    return this.grounds.quorum;
  }
  /** Share of right labels, as the jury has it; NaN without pairs. */
  get labelAccuracy(): number {
    return this.pairs === 0 ? Number.NaN : this.grounds.result.labelAccuracy;
  }
  /** The judges count as so many that err independently. */
  get effective(): number {
    return this.grounds.result.effective;
  }
  get pairs(): number {
    return this.grounds.pairs.length;
  }
  /** Pairs that are found mislabelled at the limit. */
  get wrong(): number {
    return this.grounds.pairs.filter((i) => this.isWrong(i, this.grounds.limit)).length;
  }

  right(i: number): number {
    const found = this.verdicts.get(i);
    return found === undefined ? Number.NaN : 1 - found.verdict.mislabelled;
  }

  isWrong(i: number, limit: number): boolean {
    const found = this.verdicts.get(i)?.verdict;
    if (found === undefined || found.against < this.quorum) return false;
    return 1 - found.mislabelled <= limit && found.mislabelled >= 0.5;
  }

  why(i: number): string {
    const found = this.verdicts.get(i)?.verdict;
    if (found === undefined) return '';
    const { against, judges, mislabelled, low, high } = found;
    return `${against} of ${judges} judges find the rejected response better, P(label wrong) ${percent(mislabelled)} (${percent(low)} to ${percent(high)})`;
  }

  verdict(i: number): RowVerdict | undefined {
    const found = this.verdicts.get(i);
    if (found === undefined) return undefined;
    const { mislabelled, low, high, against, judges } = found.verdict;
    return {
      mislabelled: short(mislabelled),
      low: short(low),
      high: short(high),
      against,
      judges,
      votes: this.grounds.heard.map(({ votes: { [i]: p = Number.NaN } }) =>
        Number.isNaN(p) ? null : short(p),
      ),
    };
  }

  /** Each judge's scale is its own: rows are ordered by the mean of their ranks. */
  top(): TopFigures {
    const tops = this.grounds.heard.flatMap(({ top }) => top ?? []);
    const name = `mean rank by ${tops[0]?.name ?? 'margin'}`;
    const values = Float64Array.from(tops[0]?.values ?? [], (_, n) => {
      const known = tops.map(({ values: of }) => of[n]!).filter((v) => !Number.isNaN(v));
      return known.length === 0 ? Number.NaN : known.reduce((a, b) => a + b, 0) / known.length;
    });
    return { name, values };
  }

  /** What enough judges find, with the first one's words where it is among them. */
  *findings(): Generator<Finding> {
    const { audit, finders, severities, limit } = this.grounds;
    const { table } = audit;
    const own = audit.findings();
    let next = own.next();
    const codes = RULES.map(({ code }) => code);
    for (; next.done !== true && !('response' in next.value); next = own.next()) yield next.value;
    for (let i = 0; i < table.length; i++) {
      const said = new Map<FindingCode, ResponseFinding>();
      for (; next.done !== true; next = own.next()) {
        const finding = next.value;
        if (!('response' in finding) || finding.response !== i) break;
        said.set(finding.code, finding);
      }
      for (const code of codes) {
        const severity = severities.get(code) ?? 'warning';
        if (code === 'inverted-pair') {
          if (this.isWrong(i, limit) && !table.removed(i))
            yield { code, severity, response: i, ...related(table.partner(i)), message: `Inverted pair: ${this.why(i)}.` }; // prettier-ignore
          continue;
        }
        const by = this.namesOf(finders.get(code)?.get(i) || 0);
        if (by.length === 0 || by.length < this.quorum) continue;
        const first = said.get(code);
        const words = first?.message ?? descriptionOf(code);
        const message = `${words} Found by ${by.length} of ${this.judges.length} judges${by.length === this.judges.length ? '' : `: ${by.join(', ')}`}.`;
        yield { ...(first ?? { code, severity, response: i }), message };
      }
    }
  }

  private namesOf(bits: number): string[] {
    return this.judges.flatMap(({ name }, j) => ((bits >>> j) & 1) === 1 ? [name] : []); // prettier-ignore
  }

  /** For a manifest. */
  summary() {
    const { quorum, judges, labelAccuracy, effective, pairs, wrong } = this;
    const known = Number.isNaN(labelAccuracy) ? null : short(labelAccuracy);
    return {
      quorum,
      judges: judges.map((judge) => ({ ...judge, accuracy: short(judge.accuracy) })),
      labelAccuracy: known,
      effective: short(effective),
      pairs,
      mislabelled: wrong,
    };
  }

  /** What a reader should know of the jury, a sentence each; and what it judges labels by. */
  words() {
    const { judges, quorum, pairs, wrong, grounds } = this;
    const J = judges.length;
    const notes = [
      `A jury of ${J}: findings need ${quorum} of them; distributions are of ${judges[0]?.name ?? ''}.`,
    ];
    const limit = Math.max(0.5, 1 - grounds.limit);
    const inverted = Number.isNaN(grounds.limit)
      ? 'too few pairs for a share of them'
      : `${quorum} of ${J} judges find the rejected response better, and P(label wrong) ≥ ${percent(limit)} by the jury`;
    const judgedOtherwise = new Map([['inverted-pair', inverted]]);
    if (pairs === 0) return { notes, judgedOtherwise };
    for (const { name, accuracy, votes } of judges)
      notes.push(`${name}: right in ${percent(accuracy)} of its ${votes} pairs, by the jury's own account${accuracy < WEAK ? ', hardly better than chance' : ''}.`); // prettier-ignore
    notes.push(
      `${percent(this.labelAccuracy)} of the labels are right; ${wrong} ${wrong === 1 ? 'pair is' : 'pairs are'} found mislabelled. The judges count as ${this.effective.toFixed(1)} that err independently.`,
    );
    return { notes, judgedOtherwise };
  }

  /** A line of JSON for each pair: where it is, what the judges say, and what follows. */
  *lines(paths: readonly string[]): Generator<string> {
    const { table } = this.grounds.audit;
    for (const i of this.grounds.pairs) {
      const { votes, mislabelled, low, high, against, judges } = this.verdict(i)!;
      yield JSON.stringify({
        file: paths[table.file.get(i)],
        row: table.row.get(i),
        line: table.place(i).line + 1,
        label: table.label(i),
        p_mislabelled: mislabelled,
        low,
        high,
        against,
        judges,
        votes,
        mislabelled: this.isWrong(i, this.grounds.limit),
      });
    }
  }
}

/** As many digits as mean something. */
const short = (p: number): number => Number(p.toPrecision(6));
const related = (other: number | undefined) => (other === undefined ? {} : { related: other });
const descriptionOf = (code: FindingCode): string =>
  RULES.find((rule) => rule.code === code)?.description ?? '';
