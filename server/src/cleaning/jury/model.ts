import { seeded } from '../../evaluation/statistics/index.js';
import { drained } from '../../audit/index.js';

/** Steps of confidence that a judge's accuracy is told apart for. */
const STEPS = 4;
const ROUNDS = 200;
const DRAWS = 200;
/** A step is so many pairs less one: all ones, in binary. */
const PACE = 16_383;
/** Beta(2, 1) on every accuracy: a judge, and a label, is rather right than wrong. */
const [RIGHT, WRONG] = [2, 1];

export interface Verdict {
  /** P(the label of the pair is wrong). */
  readonly mislabelled: number;
  /** The middle 90 % of it, as the judges' accuracies are uncertain. */
  readonly low: number;
  readonly high: number;
  /** Judges that find the rejected response better, and those that judged. */
  readonly against: number;
  readonly judges: number;
}

export interface JuryResult {
  readonly verdicts: readonly Verdict[];
  /** Share of right labels, as the jury has it. */
  readonly labelAccuracy: number;
  /** Of each judge, over all its votes. */
  readonly accuracies: readonly number[];
  /** Judges that err alike count as so many independent ones. */
  readonly effective: number;
}

/**
 * Judges against labels (Dawid & Skene 1979, with one coin an annotator, for a pair has no order of its own):
 * the label is an annotator like the judges, each judge has an accuracy for each quarter of its confidence
 * |p - 1/2|, and expectation maximisation finds accuracies and P(label wrong) together. Judges that err
 * alike are no independent witnesses: their evidence is divided by 1 + (J - 1) r, r the mean correlation of
 * their votes given the truth (the design effect of clustered samples, Kish 1965).
 * @param votes of each judge P(chosen beats rejected) of each pair, NaN where it has none
 */
export function jury(votes: readonly ArrayLike<number>[], seed = 1): JuryResult {
  return drained(deliberation(votes, seed));
}

/** The same in steps of some milliseconds at most. */
export function* deliberation(
  votes: readonly ArrayLike<number>[],
  seed = 1,
): Generator<undefined, JuryResult> {
  const J = votes.length;
  const n = votes[0]?.length ?? 0;
  const step = votes.map(stepsOf);
  const wrong = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let [against, known] = [0, 0];
    for (const vote of votes) {
      const p = vote[i]!;
      if (Number.isNaN(p)) continue;
      known++;
      if (p < 0.5) against++;
    }
    wrong[i] = known === 0 ? 0.1 : 0.05 + (0.6 * against) / known;
  }
  const hits = Array.from({ length: J }, () => new Float64Array(STEPS));
  const misses = Array.from({ length: J }, () => new Float64Array(STEPS));
  let labels: [number, number] = [RIGHT, WRONG];
  let design = 1;
  for (let round = 0; round < ROUNDS; round++) {
    labels = [RIGHT, WRONG];
    for (let j = 0; j < J; j++) {
      hits[j]!.fill(RIGHT);
      misses[j]!.fill(WRONG);
    }
    for (let i = 0; i < n; i++) {
      if ((i & PACE) === PACE) yield;
      labels[0] += 1 - wrong[i]!;
      labels[1] += wrong[i]!;
      for (let j = 0; j < J; j++) {
        const p = votes[j]![i]!;
        if (Number.isNaN(p)) continue;
        const right = p < 0.5 ? wrong[i]! : 1 - wrong[i]!;
        hits[j]![step[j]![i]!]! += right;
        misses[j]![step[j]![i]!]! += 1 - right;
      }
    }
    if (round % 10 === 0) design = 1 + (J - 1) * (yield* likeness(votes, wrong));
    const evidence = hits.map((of, j) => of.map((h, s) => Math.log(h / misses[j]![s]!)));
    const prior = Math.log(labels[1] / labels[0]);
    let moved = 0;
    for (let i = 0; i < n; i++) {
      if ((i & PACE) === PACE) yield;
      const now = posterior(votes, step, evidence, prior, design, i);
      moved = Math.max(moved, Math.abs(now - wrong[i]!));
      wrong[i] = now;
    }
    if (moved < 1e-6 && round > 10) break;
  }
  const random = seeded(seed);
  const samples = Array.from({ length: DRAWS }, () => ({
    prior: -logOdds(labels[0], labels[1], random),
    evidence: hits.map((of, j) => of.map((h, s) => logOdds(h, misses[j]![s]!, random))),
  }));
  const verdictOf = (i: number): Verdict => {
    const drawn = samples
      .map((s) => posterior(votes, step, s.evidence, s.prior, design, i))
      .sort((a, b) => a - b);
    const own = votes.map((v) => v[i]!).filter((p) => !Number.isNaN(p));
    return {
      mislabelled: wrong[i]!,
      low: Math.min(wrong[i]!, drawn[Math.floor(0.05 * DRAWS)]!),
      high: Math.max(wrong[i]!, drawn[Math.floor(0.95 * DRAWS)]!),
      against: own.filter((p) => p < 0.5).length,
      judges: own.length,
    };
  };
  // Pairs of which every judge says the same, as surely, have one verdict.
  const alike = new Map<number, Verdict>();
  const verdicts: Verdict[] = [];
  for (let i = 0; i < n; i++) {
    if ((i & 63) === 63) yield;
    const key = J > MOST_KEYED ? i : keyOf(votes, step, i);
    const verdict = alike.get(key) ?? verdictOf(i);
    if (J <= MOST_KEYED) alike.set(key, verdict);
    verdicts.push(verdict);
  }
  const sum = (of: Float64Array) => of.reduce((a, b) => a + b, 0);
  return {
    verdicts,
    labelAccuracy: labels[0] / (labels[0] + labels[1]),
    accuracies: hits.map((of, j) => sum(of) / (sum(of) + sum(misses[j]!))),
    effective: J / design,
  };
}

/** Does the jury find a pair mislabelled? @param quorum share of the judges that must find so */
export const isMislabelled = (v: Verdict, quorum: number, least = 0.5): boolean =>
  v.judges > 0 && v.mislabelled >= least && v.against >= quorum * v.judges;

function posterior(
  votes: readonly ArrayLike<number>[],
  step: readonly Uint8Array[],
  evidence: readonly Float64Array[],
  prior: number,
  design: number,
  i: number,
): number {
  let odds = 0;
  for (let j = 0; j < votes.length; j++) {
    const p = votes[j]![i]!;
    if (!Number.isNaN(p)) odds += (p < 0.5 ? 1 : -1) * evidence[j]![step[j]![i]!]!;
  }
  return 1 / (1 + Math.exp(-(prior + odds / design)));
}

/** The quarter of the judge's own confidences that each vote is in. */
function stepsOf(vote: ArrayLike<number>): Uint8Array {
  const distance = (p: number) => Math.abs(p - 0.5);
  const sorted = Array.from(vote).filter((p) => !Number.isNaN(p)).map(distance).sort((a, b) => a - b); // prettier-ignore
  const limits = Array.from({ length: STEPS - 1 }, (_, s) => sorted[Math.floor(((s + 1) * sorted.length) / STEPS)] ?? 0); // prettier-ignore
  return Uint8Array.from(
    vote as ArrayLike<number>,
    (p) => limits.filter((l) => distance(p) >= l).length,
  );
}

/** What the judges say of a pair, as a number: of each nothing, or its side and its quarter of confidence. */
const keyOf = (votes: readonly ArrayLike<number>[], step: readonly Uint8Array[], i: number) =>
  votes.reduce((key, { [i]: p = Number.NaN }, j) => {
    const said = Number.isNaN(p) ? 0 : 1 + 2 * step[j]![i]! + (p < 0.5 ? 1 : 0);
    return key * (1 + 2 * STEPS) + said;
  }, 0);
/** More judges have more keys than a number tells apart. */
const MOST_KEYED = 16;

/** Mean correlation of the judges' votes given the truth, at least 0. */
function* likeness(
  votes: readonly ArrayLike<number>[],
  wrong: Float64Array,
): Generator<undefined, number> {
  const n = wrong.length;
  // A vote is right or wrong by the likelier truth.
  const errors = votes.map((vote) =>
    Float64Array.from({ length: n }, (_, i) => {
      const p = vote[i]!;
      return Number.isNaN(p) ? Number.NaN : p < 0.5 ? 1 - wrong[i]! : wrong[i]!;
    }),
  );
  let [sum, pairs] = [0, 0];
  for (let a = 0; a < errors.length; a++)
    for (let b = a + 1; b < errors.length; b++) {
      sum += correlation(errors[a]!, errors[b]!);
      pairs++;
      yield;
    }
  return pairs === 0 ? 0 : Math.max(0, sum / pairs);
}

function correlation(a: Float64Array, b: Float64Array): number {
  let [n, sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    n++;
    sa += x;
    sb += y;
    saa += x * x;
    sbb += y * y;
    sab += x * y;
  }
  const va = saa - (sa * sa) / n;
  const vb = sbb - (sb * sb) / n;
  return va > 0 && vb > 0 ? (sab - (sa * sb) / n) / Math.sqrt(va * vb) : 0;
}

/** A draw of the log odds of a Beta(a, b), by its normal approximation (variance 1/a + 1/b). */
function logOdds(a: number, b: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.log(a / b) + Math.sqrt(1 / a + 1 / b) * normal;
}
