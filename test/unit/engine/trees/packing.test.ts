import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxBackbone } from '../../../../server/src/engine/backbone/backbone.js';
import { planTrees } from '../../../../server/src/engine/trees/trees.js';
import { openModel, type OpenedModel } from '../../../../server/src/model/bundle/bundle.js';
import { cosine } from '../cosine.js';
import { goldenFolder, goldenNames, readGolden } from '../../model/golden.js';

const cache = mkdtempSync(join(tmpdir(), 'qrm-packing-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** The golden cases are the reference for every way of laying tokens out, sliding windows included. */
describe.each(goldenNames)('packed runs of %s', (name) => {
  const { cases } = readGolden(name);
  let model: OpenedModel;
  let backbone: OnnxBackbone;
  beforeAll(async () => {
    model = await openModel(goldenFolder(name), { precision: 'float32', cacheFolder: cache });
    backbone = await OnnxBackbone.load(model.backbonePath, model.config, {
      provider: 'cpu',
      threads: 1,
    });
  });
  afterAll(() => backbone.release());

  /** Hidden states of all cases when they are run together as these trees. */
  async function run(groups: readonly (readonly number[])[]): Promise<Float32Array[][]> {
    const { config } = model;
    const out: Float32Array[][] = cases.map(() => []);
    const planned = groups.flatMap((members) =>
      planTrees(
        members.map((i) => ({
          ids: cases[i]!.input_ids,
          wanted: [cases[i]!.reward_position, cases[i]!.gating_position],
        })),
      ).map((tree) => ({ ...tree, members })),
    );
    const hidden = await backbone.run(planned.map((p) => p.tree));
    let at = 0;
    for (const { sources, members } of planned) {
      for (const { path, position } of sources) {
        out[members[path]!]![position] = hidden.slice(at, (at += config.hiddenSize));
      }
    }
    return out;
  }

  it.each([
    ['each in its own row, all in one batch', cases.map((_, i) => [i])],
    ['all as one group, sharing their beginnings', [cases.map((_, i) => i)]],
    ['one row twice, as its own continuation', [[0, 0], ...cases.slice(1).map((_, i) => [i + 1])]],
  ])('equal the reference: %s', async (_, groups) => {
    const found = await run(groups);
    for (const [i, c] of cases.entries()) {
      expect(cosine(found[i]![0]!, c.last_hidden)).toBeGreaterThan(0.99999);
      expect(cosine(found[i]![1]!, c.gating_hidden)).toBeGreaterThan(0.99999);
    }
  });

  it('are the same to the last bit, whatever is beside them and whatever they share', async () => {
    const { tokenizer, config } = model;
    const prompt = 'Tell me about the tides, and why there are two of them a day. '.repeat(2);
    const chat = (turns: readonly string[]) =>
      turns.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
    const paths = [
      ...['', 'x', 'The moon pulls. '.repeat(9), 'No.'].map((a) => chat([prompt, a])),
      chat([prompt, 'The moon pulls.', 'And the sun?', 'Less.', 'Why?', 'It is far away.']),
      chat([`Other: ${prompt}`, 'The moon.']),
    ].flatMap((messages) => {
      const targets = messages.flatMap((m, i) => (m.role === 'assistant' ? [i] : []));
      return tokenizer.paths(messages, targets, config.maxPositions, { gated: false });
    });
    const wanted = paths.map((p) => {
      if ('error' in p) throw new Error(p.error);
      return { ids: p.ids, wanted: [p.ids.length - 1, Math.floor(p.ids.length / 2)] };
    });
    const hidden = async (groups: readonly (readonly number[])[]) => {
      const planned = groups.flatMap((g) =>
        planTrees(g.map((i) => wanted[i]!)).map((tree) => ({ ...tree, members: g })),
      );
      const found = await backbone.run(planned.map((p) => p.tree));
      const sources = planned.flatMap((p) =>
        p.sources.map((s) => `${p.members[s.path]}.${s.position}`),
      );
      const H = config.hiddenSize;
      return new Map(sources.map((s, n) => [s, [...found.subarray(n * H, (n + 1) * H)]]));
    };
    const all = wanted.map((_, i) => i);
    const alone = new Map<string, number[]>();
    for (const i of all) for (const [key, x] of await hidden([[i]])) alone.set(key, x);
    expect(alone.size).toBe(2 * wanted.length);
    const layouts = [
      [all],
      all.map((i) => [i]),
      [all.slice(0, 2), all.slice(2)],
      [[...all, ...all]],
    ];
    for (const groups of layouts)
      for (const [key, x] of await hidden(groups)) expect(x).toEqual(alone.get(key));
  });
});
