import type { ChatMessage } from '../../engine/types.js';
import { isFields, type Fields } from './records.js';

/** From which fields a response and its labels are read, where they are not told from the record. */
export interface RatedMapping {
  /** A text, or a list of messages {role, content}. */
  readonly prompt?: string;
  readonly response?: string;
  /** Attribute name to the column that holds its number, or its list of raters' numbers. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A response as a file gives it: labels in the file's own unit. */
export interface RawRated {
  readonly prompt: readonly ChatMessage[];
  readonly response: string;
  readonly labels: ReadonlyMap<string, RawLabels>;
}

export interface RawLabels {
  /** As found; each rater's own. What is no number is told later, with its place. */
  readonly values: readonly unknown[];
  /** [min, max] where the layout fixes it. */
  readonly scale?: readonly [number, number];
}

const PROMPTS = [
  'prompt',
  'instruction',
  'orig_instruction',
  'question',
  'query',
  'input',
  'context',
];
const RESPONSES = ['response', 'orig_response', 'output', 'answer', 'completion', 'reply'];
const HELPSTEER = ['helpfulness', 'correctness', 'coherence', 'complexity', 'verbosity'];
/** Numbers that are no labels. */
const NOT_LABELS =
  /^(id|idx|index|row|line|seed|turn|length|tokens|timestamp|year|.*_(id|idx|index))$/i;

/**
 * What a record holds, by its layout: the project's own (`scores` and `scale`), UltraFeedback
 * (`completions` with `annotations`), BeaverTails (`is_safe`), Prometheus (`orig_score`, `score`),
 * HelpSteer (0 to 4), or any record with a prompt, a response and numeric columns.
 * @returns what is missing, as an error, in place of responses
 */
export function ratedOf(
  fields: Fields,
  mapping: RatedMapping = {},
): RawRated[] | { error: string } {
  if (isFields(fields['scores']) && mapping.labels === undefined) return ownLayout(fields);
  if (Array.isArray(fields['completions']) && mapping.response === undefined) {
    return ultraFeedback(fields);
  }
  const prompt = messagesOf(pick(fields, mapping.prompt, PROMPTS));
  if (!prompt) {
    return { error: missing('a prompt', mapping.prompt, PROMPTS, fields) };
  }
  const response = pick(fields, mapping.response, RESPONSES);
  if (typeof response !== 'string') {
    return { error: missing('a response (a text)', mapping.response, RESPONSES, fields) };
  }
  const labels = labelsOf(fields, mapping);
  if (labels.size === 0) {
    return {
      error: `no labels: expected numbers in columns beside prompt and response, found ${Object.keys(fields).join(', ')}`,
    };
  }
  return [{ prompt, response, labels }];
}

function labelsOf(fields: Fields, mapping: RatedMapping): Map<string, RawLabels> {
  const labels = new Map<string, RawLabels>();
  const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : [v]);
  if (mapping.labels) {
    for (const [attribute, column] of Object.entries(mapping.labels)) {
      if (fields[column] !== undefined && fields[column] !== null) {
        labels.set(attribute, { values: list(fields[column]), scale: scaleOf(fields[column]) });
      }
    }
    return labels;
  }
  if (typeof fields['is_safe'] === 'boolean' || typeof fields['is_response_safe'] === 'boolean') {
    const safe = fields['is_safe'] ?? fields['is_response_safe'];
    labels.set('safe', { values: [safe], scale: [0, 1] });
    return labels;
  }
  const score = fields['orig_score'] ?? (fields['orig_criteria'] ? fields['score'] : undefined);
  if (score !== undefined) {
    labels.set('prometheus-score', { values: list(score).map(numberOf), scale: [1, 5] });
    return labels;
  }
  const helpSteer = HELPSTEER.every((name) => typeof numberOf(fields[name]) === 'number');
  for (const [name, value] of Object.entries(fields)) {
    if (NOT_LABELS.test(name) || (helpSteer && !HELPSTEER.includes(name))) continue;
    const values = list(value);
    if (
      values.length === 0 ||
      !values.every((v) => typeof v === 'number' || typeof v === 'boolean')
    ) {
      // An empty list of raters beside filled ones is an error that the caller names.
      if (Array.isArray(value) && values.length === 0 && /score|rating|label|rater/i.test(name)) {
        labels.set(name, { values });
      }
      continue;
    }
    labels.set(name, { values, scale: helpSteer ? [0, 4] : scaleOf(value) });
  }
  return labels;
}

const scaleOf = (value: unknown): [number, number] | undefined =>
  typeof value === 'boolean' ? [0, 1] : undefined;

function ownLayout(fields: Fields): RawRated[] | { error: string } {
  const { prompt: p, response, scores, scale } = fields;
  const prompt = messagesOf(p);
  if (!prompt) return { error: '"prompt" must be a text or a list of messages {role, content}' };
  if (typeof response !== 'string') return { error: '"response" must be a text' };
  const labels = new Map<string, RawLabels>();
  for (const [name, values] of Object.entries(scores as Fields)) {
    const range = (scale as Fields | undefined)?.[name];
    if (range !== undefined && !isScale(range)) {
      return { error: `"scale" must give ${name}: [min, max]` };
    }
    labels.set(name, { values: Array.isArray(values) ? values : [values], scale: range });
  }
  return [{ prompt, response, labels }];
}

export function isScale(value: unknown): value is [number, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((x) => typeof x === 'number' && Number.isFinite(x)) &&
    (value[0] as number) < (value[1] as number)
  );
}

function ultraFeedback(fields: Fields): RawRated[] | { error: string } {
  const prompt = messagesOf(pick(fields, undefined, PROMPTS));
  if (!prompt) return { error: missing('a prompt', undefined, PROMPTS, fields) };
  const out: RawRated[] = [];
  for (const [i, c] of (fields['completions'] as unknown[]).entries()) {
    const response = isFields(c) ? pick(c, undefined, RESPONSES) : undefined;
    if (!isFields(c) || typeof response !== 'string') {
      return { error: `completion ${i + 1} has no text "response"` };
    }
    const labels = new Map<string, RawLabels>();
    for (const [name, annotation] of Object.entries((c['annotations'] ?? {}) as Fields)) {
      const given = (Array.isArray(annotation) ? annotation : [annotation]).map((a: unknown) =>
        isFields(a) ? a['Rating'] : a,
      );
      const values = given.filter((v) => v !== 'N/A' && v !== undefined && v !== null);
      if (values.length > 0) {
        labels.set(name.replaceAll('_', '-'), { values: values.map(numberOf), scale: [1, 5] });
      }
    }
    out.push({ prompt, response, labels });
  }
  return out;
}

/** A text that is a number as that number. */
function numberOf(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const n = Number(value);
  return Number.isFinite(n) ? n : value;
}

function pick(fields: Fields, mapped: string | undefined, names: readonly string[]): unknown {
  if (mapped !== undefined) return fields[mapped];
  return fields[names.find((name) => fields[name] !== undefined && fields[name] !== null) ?? ''];
}

/** A text is the user's one message. */
export function messagesOf(value: unknown): ChatMessage[] | undefined {
  if (typeof value === 'string')
    return value.trim() === '' ? undefined : [{ role: 'user', content: value }];
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const good = value.every(
    (m) => isFields(m) && typeof m['role'] === 'string' && typeof m['content'] === 'string',
  );
  return good
    ? (value as ChatMessage[]).map(({ role, content }) => ({ role, content }))
    : undefined;
}

function missing(
  what: string,
  mapped: string | undefined,
  names: readonly string[],
  fields: Fields,
): string {
  const wanted = mapped === undefined ? `one of ${names.join(', ')}` : `"${mapped}"`;
  return `no ${what}: expected ${wanted}, found ${Object.keys(fields).join(', ')}`;
}
