import type { ChatMessage } from '../../engine/types.js';
import {
  annotationLabels,
  isFields,
  labelsOf,
  ownLabels,
  type Fields,
  type RawLabels,
} from '../../evaluation/items/labels.js';

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
  const labels = labelsOf(fields, mapping.labels);
  if (labels.size === 0) {
    return {
      error: `no labels: expected numbers in columns beside prompt and response, found ${Object.keys(fields).join(', ')}`,
    };
  }
  return [{ prompt, response, labels }];
}

function ownLayout(fields: Fields): RawRated[] | { error: string } {
  const { prompt: p, response } = fields;
  const prompt = messagesOf(p);
  if (!prompt) return { error: '"prompt" must be a text or a list of messages {role, content}' };
  if (typeof response !== 'string') return { error: '"response" must be a text' };
  const labels = ownLabels(fields);
  if ('error' in labels) return labels;
  return [{ prompt, response, labels }];
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
    const labels = annotationLabels(c['annotations']);
    out.push({ prompt, response, labels });
  }
  return out;
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
