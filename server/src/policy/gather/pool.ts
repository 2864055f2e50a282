import { Column } from '../../audit/index.js';
import type { DatasetRow } from '../../datasets/types.js';
import { mixture, rearrange, type QrmSpec } from '../../qrm/index.js';
import type { ScoredTarget } from '../../session/row-scores.js';
import { contentHash } from '../../store/index.js';
import { importance, type SampleSet } from '../samples.js';
import { logProbabilitiesOf } from './log-probabilities.js';

/** Where a sample stands in its files. */
export interface Origin {
  readonly file: number;
  readonly row: number;
  readonly conversation: number;
  readonly target: number;
  /** Zero-based. */
  readonly line: number;
}

/** What was read and is no sample, and why. */
export interface LeftOut {
  /** Responses without a score. */
  readonly unscored: number;
  /** The same response to the same prompt in another pair: pairs are made of samples, none is drawn twice. */
  readonly repeated: number;
  /** Prompts with one response, between which nothing is to be chosen. */
  readonly single: number;
  /** Responses without a log-probability, where others have one. */
  readonly withoutLogProbability: number;
}

export interface Pool {
  readonly samples: SampleSet;
  /** Of the i-th sample. */
  readonly origin: (i: number) => Origin;
  readonly leftOut: LeftOut;
}

/**
 * Scored responses by their prompt (the turns before them): rows of one prompt go together, wherever they stand. Numbers
 * alone are kept, about 250 bytes a response with 19 levels and 15 attributes.
 */
export class PoolBuilder {
  private readonly f32 = () => new Column(Float32Array);
  private readonly u32 = () => new Column(Uint32Array);
  private readonly prompts = new Map<string, number>();
  private readonly sizes: number[] = [];
  private readonly seen = new Set<string>();
  private readonly prompt = this.u32();
  private readonly quantiles = this.f32();
  private readonly means = this.f32();
  private readonly expectation = new Column(Float64Array);
  private readonly tokens = this.u32();
  private readonly policy = new Column(Float64Array);
  private readonly reference = new Column(Float64Array);
  private readonly origins = [this.u32(), this.u32(), this.u32(), this.u32(), this.u32()];
  private length = 0;
  private unscored = 0;
  private repeated = 0;
  /** Of each kind of log-probability, how many there are. */
  private readonly known = { policy: 0, reference: 0 };

  /** @param weights fixed weights in place of the gate, length M */
  constructor(
    private readonly spec: QrmSpec,
    private readonly weights?: readonly number[],
  ) {}

  get responses(): number {
    return this.length;
  }

  add(file: number, row: DatasetRow, targets: readonly ScoredTarget[]): void {
    const { aside } = row as { aside?: Readonly<Record<string, unknown>> };
    let last: { turns: readonly unknown[]; key: string } | undefined;
    targets.forEach((t, n) => {
      if (!t.result.ok) {
        this.unscored++;
        return;
      }
      const turns = row.conversations[t.conversation]?.turns ?? [];
      const before = turns.slice(0, t.target);
      // Responses of a row share the very turns of their prompt.
      const same =
        last?.turns.length === before.length && before.every((x, i) => x === last?.turns[i]);
      const key = same && last ? last.key : this.keyOf(file, row, before);
      last = { turns: before, key };
      if (t.kind === 'chosen' || t.kind === 'rejected') {
        const response = t.hash.toString('latin1');
        if (this.seen.has(response)) {
          this.repeated++;
          return;
        }
        this.seen.add(response);
      }
      let prompt = this.prompts.get(key);
      if (prompt === undefined) {
        prompt = this.sizes.push(0) - 1;
        this.prompts.set(key, prompt);
      }
      this.sizes[prompt]!++;
      const i = this.length++;
      this.prompt.set(i, prompt);
      this.score(i, t.result.score);
      const logs = aside && logProbabilitiesOf(aside, n, targets.length);
      this.policy.set(i, logs?.policy ?? Number.NaN);
      this.reference.set(i, logs?.reference ?? Number.NaN);
      if (logs && !Number.isNaN(logs.policy)) this.known.policy++;
      if (logs && !Number.isNaN(logs.reference)) this.known.reference++;
      const at = [file, row.index, t.conversation, t.target, t.place.line];
      at.forEach((value, c) => this.origins[c]?.set(i, value));
    });
  }

  private keyOf(file: number, row: DatasetRow, before: DatasetRow['conversations'][0]['turns']) {
    if (before.length === 0) return `${file}:${row.index}`; // no prompt: the row is all that is known
    return contentHash(before, before.length - 1).toString('latin1');
  }

  private score(i: number, score: Extract<ScoredTarget['result'], { ok: true }>['score']): void {
    const K = this.spec.levels.length;
    const M = this.spec.attributes.length;
    const raw = mixture(score, this.weights);
    const sorted = rearrange(raw);
    let sum = 0;
    for (let k = 0; k < K; k++) {
      this.quantiles.set(i * K + k, sorted[k]!);
      sum += raw[k]!;
    }
    this.expectation.set(i, this.weights === undefined ? score.expectation : sum / K);
    for (let m = 0; m < M; m++) {
      let mean = 0;
      for (let k = 0; k < K; k++) mean += score.attributeQuantiles[m * K + k]! / K;
      this.means.set(i * M + m, mean);
    }
    this.tokens.set(i, score.tokens);
  }

  /** The samples by prompt, in the order in which prompts were first met. */
  build(): Pool {
    const { spec, sizes } = this;
    const K = spec.levels.length;
    const M = spec.attributes.length;
    // Prompts with one response are left out: `place` is where the next sample of a prompt goes.
    const place = new Uint32Array(sizes.length);
    const offsets = [0];
    let single = 0;
    sizes.forEach((size, p) => {
      const next = offsets.at(-1)!;
      if (size < 2) {
        single++;
        return;
      }
      place[p] = next;
      offsets.push(next + size);
    });
    const N = offsets.at(-1)!;
    const index = new Uint32Array(N);
    for (let i = 0; i < this.length; i++) {
      const p = this.prompt.get(i);
      if (sizes[p]! >= 2) index[place[p]!++] = i;
    }
    const column = <T extends Float32Array | Float64Array | Uint32Array>(
      out: T,
      from: Column,
      width: number,
    ): T => {
      for (let n = 0; n < N; n++)
        for (let c = 0; c < width; c++) out[n * width + c] = from.get(index[n]! * width + c);
      return out;
    };
    const samples: SampleSet = {
      levels: spec.levels,
      attributes: spec.attributes,
      offsets: Uint32Array.from(offsets),
      quantiles: column(new Float32Array(N * K), this.quantiles, K),
      expectation: column(new Float64Array(N), this.expectation, 1),
      attributeMeans: column(new Float32Array(N * M), this.means, M),
      tokens: column(new Uint32Array(N), this.tokens, 1),
      ...this.probabilities(N, Uint32Array.from(offsets), (from) =>
        column(new Float64Array(N), from, 1),
      ),
    };
    return {
      samples,
      origin: (n) => {
        const at = this.origins.map((c) => c.get(index[n]!));
        const [file = 0, row = 0, conversation = 0, target = 0, line = 0] = at;
        return { file, row, conversation, target, line };
      },
      leftOut: {
        unscored: this.unscored,
        repeated: this.repeated,
        single,
        withoutLogProbability: this.known.policy === 0 ? 0 : this.length - this.known.policy,
      },
    };
  }

  /** Half of the log-probabilities are no basis: all responses have them, or none. */
  private probabilities(
    N: number,
    offsets: Uint32Array,
    column: (from: Column) => Float64Array,
  ): Pick<SampleSet, 'base' | 'logProbability'> {
    if (N === 0 || this.known.policy < this.length) return {};
    const policy = column(this.policy);
    if (this.known.reference < this.length) return { logProbability: policy };
    const reference = column(this.reference);
    return { logProbability: reference, base: importance(offsets, policy, reference) };
  }
}
