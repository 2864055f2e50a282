import type { HeadsModel } from '../../model/bundle/heads-model.js';
import { applyHeads } from '../../model/heads/heads-math.js';
import { conversationPaths } from '../paths.js';
import { scoreOf } from '../score-of.js';
import type { GroupResult, ScoreGroup, TargetResult } from '../types.js';
import type { RemoteEngine } from './engine.js';
import type { StateEngine } from './source.js';
import type { StateReader, WantedStates } from './states.js';

/** An engine that runs the backbone; tokens are made here, and heads and gate are run here. */
export function hiddenEngine(
  { url, backend, served, dtype, maxTokens, read }: StateEngine,
  model: HeadsModel,
): RemoteEngine {
  const limits = { ...model, maxTokens };
  return {
    url,
    info: {
      spec: model.heads.spec,
      modelName: model.name,
      modelHash: `${model.fingerprint}@${backend}-${dtype}-${served}`,
      precision: dtype,
      executionProvider: `${backend} at ${new URL(url).host}`,
      maxTokens,
    },
    score: (group, s) => scoreGroup(group, limits, read, s),
  };
}

async function scoreGroup(
  { conversations }: ScoreGroup,
  model: HeadsModel,
  read: StateReader,
  signal: AbortSignal | undefined,
): Promise<GroupResult> {
  const wanted: (WantedStates & { reward: number; gate: number; cut: number })[] = [];
  const slots: [number, number][] = [];
  const results: TargetResult[][] = conversations.map((conversation, c) =>
    conversationPaths(model, conversation).map((path, t) => {
      if ('error' in path) return { ok: false, error: path.error };
      const { ids, reward, gate, truncatedTokens: cut } = path;
      const positions = [...new Set([gate, reward])].sort((a, b) => a - b);
      wanted.push({ ids, positions, reward, gate, cut });
      slots.push([c, t]);
      return { ok: false, error: 'no result' };
    }),
  );
  if (wanted.length === 0) return { results };
  const states = await read(wanted, signal);
  for (const [n, { ids, positions, reward, gate, cut }] of wanted.entries()) {
    const at = (position: number) => states[n]![positions.indexOf(position)]!;
    const out = applyHeads(model.heads, at(reward), at(gate));
    const [c, t] = slots[n]!;
    results[c]![t] = scoreOf(
      Float32Array.from(out.quantiles),
      Float32Array.from(out.gate),
      model.heads.spec,
      { tokens: ids.length, truncatedTokens: cut },
    );
    // Heads of a large model take milliseconds each.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { results };
}
