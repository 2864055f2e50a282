import { withoutBlanks } from '../../blank.js';
import type { ChatMessage } from '../../engine/types.js';
import { numberOf, type RawLabels } from '../../evaluation/items/labels.js';
import { ratedOf, type RatedMapping, type RawRated } from './layouts.js';
import { readRecords, type DataProblem } from './records.js';
import { own } from '../../fields.js';

export type Scale = readonly [min: number, max: number];

/** A response with the labels of its raters, all attributes that a file gives it. */
export interface Rated {
  readonly messages: readonly ChatMessage[];
  /** In [0, 1], (raw - min) / (max - min); one for each rater. */
  readonly labels: ReadonlyMap<string, readonly number[]>;
  /** What must not be split between training and test: the user's first message. */
  readonly group: string;
  readonly file: string;
  readonly line: number;
}

export interface RatedOptions {
  readonly mapping?: RatedMapping;
  /** By attribute; what is not here comes from the layout, else from the least and greatest label. */
  readonly scale?: Readonly<Record<string, Scale>>;
  /** Only these attributes; default: all. */
  readonly only?: readonly string[];
  /** Attribute of the file to the name in the model. */
  readonly rename?: Readonly<Record<string, string>>;
}

/**
 * Reads rated responses. Whatever cannot be used is told with its line, and the rest goes on. White
 * space around a response is dropped, as the dataset readers drop it around a turn; it would tell which
 * model wrote the response.
 * @throws Error when the file cannot be read
 */
export async function readRated(
  file: string,
  options: RatedOptions,
  problem: (p: DataProblem) => void,
): Promise<Rated[]> {
  const found: { raw: RawRated; line: number }[] = [];
  let told = 0;
  const records = await readRecords(file, (p) => (told++, problem(p)));
  if (records.length + told === 0) problem({ file, line: 1, message: 'the file holds no records' });
  for (const { fields, line, text } of records) {
    for (const raw of ratedOf(fields, options.mapping, text)) {
      if ('error' in raw) problem({ file, line, message: raw.error });
      else found.push({ raw, line });
    }
  }
  const scales = new Scales(found, options.scale ?? {});
  const { only, rename = {} } = options;
  const known = new Set(found.flatMap(({ raw }) => [...raw.labels.keys()]));
  for (const name of [...(only ?? []), ...Object.keys(rename)]) {
    if (found.length > 0 && !known.has(name)) {
      throw new Error(
        `${file}: no attribute "${name}", expected one of ${[...known].sort().join(', ')}`,
      );
    }
  }
  const out: Rated[] = [];
  for (const { raw, line } of found) {
    const tell = (message: string): void => problem({ file, line, message });
    const response = raw.response.trim();
    if (response === '') {
      tell('the response is empty');
      continue;
    }
    const labels = new Map<string, number[]>();
    for (const [name, { values, scale }] of [...raw.labels, ...unread(raw, known)]) {
      if (only && !only.includes(name)) continue;
      if (!isName(name)) {
        tell(`the attribute ${JSON.stringify(name.slice(0, 80))}: expected a name ${NAMES}`);
        continue;
      }
      const [min, max] = scales.of(name, scale);
      const scaled = scaleLabels(name, values, min, max);
      if (typeof scaled === 'string') tell(scaled);
      else labels.set(own(rename, name) ?? name, scaled);
    }
    if (labels.size === 0) continue;
    const messages = [...raw.prompt, { role: 'assistant', content: response }];
    out.push({ messages, labels, group: groupOf(messages), file, line });
  }
  return out;
}

/** Names stand in tables, files and options. */
export const NAMES = 'of 1 to 100 characters, none of them a control character';
export const isName = (name: string): boolean =>
  name.trim() !== '' && name.length <= 100 && !/\p{Cc}/u.test(name);

/** Columns that hold labels in other records and no number here: told, where they are not just empty. */
function unread({ labels, columns }: RawRated, known: ReadonlySet<string>): [string, RawLabels][] {
  return Object.entries(columns ?? {}).flatMap(([name, value]): [string, RawLabels][] => {
    if (!known.has(name) || labels.has(name)) return [];
    if (value === null || value === undefined || value === '') return [];
    return [[name, { values: Array.isArray(value) ? value : [value] }]];
  });
}

/**
 * The user's first message, or the first of all, without the blanks around it: files differ in those, and a prompt
 * must not be in training by one and held out by another.
 */
export function groupOf(messages: readonly ChatMessage[]): string {
  const first = messages.find(({ role }) => role === 'user') ?? messages[0];
  return withoutBlanks(first?.content ?? '');
}

/** @returns what is wrong, or labels in [0, 1] */
function scaleLabels(
  name: string,
  values: readonly unknown[],
  min: number,
  max: number,
): number[] | string {
  if (values.length === 0) return `${name}: the list of raters' labels is empty`;
  const out: number[] = [];
  for (const value of values) {
    const x = typeof value === 'boolean' ? Number(value) : numberOf(value);
    if (typeof x !== 'number' || !Number.isFinite(x)) {
      return `${name}: found ${(JSON.stringify(value) ?? 'nothing').slice(0, 80)}, expected a number`;
    }
    if (x < min || x > max) return `${name}: the label ${x} is outside of ${min} to ${max}`;
    const share = max > min ? (x - min) / (max - min) : 0;
    if (!Number.isFinite(share)) return `${name}: the scale ${min} to ${max} is too wide`;
    out.push(share);
  }
  return out;
}

/** Scales of a file's attributes: given, of the layout, or from the least to the greatest label. */
class Scales {
  private readonly seen = new Map<string, [number, number]>();

  constructor(
    found: readonly { raw: RawRated }[],
    private readonly given: Readonly<Record<string, Scale>>,
  ) {
    for (const { raw } of found) {
      for (const [name, { values }] of raw.labels) {
        for (const value of values) {
          const x = typeof value === 'boolean' ? Number(value) : numberOf(value);
          if (typeof x !== 'number' || !Number.isFinite(x)) continue;
          const range = this.seen.get(name) ?? [x, x];
          this.seen.set(name, [Math.min(range[0], x), Math.max(range[1], x)]);
        }
      }
    }
  }

  of(name: string, layout: Scale | undefined): Scale {
    return own(this.given, name) ?? layout ?? this.seen.get(name) ?? [0, 1];
  }
}
