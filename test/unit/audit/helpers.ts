import { createHash } from 'node:crypto';
import type {
  Evaluator,
  GroupResult,
  ScoreConversation,
  ScoreGroup,
  ScoreOptions,
  TaggedGroups,
  TargetResult,
} from '../../../server/src/engine/types.js';
import { streamInOrder } from '../../../server/src/engine/stream.js';
import type { Conversation, DatasetEvent, Place } from '../../../server/src/datasets/index.js';
import { readDataset } from '../../../server/src/datasets/index.js';
import { ResponseTable, type AuditSource } from '../../../server/src/audit/index.js';
import {
  measure,
  uniformLevels,
  type ReferenceFigures,
  type RewardScore,
} from '../../../server/src/qrm/index.js';

export const LEVELS = uniformLevels(19);
export const SETTINGS = { tau: 0.05, lambda: 1 };

/** One attribute whose quantiles are mean + width * (tau - 1/2). */
export function scoreOf(mean: number, width = 1, more: Partial<RewardScore> = {}): RewardScore {
  const quantiles = Float32Array.from(LEVELS, (tau) => mean + width * (tau - 0.5));
  return {
    quantiles,
    attributeQuantiles: quantiles,
    gate: Float32Array.of(1),
    expectation: mean,
    tokens: 10,
    truncatedTokens: 0,
    ...more,
  };
}

/** A number in [0, 1) that depends on the text alone. */
export function numberOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0) / 2 ** 32;
}

/**
 * An evaluator whose scores are read from the text: `r=<mean>` in a response sets its mean, `fail` and
 * `nan` break it, anything else is hashed. It keeps the order and the laziness of the engine's stream.
 */
export class TextEvaluator implements Evaluator {
  /** Responses asked for, in order. */
  readonly asked: string[] = [];
  /** How many groups were read from a stream before their results were taken. */
  ahead = 8;
  readonly info = {
    spec: { attributes: ['quality'], levels: LEVELS },
    modelName: 'text',
    modelHash: 'text-1',
    precision: 'float64',
    executionProvider: 'test',
    maxTokens: 1000,
  };

  score(group: ScoreGroup, options: ScoreOptions = {}): Promise<GroupResult> {
    if (options.signal?.aborted) return Promise.reject(new DOMException('x', 'AbortError'));
    const of = (c: ScoreConversation) => c.targets.map((t) => this.one(c.messages[t]!.content));
    return Promise.resolve({ results: group.conversations.map(of) });
  }

  scoreStream<T>(
    groups: TaggedGroups<T>,
    options: ScoreOptions = {},
  ): AsyncGenerator<{ tag: T; result: GroupResult }> {
    return streamInOrder((group, o) => this.score(group, o), groups, options, this.ahead);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private one(text: string): TargetResult {
    this.asked.push(text);
    if (text.includes('fail')) return { ok: false, error: 'told to fail' };
    if (text.includes('nan')) return { ok: true, score: scoreOf(Number.NaN) };
    const given = /r=(-?[\d.]+)/.exec(text)?.[1];
    return { ok: true, score: scoreOf(given === undefined ? numberOf(text) : Number(given)) };
  }
}

export const sourceOf = (text: string, name = 'data.jsonl'): AuditSource => ({
  path: name,
  open: () => readDataset({ bytes: Buffer.from(text), name }),
});

export const pairLine = (prompt: string, chosen: string, rejected: string): string =>
  JSON.stringify({ prompt, chosen, rejected });

export const place = (line: number): Place => ({
  line,
  column: 2,
  endLine: line,
  endColumn: 9,
  start: 10 * line,
  end: 10 * line + 7,
});

/** A table with a response for each score; undefined stands for one without a score. */
export function tableOf(
  scores: readonly (RewardScore | undefined)[],
  kind: Conversation['kind'] = 'completion',
  reference?: ReferenceFigures,
): ResponseTable {
  const table = new ResponseTable(LEVELS, reference);
  scores.forEach((score, row) => {
    const i = table.add({
      file: 0,
      row,
      conversation: 0,
      target: 1,
      kind,
      label: '',
      place: place(row),
      hash: createHash('sha256').update(`${row}`).digest().subarray(0, 16),
    });
    if (score === undefined) table.errors.set(i, 'too odd');
    else {
      const m = measure(score, LEVELS, SETTINGS);
      table.score(i, m, score.tokens, score.truncatedTokens);
    }
  });
  return table;
}

export async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

export async function* stream(events: readonly DatasetEvent[]): AsyncGenerator<DatasetEvent> {
  yield* events;
}
