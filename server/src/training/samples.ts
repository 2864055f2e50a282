import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { chatMessage, readDataset } from '../datasets/index.js';
import type { ChatMessage } from '../engine/types.js';

/** A response with the labels that raters gave it for one attribute. */
export interface RatedResponse {
  readonly messages: readonly ChatMessage[];
  /** In [0, 1], (raw - min) / (max - min), higher is better; one for each rater. */
  readonly labels: readonly number[];
  /** What must not be split between training and test: the prompt. */
  readonly group: string;
}

export interface PreferencePair {
  readonly chosen: readonly ChatMessage[];
  readonly rejected: readonly ChatMessage[];
  /** The conversation's first message: pairs that open alike stay together. */
  readonly group: string;
}

/**
 * Reads labels in the layout of the project's `attributes/*.jsonl`:
 * {"prompt": [messages], "response", "scores": {attribute: [raw label of each rater]},
 * "scale": {attribute: [min, max]}}. White space around the response is dropped, as the dataset readers
 * drop it around a turn; it would tell which model wrote the response.
 * @throws Error naming file, line and what was expected
 */
export async function readRatedResponses(
  path: string,
  attribute: string,
): Promise<RatedResponse[]> {
  const bytes = await readFile(path);
  const lines = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split('\n');
  const rows: RatedResponse[] = [];
  lines.forEach((line, i) => {
    if (line.trim() !== '') rows.push(parseRated(line, attribute, `${path}:${i + 1}`));
  });
  if (rows.length === 0) throw new Error(`${path}: no rated responses`);
  return rows;
}

function parseRated(line: string, attribute: string, at: string): RatedResponse {
  let row: {
    prompt?: unknown;
    response?: unknown;
    scores?: Readonly<Record<string, unknown>>;
    scale?: Readonly<Record<string, unknown>>;
  };
  try {
    row = JSON.parse(line) as typeof row;
  } catch (error) {
    throw new Error(`${at}: not JSON: ${(error as Error).message}`, { cause: error });
  }
  const { prompt, response } = row;
  if (!Array.isArray(prompt) || prompt.length === 0 || !prompt.every(isMessage)) {
    throw new Error(`${at}: "prompt" must be a list of messages {role, content}`);
  }
  if (typeof response !== 'string') throw new Error(`${at}: "response" must be a text`);
  const scores = row.scores?.[attribute];
  const scale = row.scale?.[attribute];
  if (!isNumbers(scale) || scale.length !== 2 || !(scale[0]! < scale[1]!)) {
    throw new Error(`${at}: "scale" must give ${attribute}: [min, max]`);
  }
  const [min, max] = scale as [number, number];
  if (!isNumbers(scores) || scores.length === 0 || scores.some((s) => s < min || s > max)) {
    throw new Error(
      `${at}: "scores" must give ${attribute}: a list of raters' labels from ${min} to ${max}`,
    );
  }
  return {
    messages: [...prompt, { role: 'assistant', content: response.trim() }],
    labels: scores.map((s) => (s - min) / (max - min)),
    group: JSON.stringify(prompt),
  };
}

function isMessage(value: unknown): value is ChatMessage {
  const m = value as Partial<ChatMessage> | null;
  return typeof m?.role === 'string' && typeof m.content === 'string';
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((x) => typeof x === 'number' && Number.isFinite(x));
}

/**
 * Reads pairs with the product's own dataset readers, so that training sees the texts as scoring will.
 * @throws Error at the first record that is not a pair: a build must not silently train on less
 */
export async function readPairs(path: string): Promise<PreferencePair[]> {
  const pairs: PreferencePair[] = [];
  for await (const event of readDataset({ path })) {
    if (event.type === 'problem') {
      throw new Error(`${path}:${event.problem.place.line + 1}: ${event.problem.message}`);
    }
    const turns = (kind: string): ChatMessage[] => {
      const found = event.row.conversations.find((c) => c.kind === kind);
      if (!found) {
        throw new Error(`${path}:${event.row.place.line + 1}: expected a pair, found no ${kind}`);
      }
      return found.turns.map(chatMessage);
    };
    const chosen = turns('chosen');
    pairs.push({ chosen, rejected: turns('rejected'), group: chosen[0]!.content });
  }
  if (pairs.length === 0) throw new Error(`${path}: no pairs`);
  return pairs;
}
