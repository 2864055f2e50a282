import type { ChatMessage } from '../../engine/types.js';
import {
  annotationLabels,
  labelsOf,
  numberOf,
  ownLabels,
  type RawLabels,
} from '../../evaluation/items/labels.js';
import { isFields, type Fields } from '../../fields.js';

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
  /** Where labels are columns: those beside prompt and response, which other records may have labels in. */
  readonly columns?: Fields;
}

/** A part of a record that cannot be used: the others can. */
export interface Unusable {
  readonly error: string;
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
 * @param text whether cells are text, as in CSV: numbers, lists and truth values are read out of it
 * @returns its responses, and in place of some what is missing
 */
export function ratedOf(
  fields: Fields,
  mapping: RatedMapping = {},
  text = false,
): (RawRated | Unusable)[] {
  const scores = text ? cell(fields['scores']) : fields['scores'];
  if (isFields(scores) && mapping.labels === undefined) {
    return [
      ownLayout({ ...fields, scores, scale: text ? cell(fields['scale']) : fields['scale'] }),
    ];
  }
  if (Array.isArray(fields['completions']) && mapping.response === undefined) {
    return ultraFeedback(fields);
  }
  const promptField = fieldOf(fields, mapping.prompt, PROMPTS);
  const given = fields[promptField];
  const prompt = messagesOf(text ? listIn(given) : given);
  if (!prompt) {
    return [{ error: missing('a prompt', mapping.prompt, PROMPTS, fields) }];
  }
  const responseField = fieldOf(fields, mapping.response, RESPONSES);
  const response = fields[responseField];
  if (typeof response !== 'string') {
    return [{ error: missing('a response (a text)', mapping.response, RESPONSES, fields) }];
  }
  const columns = Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => name !== promptField && name !== responseField)
      .map(([name, value]) => [name, cell(value)]),
  );
  const labels = labelsOf(columns, mapping.labels);
  if (labels.size === 0) {
    return [
      {
        error: `no labels: expected numbers in columns beside prompt and response, found ${shown(fields)}`,
      },
    ];
  }
  return [{ prompt, response, labels, ...(mapping.labels ? {} : { columns }) }];
}

/** Numbers, lists, objects and truth values that are written as text; other text as it is. */
function cell(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (/^(\[.*\]|\{.*\})$/s.test(text)) return parsed(text) ?? value;
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return numberOf(value);
}

/** A list of messages that is written as text. */
function listIn(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*\[\s*\{.*\}\s*\]\s*$/s.test(value)) return value;
  return parsed(value) ?? value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function ownLayout(fields: Fields): RawRated | Unusable {
  const { prompt: p, response } = fields;
  const prompt = messagesOf(p);
  if (!prompt) return { error: '"prompt" must be a text or a list of messages {role, content}' };
  if (typeof response !== 'string') return { error: '"response" must be a text' };
  const labels = ownLabels(fields);
  if ('error' in labels) return labels;
  if (labels.size === 0) return { error: '"scores" holds no labels' };
  return { prompt, response, labels };
}

function ultraFeedback(fields: Fields): (RawRated | Unusable)[] {
  const prompt = messagesOf(fields[fieldOf(fields, undefined, PROMPTS)]);
  if (!prompt) return [{ error: missing('a prompt', undefined, PROMPTS, fields) }];
  return (fields['completions'] as unknown[]).map((c, i) => {
    const response = isFields(c) ? c[fieldOf(c, undefined, RESPONSES)] : undefined;
    if (!isFields(c) || typeof response !== 'string') {
      return { error: `completion ${i + 1} has no text "response"` };
    }
    if (!isFields(c['annotations'])) {
      return { error: `completion ${i + 1} has no "annotations": expected {attribute: {Rating}}` };
    }
    return { prompt, response, labels: annotationLabels(c['annotations']) };
  });
}

/** The field that is told, or the first of the usual ones that holds something. */
function fieldOf(fields: Fields, mapped: string | undefined, names: readonly string[]): string {
  const has = (name: string): boolean =>
    Object.hasOwn(fields, name) && fields[name] !== undefined && fields[name] !== null;
  if (mapped !== undefined) return has(mapped) ? mapped : '';
  return names.find(has) ?? '';
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
  return `${what} is missing: expected ${wanted}, found ${shown(fields)}`;
}

/** The fields of a record, as many as fit a line. */
function shown(fields: Fields): string {
  const names = Object.keys(fields).map((name) => JSON.stringify(name.slice(0, 40)).slice(1, -1));
  return names.length > 20 ? `${names.slice(0, 20).join(', ')} and others` : names.join(', ');
}
