import type { ChatMessage } from '../../engine/types.js';
import type { AttributeSource, PairSource } from '../config/config.js';
import type { Pair } from '../data/pairs.js';
import type { Rated } from '../data/rated.js';
import { choose, foldOf, type Split } from '../data/selection.js';
import { encode, type Encoded } from '../features/extract.js';
import type { LabelledSample, Plan, PlanContext, SamplePair } from './sample.js';

/** The least labels of an attribute that a head is fitted on. */
const LEAST_LABELS = 50;
/** Tokens of a conversation that is read at all. */
const LONGEST = 8192;
/** Takes the sample of each source, in the order of a seeded hash of its prompts. */
export class Sampler {
  readonly counts = new Map<string, { records: number; used: number; tooLong: number }>();
  private readonly groups: Encoded[][] = [];
  private readonly attributes = new Map<string, LabelledSample[]>();
  private readonly pairs: SamplePair[] = [];
  private readonly attributesOf = new Map<string, string[]>();
  private readonly routes = new Map<string, readonly string[]>();

  constructor(
    private readonly context: PlanContext,
    private readonly split: Split,
  ) {}

  addPairs(source: PairSource, rows: readonly Pair[]): void {
    const { seed } = this.context.config;
    const encoded = new Map<Pair, [Encoded, Encoded]>();
    const short = this.limit(source.name, rows.length, source.maxTokens);
    const accept = (pair: Pair): boolean => {
      // An older held-out part is judged whole; its long conversations too.
      const whole = source.heldOutFold && this.split.isHeldOut(pair.group);
      const limit = whole ? this.encode : short;
      const two = [limit(pair.chosen), limit(pair.rejected)];
      if (two[0] === undefined || two[1] === undefined) return false;
      encoded.set(pair, [two[0], two[1]]);
      return true;
    };
    const items = rows.map((pair) => {
      const content = JSON.stringify([pair.chosen, pair.rejected]);
      return { item: pair, group: pair.group, prompt: content, content, value: 0 };
    });
    const max = source.max ?? Infinity;
    const chosen = choose(items, { seed, max, perPrompt: Infinity }, accept).flat();
    for (const pair of chosen) {
      const [a, b] = encoded.get(pair)!;
      const place = this.place(pair.group, source.name);
      this.groups.push([a, b]);
      this.pairs.push({ ...place, chosen: a, rejected: b, gate: source.gate ?? true });
      if (source.attribute !== undefined) {
        this.label(source.attribute, { ...place, encoded: a, labels: [1] });
        this.label(source.attribute, { ...place, encoded: b, labels: [0] });
      }
    }
    if (source.attribute !== undefined) this.attributesOf.set(source.name, [source.attribute]);
    if (source.route !== undefined) this.routes.set(source.name, source.route);
    this.counts.get(source.name)!.used = chosen.length;
  }

  addRated(source: AttributeSource, rows: readonly Rated[]): void {
    const { seed } = this.context.config;
    const encoded = new Map<Rated, Encoded>();
    const limit = this.limit(source.name, rows.length, source.maxTokens);
    const accept = (row: Rated): boolean => {
      const one = limit(row.messages);
      if (one) encoded.set(row, one);
      return one !== undefined;
    };
    const items = rows.map((row) => ({
      item: row,
      group: row.group,
      prompt: JSON.stringify(row.messages.slice(0, -1)),
      content: row.messages.at(-1)!.content,
      value: firstMean(row),
    }));
    const max = source.max ?? Infinity;
    const perPrompt = source.perPrompt ?? Infinity;
    const chosen = choose(items, { seed, max, perPrompt }, accept);
    const names = new Set<string>();
    for (const rowsOfPrompt of chosen) {
      this.groups.push(rowsOfPrompt.map((row) => encoded.get(row)!));
      for (const row of rowsOfPrompt) {
        const place = this.place(row.group, source.name);
        for (const [name, labels] of row.labels) {
          names.add(name);
          this.label(name, { ...place, encoded: encoded.get(row)!, labels });
        }
      }
      if (source.pairs) this.derive(source.name, rowsOfPrompt, encoded);
    }
    this.attributesOf.set(source.name, [...names]);
    this.counts.get(source.name)!.used = chosen.flat().length;
  }

  /** Pairs of the responses of one prompt whose mean label differs, each response in one pair at most. */
  private derive(source: string, rows: readonly Rated[], encoded: Map<Rated, Encoded>): void {
    const sorted = [...rows].sort((a, b) => firstMean(a) - firstMean(b));
    for (let low = 0, high = sorted.length - 1; low < high; low++, high--) {
      const [bad, good] = [sorted[low]!, sorted[high]!];
      if (!(firstMean(good) > firstMean(bad))) break;
      const [chosen, rejected] = [encoded.get(good)!, encoded.get(bad)!];
      this.pairs.push({ ...this.place(good.group, source), chosen, rejected, gate: true });
    }
  }

  private readonly encode = (messages: readonly ChatMessage[]): Encoded | undefined => {
    const { tokenizer, config, longest } = this.context;
    // One token more, so that what is cut to it is longer than what is taken.
    const found = encode(tokenizer, messages, Math.max(config.maxTokens, LONGEST) + 1);
    return 'error' in found || found.ids.length > longest ? undefined : found;
  };

  private limit(
    name: string,
    records: number,
    maxTokens = this.context.config.maxTokens,
  ): (messages: readonly ChatMessage[]) => Encoded | undefined {
    const counts = { records, used: 0, tooLong: 0 };
    this.counts.set(name, counts);
    return (messages) => {
      // Not cut: a conversation without its beginning is another one.
      const found = this.encode(messages);
      if (found && found.ids.length <= maxTokens) return found;
      counts.tooLong++;
      return undefined;
    };
  }

  private place(group: string, source: string) {
    const { seed, folds } = this.context.config;
    return {
      group,
      source,
      heldOut: this.split.isHeldOut(group),
      fold: foldOf(seed, group, folds),
    };
  }

  private label(name: string, sample: LabelledSample): void {
    const found = this.attributes.get(name);
    if (found) found.push(sample);
    else this.attributes.set(name, [sample]);
  }

  /** Files of which nothing is used, and attributes whose labels are all the same. */
  private whyNone(alike: readonly string[]): string {
    const { attributes, pairs } = this.context.config;
    const unused = [...attributes, ...pairs.filter((p) => p.attribute !== undefined)].flatMap(
      ({ file, name }) => {
        const { records = 0, used = 0, tooLong = 0 } = this.counts.get(name) ?? {};
        if (used > 0) return [];
        const long = tooLong > 0 ? `, ${tooLong} of them too long` : '';
        return [
          `${file}: ${records === 0 ? 'no record' : `none of ${records} records`} is used${long}`,
        ];
      },
    );
    return ['no attribute is left to train', ...unused, ...alike].join('\n  ');
  }

  result(): Omit<Plan, 'files'> {
    const { maxPerAttribute } = this.context.config;
    const alike: string[] = [];
    for (const [name, samples] of this.attributes) {
      let labels = 0;
      // The sample is in the order of the seeded hash already.
      const kept = samples.filter((s) => (labels += s.labels.length) <= maxPerAttribute);
      const values = new Set(kept.flatMap((s) => s.labels));
      const count = kept.reduce((sum, s) => sum + s.labels.length, 0);
      if (values.size === 1) {
        const why = `all of its ${count} labels are the same (in ${kept[0]!.source})`;
        this.context.say(`Attribute ${name} is left out: ${why}`);
        alike.push(`${name}: ${why}`);
        this.attributes.delete(name);
        continue;
      }
      if (count < LEAST_LABELS) {
        throw new Error(
          `attribute ${name}: ${count} labels in ${[...new Set(kept.map((s) => s.source))].join(', ')}; ` +
            `a head needs ${LEAST_LABELS} or more`,
        );
      }
      // A head is judged by the folds that it did not see.
      const folds = new Set(kept.filter((s) => !s.heldOut).map((s) => s.fold));
      if (folds.size < 2) {
        const prompts = new Set(kept.map((s) => s.group)).size;
        throw new Error(
          `attribute ${name}: its ${count} labels are of ${prompts} ${prompts === 1 ? 'prompt' : 'prompts'}, ` +
            `too few for cross-validation: expected some in two folds or more`,
        );
      }
      this.attributes.set(name, kept);
    }
    if (this.attributes.size === 0) throw new Error(this.whyNone(alike));
    const { groups, attributes, pairs, attributesOf, routes } = this;
    return { groups, attributes, pairs, attributesOf, routes };
  }
}

function firstMean({ labels }: Rated): number {
  const [first] = labels.values();
  return first ? first.reduce((a, b) => a + b, 0) / first.length : 0;
}
