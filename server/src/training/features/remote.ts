import { setMaxListeners } from 'node:events';
import { EndpointError, type RemoteStates } from '../../engine/remote/index.js';
import type { Encoded } from './extract.js';
import type { FeatureStore } from './feature-store.js';

export interface RemoteOptions {
  readonly signal?: AbortSignal;
  /** @param done tokens so far, those found in the store included */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Asks engines for the features that the store lacks, group by group, and keeps each answer as it comes.
 * @param groups conversations that likely share their beginning, which an engine then computes once
 * @returns by key, in the engine's words, why it does not take a conversation: the others have their features
 * @throws EndpointError when no engine answers, or one refuses all work; AbortError
 */
export async function fetchInto(
  store: FeatureStore,
  engine: Pick<RemoteStates, 'read' | 'ahead'>,
  groups: readonly (readonly Encoded[])[],
  { signal, onProgress }: RemoteOptions,
): Promise<Map<string, string>> {
  const seen = new Set<string>();
  const wanted = groups.map((group) => group.filter(({ key }) => !seen.has(key) && seen.add(key)));
  const total = tokensOf(wanted.flat());
  const missing = wanted
    .map((group) => group.filter(({ key }) => !store.has(key)))
    .filter((group) => group.length > 0);
  let done = total - tokensOf(missing.flat());
  onProgress?.(done, total);
  const refused = new Map<string, string>();
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  setMaxListeners(0, both); // one for each request under way
  // Rows and keys are appended to two files: one answer after the other.
  let writing: Promise<unknown> = Promise.resolve();
  const fetchGroup = async (group: readonly Encoded[]): Promise<void> => {
    const rows = await featuresOf(engine, group, refused, both);
    const keys = group.flatMap(({ key }) => (refused.has(key) ? [] : [key]));
    writing = writing.then(() => store.add(keys, rows));
    await writing;
    done += tokensOf(group);
    onProgress?.(done, total);
  };
  const waiting = missing.values();
  const worker = async (): Promise<void> => {
    // Each worker takes the next of one iterator.
    for (const group of waiting) {
      both.throwIfAborted();
      await fetchGroup(group);
    }
  };
  const workers = Array.from({ length: Math.min(engine.ahead, missing.length) }, worker);
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(workers);
    throw error;
  }
  return refused;
}

const tokensOf = (all: readonly Encoded[]): number => all.reduce((sum, e) => sum + e.ids.length, 0);

/** [n, 2 hidden] of those that are not refused; a group that is not taken is asked for one by one. */
async function featuresOf(
  engine: Pick<RemoteStates, 'read'>,
  group: readonly Encoded[],
  refused: Map<string, string>,
  signal: AbortSignal,
): Promise<Float32Array> {
  const paths = group.map(({ ids, gate, reward }) => ({
    ids,
    positions: [...new Set([gate, reward])].sort((a, b) => a - b),
  }));
  let states: Float32Array[][];
  try {
    states = await engine.read(paths, signal);
  } catch (error) {
    if (!(error instanceof EndpointError) || error.kind !== 'rejected') throw error;
    const [one] = group;
    if (group.length === 1 && one) {
      refused.set(one.key, error.message);
      return new Float32Array();
    }
    const parts: Float32Array[] = [];
    for (const e of group) parts.push(await featuresOf(engine, [e], refused, signal));
    return joined(parts);
  }
  return joined(
    group.flatMap(({ gate, reward }, i) =>
      [reward, gate].map((at) => states[i]![paths[i]!.positions.indexOf(at)]!),
    ),
  );
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let from = 0;
  for (const part of parts) {
    out.set(part, from);
    from += part.length;
  }
  return out;
}
