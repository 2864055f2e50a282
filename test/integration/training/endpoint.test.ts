import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadBackbone } from '../../../server/src/engine/backbone/backbone.js';
import { BackboneApart } from '../../../server/src/engine/states.js';
import { openModel } from '../../../server/src/model/bundle/bundle.js';
import { runTraining, type PartialConfig } from '../../../server/src/training/index.js';
import { openTrainBackbone } from '../../../server/src/training/features/backbone.js';
import { encode, type Encoded } from '../../../server/src/training/features/extract.js';
import { FeatureStore } from '../../../server/src/training/features/feature-store.js';
import { fetchInto } from '../../../server/src/training/features/remote.js';
import { openRemoteStates } from '../../../server/src/engine/remote/index.js';
import { readGolden } from '../../unit/model/golden.js';
import { Workspace } from '../cli/helpers.js';
import { Engine, FORMS, statesOf, type States } from '../http/engines.js';
import { Server } from '../http/server.js';
import { readBundleHeads } from './bundle-heads.js';
import { BACKBONE, contents, writeData } from './data.js';

const workspace = new Workspace();
const path = (name: string): string => workspace.path(name);
const config = path('train.json');
let states: States;
const ending: (() => Promise<void> | void)[] = [];
const closing: (() => Promise<void> | void)[] = [];

const start = async (...args: Parameters<typeof Engine.start>): Promise<Engine> => {
  const engine = await Engine.start(...args);
  closing.push(() => engine.stop());
  return engine;
};
const vllm = (of: States = states, busy = 0): Promise<Engine> =>
  start('vllm', FORMS['vLLM, embed and LAST']!.answer, of, busy);
/** Requests that asked for states. */
const asked = ({ requests }: Engine): number =>
  requests.filter((r) => r.path === '/pooling').length;

async function train(out: string, options: PartialConfig = {}): Promise<string[]> {
  const said: string[] = [];
  const watch = { say: (line: string) => void said.push(line), progress: () => undefined };
  await runTraining(config, { out: path(out), ...options }, { watch });
  return said;
}

beforeAll(async () => {
  writeData(workspace.folder);
  const backbone = await statesOf(BACKBONE, workspace.folder);
  states = backbone.states;
  ending.push(backbone.release);
  await train('here', { device: 'cpu' });
}, 120_000);
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  for (const end of ending) await end();
  await workspace.end();
});

describe('qrm train --endpoint', () => {
  it.each(Object.entries(FORMS))('takes features from %s', async (_, { owner, answer }) => {
    const engine = await start(owner, answer, states, 3);
    const { cases } = readGolden('llama3-qrm-k5-m3');
    const { tokenizer, config: of, close } = await openTrainBackbone(BACKBONE, undefined);
    await close();
    const { hiddenSize, maxPositions: maxTokens } = of;
    const wanted = { name: 'tiny', hiddenSize, tokenizer, maxTokens };
    const remote = await openRemoteStates([engine.url], wanted, {});
    const encoded = cases.map((c) => encode(tokenizer, c.messages, 8192) as Encoded);
    const identity = { backbone: 'b', layers: 3, precision: remote.dtype, by: owner, hiddenSize };
    const store = await FeatureStore.open(path(`store-${owner}-${_.length}`), {
      ...identity,
      type: 'float32',
    });
    // Some of them twice, some in one group.
    const groups = [encoded.slice(0, 2), encoded.slice(1, 4), encoded.slice(4)];
    expect(await fetchInto(store, remote, groups, {})).toEqual(new Map());
    const keys = encoded.map((e) => e.key);
    for (const [part, field] of [
      ['reward', 'last_hidden'],
      ['gating', 'gating_hidden'],
    ] as const) {
      const rows = new Float32Array(keys.length * hiddenSize);
      await store.read(keys, part, rows);
      cases.forEach((c, i) =>
        c[field].forEach((x, j) => expect(rows[i * hiddenSize + j]).toBeCloseTo(x, 4)),
      );
    }
    remote.close();
    await store.close();
  });

  it('gives the heads and the gate of a run here, by one engine or by two', async () => {
    const [a, b] = [await vllm(states, 2), await vllm()];
    await train('there', { endpoint: `${a.url}, ${b.url}` });
    expect(Math.min(asked(a), asked(b))).toBeGreaterThan(10);
    const here = await readBundleHeads(path('here'));
    const there = await readBundleHeads(path('there'));
    expect(there.spec).toEqual(here.spec);
    there.regression.forEach((w, i) => expect(w).toBeCloseTo(here.regression[i]!, 3));
    expect(readFileSync(path('there/README.md'), 'utf8')).toMatch(/training in float32, by vllm\./);
  });

  it('killed again and again goes on with what it has, to the same bundle', async () => {
    const engine = await vllm();
    await train('whole', { endpoint: engine.url });
    const once = asked(engine);
    let after = 5;
    for (let kills = 0; ; kills++) {
      const begun = asked(engine);
      const args = ['train', '--config', config, '--out', path('killed')];
      const { child, done } = workspace.start([...args, '--endpoint', engine.url]);
      const timer = setInterval(() => {
        if (asked(engine) - begun >= after) child.kill('SIGKILL');
      }, 1);
      const { code, stderr } = await done;
      clearInterval(timer);
      if (code === 0) {
        expect(kills).toBeGreaterThan(1);
        break;
      }
      expect(stderr).not.toMatch(/qrm: /);
      after *= 3;
    }
    expect(contents(path('killed'))).toEqual(contents(path('whole')));
    // A third run asks who is there, and for nothing else but the probe.
    const before = asked(engine);
    await train('killed', { endpoint: engine.url });
    expect(asked(engine) - before).toBeLessThan(4);
    expect(once).toBeGreaterThan(50);
  }, 120_000);

  it('needs no engine where no feature is lacking, and names it where one is', async () => {
    const engine = await vllm();
    await train('first', { endpoint: engine.url });
    engine.stop();
    const made = contents(path('first'));
    const said = await train('first', { endpoint: engine.url });
    expect(said.join('\n')).toMatch(/features that were kept from it are used/);
    expect(contents(path('first'))).toEqual(made);
    const more = { prompt: 'Who?', chosen: 'yes of course', rejected: 'no' };
    writeFileSync(path('more.jsonl'), readFileSync(path('pairs.jsonl'), 'utf8'));
    appendFileSync(path('more.jsonl'), `\n${JSON.stringify(more)}\n`);
    const pairs = [{ file: path('more.jsonl'), attribute: 'preferred' }];
    await expect(train('first', { endpoint: engine.url, pairs })).rejects.toThrow(engine.url);
  });

  it('leaves out what an engine does not take, and trains on the rest', async () => {
    const { answer } = FORMS['vLLM, embed and LAST']!;
    const engine = await start(
      'vllm',
      // 400 for a request with a long conversation in it, but for those that are tried first.
      async (at, body, of) => {
        const { input = [] } = body as { input?: number[][] };
        return input.some(({ length }) => length > 33 && length < 48)
          ? undefined
          : answer(at, body, of);
      },
      states,
    );
    const said = await train('some', { endpoint: engine.url });
    expect(said.join('\n')).toMatch(/Left out: a conversation: .*\/pooling: 400/);
    expect(existsSync(path('some/heads.json'))).toBe(true);
  });

  it('refuses another backbone, and qrm serve, before any work', async () => {
    const other = await vllm(async (ids) =>
      (await states(ids)).map((s) => s.map((x, i) => x + (i % 7))),
    );
    await expect(train('no', { endpoint: other.url })).rejects.toThrow(
      /not those of llama3-qrm-k5-m3 with 3 layers \(cosine 0\.\d+/,
    );
    const scaled = await vllm(async (ids) => (await states(ids)).map((s) => s.map((x) => x / 9)));
    await expect(train('no', { endpoint: scaled.url })).rejects.toThrow(/normalised/);
    const short = await vllm(async (ids) => (await states(ids)).map((s) => s.slice(1)));
    await expect(train('no', { endpoint: short.url })).rejects.toThrow(/63 numbers/);
    const serve = await Server.start(workspace);
    await expect(train('no', { endpoint: serve.url })).rejects.toThrow(
      /qrm serve answers with rewards; expected .*vLLM, SGLang or llama\.cpp/,
    );
    await serve.stop();
    await expect(train('no', { endpoint: 'ftp://x' })).rejects.toThrow(
      /endpoint: found "ftp:\/\/x"/,
    );
    expect(existsSync(path('no'))).toBe(false);
  });
});

describe('qrm train --device and --precision', () => {
  it('runs int4 on the CPU, for features and bundle', async () => {
    const said = await train('int4', { device: 'cpu', precision: 'int4' });
    expect(said.join('\n')).not.toMatch(/qrm: /);
    const result = await workspace.run(
      'score',
      path('pairs.jsonl'),
      '--model',
      path('int4'),
      '--no-store',
    );
    expect([result.code, result.stderr]).toEqual([0, expect.stringMatching(/cpu, int4/)]);
    rmSync(path('int4.work'), { recursive: true });
  });

  it('says what a device or a precision lacks', async () => {
    await expect(train('no', { device: 'cpu', precision: 'bfloat16' })).rejects.toThrow(
      /precision bfloat16: cpu runs float32/,
    );
    await expect(train('no', { device: 'dml' })).rejects.toThrow(/device dml: .*qrm doctor/);
  });
});

describe('a backbone in a process of its own', () => {
  it('gives the states of one that runs here, and its end is an error', async () => {
    const model = await openModel(BACKBONE, {
      precision: 'float32',
      cacheFolder: workspace.folder,
    });
    const options = { provider: 'cpu', precision: 'float32', threads: 1 } as const;
    const here = await loadBackbone(model.backbonePath, model.config, options);
    const apart = await BackboneApart.open(model.backbonePath, model.config, options);
    const trunk = [1, 2, 3, 4, 5];
    const tree = { trunk, branches: [], wanted: trunk.map((_, index) => ({ branch: -1, index })) };
    expect(await apart.run([tree])).toEqual(await here.run([tree]));
    const wrong = { ...tree, wanted: [{ branch: -1, index: 99 }] };
    await expect(apart.run([wrong])).rejects.toThrow();
    expect(await apart.run([tree, tree])).toHaveLength(10 * model.config.hiddenSize);
    const under = apart.run(Array.from({ length: 400 }, () => tree));
    await Promise.all([expect(under).rejects.toThrow(/process ended/), apart.release()]);
    await expect(apart.run([tree])).rejects.toThrow(/process ended/);
    await expect(
      BackboneApart.open(join(workspace.folder, 'no.onnx'), model.config, options),
    ).rejects.toThrow();
    await here.release();
  });
});
