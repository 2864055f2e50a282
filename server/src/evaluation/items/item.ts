import type { DatasetRow } from '../../datasets/types.js';
import { EXAMPLE_COUNTS, PRIOR_SETS } from '../suites/rewardbench.js';
import { rb2Subset, RB2_SUBSETS, tiesId } from '../suites/rewardbench2.js';
import { STYLES } from '../suites/rm-bench.js';
import { judgeBenchLabel, judgeBenchPart } from '../suites/judgebench.js';
import { RATED_EXPECTS, suiteOf, type PreferenceSuite, type SuiteName } from '../suites/index.js';
import { annotationLabels, labelsOf, ownLabels, type RawLabels } from './labels.js';
import { isFields, type Fields } from '../../fields.js';

/** A preference: conversations of its row that are right, and those that are wrong. */
export interface PreferenceItem {
  readonly type: 'preference';
  readonly suite: PreferenceSuite;
  readonly subset: string;
  /** Of the data; undefined where it has none. */
  readonly id: string | undefined;
  readonly right: readonly number[];
  readonly wrong: readonly number[];
}

/** Responses with raters' labels. */
export interface RatedItem {
  readonly type: 'rated';
  readonly id: string | undefined;
  readonly subset: string;
  readonly responses: readonly {
    readonly conversation: number;
    readonly labels: ReadonlyMap<string, RawLabels>;
  }[];
}

export type Item = PreferenceItem | RatedItem;
/** Why a row is no item of its suite: what was found, and what the suite expects. */
export interface NoItem {
  readonly error: string;
}

const HHH = new Set(['harmless', 'helpful', 'honest', 'other', 'helpful-base', 'harmless-base']);
const IDS = ['id', 'pair_id', 'uid', '_id', 'prompt_id', 'question_id', 'idx', 'index'];

/** Items of one file: all of the suite of its first row, or of the one that is asked for. */
export class ItemReader {
  private suite: SuiteName | undefined;

  /** @param stem the file's name without folders and endings, the subset of rows that name none */
  constructor(
    private readonly stem: string,
    asked?: SuiteName,
  ) {
    this.suite = asked;
  }

  read(row: DatasetRow): Item | NoItem {
    const shape = shapeOf(row);
    const aside = row.aside ?? {};
    if (this.suite === undefined) {
      const told = tellSuite(shape, aside, row, this.stem);
      if (told === undefined)
        return {
          error: `no suite fits: found ${shape.words}; expected chosen and rejected, lists of them, response_A and response_B with a label, or a response with numeric labels`,
        };
      this.suite = told;
    }
    return this.suite === 'rated'
      ? this.rated(row, shape)
      : this.preference(this.suite, row, shape);
  }

  private preference(suite: PreferenceSuite, row: DatasetRow, shape: Shape): Item | NoItem {
    const aside = row.aside ?? {};
    const wrong = (found: string): NoItem => ({
      error: `found ${found}; ${suiteOf(suite).title} expects ${suiteOf(suite).expects}`,
    });
    const id = firstText(aside, IDS);
    const named = firstText(aside, ['subset', 'domain', 'category']);
    const base = { type: 'preference', suite, id } as const;
    switch (suite) {
      case 'judgebench': {
        if (shape.ab === undefined) return wrong(shape.words);
        const better = judgeBenchLabel(aside['label']);
        if (better === undefined) return wrong(`the label ${JSON.stringify(aside['label'])}`);
        const [a, b] = shape.ab;
        const [right, other] = better === 'A' ? [a, b] : [b, a];
        const source = judgeBenchPart(firstText(aside, ['source', 'subset']) ?? this.stem);
        return { ...base, subset: source, right: [right], wrong: [other] };
      }
      case 'rm-bench': {
        if (
          shape.kind !== 'lists' ||
          shape.right.length !== STYLES ||
          shape.wrong.length !== STYLES
        )
          return wrong(shape.words);
        const domain = named ?? /^[a-z][\w -]*(?=\/)/i.exec(id ?? '')?.[0] ?? this.stem;
        return { ...base, subset: domain, right: shape.right, wrong: shape.wrong };
      }
      case 'rewardbench-2': {
        if (shape.kind !== 'lists' && shape.kind !== 'pair') return wrong(shape.words);
        const subset = rb2Subset(named ?? this.stem);
        if (!RB2_SUBSETS.some((s) => s === subset)) return wrong(`the subset "${subset}"`);
        const counted = counts(aside, shape);
        if (counted !== undefined) return wrong(counted);
        if (subset === 'Ties' && tiesId(id ?? '') === undefined)
          return wrong(`the id ${JSON.stringify(id ?? null)} in Ties`);
        if (subset !== 'Ties' && shape.right.length !== 1)
          return wrong(`${shape.right.length} chosen responses in ${subset}, which has one`);
        return { ...base, subset, right: shape.right, wrong: shape.wrong };
      }
      case 'rewardbench': {
        if (shape.kind !== 'pair') return wrong(shape.words);
        if (named === undefined || !isRewardBench(named))
          return wrong(named === undefined ? 'no subset' : `the subset "${named}"`);
        return { ...base, subset: named, right: shape.right, wrong: shape.wrong };
      }
      case 'hhh':
      case 'pairs':
        if (shape.kind !== 'pair') return wrong(shape.words);
        return { ...base, subset: named ?? this.stem, right: shape.right, wrong: shape.wrong };
    }
  }

  private rated(row: DatasetRow, shape: Shape): Item | NoItem {
    const found = ratings(row);
    if ('error' in found) return { error: `${found.error}; rated responses are ${RATED_EXPECTS}` };
    if (found.length === 0)
      return { error: `found ${shape.words} and no labels; expected ${RATED_EXPECTS}` };
    const aside = row.aside ?? {};
    const subset = firstText(aside, ['subset']) ?? this.stem;
    return { type: 'rated', id: firstText(aside, IDS), subset, responses: found };
  }
}

const isRewardBench = (subset: string): boolean =>
  Object.hasOwn(EXAMPLE_COUNTS, subset) || PRIOR_SETS.includes(subset);

/** What a row looks like. */
type Shape = {
  readonly words: string;
  /** Conversations of response_A and response_B, where these are all. */
  readonly ab?: readonly [number, number];
} & (
  | { readonly kind: 'pair' | 'lists'; readonly right: number[]; readonly wrong: number[] }
  | { readonly kind: 'ab' }
  | { readonly kind: 'other' }
);

function shapeOf({ conversations }: DatasetRow): Shape {
  const at = (test: (label: string, kind: string) => boolean): number[] =>
    conversations.flatMap(({ label, kind }, i) => (test(label, kind) ? [i] : []));
  const right = at((label, kind) => kind === 'chosen' || /^chosen(?: \d+)?$/.test(label));
  const wrong = at((label, kind) => kind === 'rejected' || /^rejected(?: \d+)?$/.test(label));
  const both = right.length + wrong.length === conversations.length;
  const sides = ['a', 'b'].map((x) =>
    conversations.findIndex(({ label }) => label.toLowerCase() === `response_${x}`),
  ) as [number, number];
  const ab = conversations.length === 2 && sides.every((c) => c >= 0) ? { ab: sides } : {};
  if (both && right.length === 1 && wrong.length === 1) {
    const words = 'one chosen and one rejected response';
    return { kind: 'pair', right, wrong, words: 'ab' in ab ? 'response_A and response_B' : words, ...ab }; // prettier-ignore
  }
  if (both && right.length > 0 && wrong.length > 0) {
    const words = `${right.length} chosen and ${wrong.length} rejected responses`;
    return { kind: 'lists', right, wrong, words };
  }
  if ('ab' in ab) return { kind: 'ab', words: 'response_A and response_B', ...ab };
  const kinds = [...new Set(conversations.map((c) => c.kind))].join(', ');
  const n = conversations.length;
  return { kind: 'other', words: `${n} ${n === 1 ? 'conversation' : 'conversations'} (${kinds})` };
}

/** @param stem the file's: rows of BIG-bench and of hh-rlhf name no subset */
function tellSuite(
  shape: Shape,
  aside: Fields,
  row: DatasetRow,
  stem: string,
): SuiteName | undefined {
  const subset = firstText(aside, ['subset', 'category']) ?? '';
  const rb2 = RB2_SUBSETS.some((s) => s === rb2Subset(subset));
  if (shape.ab !== undefined && judgeBenchLabel(aside['label']) !== undefined) return 'judgebench';
  if (shape.kind === 'lists') {
    const three = shape.right.length === STYLES && shape.wrong.length === STYLES;
    return three && !rb2 && aside['num_correct'] === undefined ? 'rm-bench' : 'rewardbench-2';
  }
  if (shape.kind === 'pair') {
    if (rb2 && aside['num_correct'] !== undefined) return 'rewardbench-2';
    if (isRewardBench(subset)) return 'rewardbench';
    return HHH.has(subset === '' ? stem : subset) ? 'hhh' : 'pairs';
  }
  return hasRatings(row) ? 'rated' : undefined;
}

/** Fields of RewardBench 2 that must agree with its lists. */
function counts(aside: Fields, shape: { right: number[]; wrong: number[] }): string | undefined {
  const told = (name: string, found: number): string | undefined => {
    const value = aside[name];
    if (value === undefined || value === null || Number(value) === found) return undefined;
    return `${name} ${JSON.stringify(value)} and ${found} in the lists`;
  };
  return (
    told('num_correct', shape.right.length) ??
    told('num_incorrect', shape.wrong.length) ??
    told('total_completions', shape.right.length + shape.wrong.length)
  );
}

function ratings(row: DatasetRow): RatedItem['responses'] | NoItem {
  const aside = cells(row.aside ?? {});
  const responses = row.conversations.flatMap((c, conversation) =>
    c.targets.length > 0 ? [conversation] : [],
  );
  if (isFields(aside['scores'])) {
    const labels = ownLabels(aside);
    if ('error' in labels) return labels;
    return responses.length === 1 ? [{ conversation: responses[0]!, labels }] : [];
  }
  const set = aside['completions'];
  if (Array.isArray(set)) {
    return responses.flatMap((conversation) => {
      const one: unknown = set[conversation];
      const labels = annotationLabels(isFields(one) ? one['annotations'] : undefined);
      return labels.size === 0 ? [] : [{ conversation, labels }];
    });
  }
  // KTO's label or a vote, where nothing else is said of the response.
  const gold = responses.flatMap((conversation) => {
    const good = row.conversations[conversation]!.gold?.desirable;
    if (good === undefined) return [];
    const labels = new Map([['desirable', { values: [good], scale: [0, 1] as const }]]);
    return [{ conversation, labels }];
  });
  if (gold.length > 0) return gold;
  const labels = labelsOf(aside);
  if (labels.size === 0 || responses.length !== 1) return [];
  return [{ conversation: responses[0]!, labels }];
}

/** Does a row hold labels of its own? */
export function hasRatings(row: DatasetRow): boolean {
  const found = ratings(row);
  return 'error' in found || found.length > 0;
}

/** Cells of CSV as JSON would have them: numbers, truth values, lists. */
function cells(aside: Fields): Fields {
  return Object.fromEntries(
    Object.entries(aside).map(([name, value]) => [
      name,
      typeof value === 'string' ? cell(value) : value,
    ]),
  );
}

function cell(text: string): unknown {
  const t = text.trim();
  if (/^(?:true|false)$/i.test(t)) return t.toLowerCase() === 'true';
  if (/^[[{].*[\]}]$/s.test(t)) {
    try {
      return JSON.parse(t);
    } catch {
      return text;
    }
  }
  return t !== '' && Number.isFinite(Number(t)) ? Number(t) : text;
}

function firstText(aside: Fields, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = aside[name];
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}
