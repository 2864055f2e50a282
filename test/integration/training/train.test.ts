import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import { readBundleHeads } from './bundle-heads.js';
import { BACKBONE, contents, writeData } from './data.js';
import { openEvaluator, type TargetResult } from '../../../server/src/engine/index.js';
import type { TrainEvent } from '../../../server/src/protocol/index.js';
import type { RewardScore } from '../../../server/src/qrm/types.js';
import { openCheckpoint } from '../../../server/src/model/bundle/published/checkpoint.js';
import { runTraining } from '../../../server/src/training/index.js';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qrm-train-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (...names: string[]): string => join(folder, ...names);

const said: string[] = [];
const quiet = { say: (line: string) => void said.push(line), progress: () => undefined };

beforeAll(async () => {
  writeData(folder);
  await runTraining(
    path('train.json'),
    { out: path('whole'), checkpoint: path('hf') },
    { watch: quiet, notes: 'Read by nobody yet.' },
  );
}, 120_000);

describe('qrm train', () => {
  it('names by file and line what it leaves out, and trains on the rest', () => {
    const told = said.join('\n');
    expect(told).toMatch(/rated\.jsonl:121: agree: the label 9 is outside of 1 to 5/);
    expect(told).toMatch(/rated\.jsonl:122: agree: the list of raters' labels is empty/);
    expect(told).toMatch(/pairs\.jsonl:61: .*pair without difference/);
  });

  it('writes a bundle whose attributes are those of the data, the length among them', async () => {
    const heads = await readBundleHeads(path('whole'));
    expect(heads.spec.attributes).toEqual(['preferred', 'agree', 'plain', 'length']);
    expect(heads.spec.levels).toHaveLength(5);
    expect(heads.gating).toHaveLength(4);
    expect(heads.transform?.[15]).toBe(0);
  });

  it('writes a checkpoint in the published layout that reads back as the bundle does', async () => {
    const bundle = await readBundleHeads(path('whole'));
    const checkpoint = await openCheckpoint(path('hf'));
    try {
      expect(checkpoint.heads).toEqual(bundle);
      expect(checkpoint.config).toEqual((await openAndClose(BACKBONE)).config);
      const original = await openCheckpoint(BACKBONE);
      for (const name of original.source.names().filter((n) => n.startsWith('model.'))) {
        expect(await checkpoint.source.readFloat32(name)).toEqual(
          await original.source.readFloat32(name),
        );
      }
      await original.source.close();
    } finally {
      await checkpoint.source.close();
    }
  });

  it('runs in both forms with equal numbers, which PyTorch can be asked for too', async () => {
    const messages = [
      { role: 'user', content: 'the cat?' },
      { role: 'assistant', content: 'yes a mat' },
    ];
    const scoreOf = async (model: string): Promise<RewardScore> => {
      const evaluator = await openEvaluator({ model, device: 'cpu', precision: 'float32' });
      try {
        const { results } = await evaluator.score({ conversations: [{ messages, targets: [1] }] });
        const [[result]] = results as [[TargetResult]];
        if (!result.ok) throw new Error(result.error);
        return result.score;
      } finally {
        await evaluator.close();
      }
    };
    const checkpoint = await scoreOf(path('hf'));
    const bundle = await scoreOf(path('whole'));
    bundle.quantiles.forEach((q, k) => expect(checkpoint.quantiles[k]).toBeCloseTo(q, 5));
    bundle.gate.forEach((g, m) => expect(checkpoint.gate[m]).toBeCloseTo(g, 5));
    const cases = process.env['QRM_TRAIN_CASES'];
    if (cases === undefined) return;
    // For reference/check_checkpoint.py.
    const { tokenizer } = await openAndClose(path('hf'));
    const [one] = tokenizer.paths(messages, [1], 4096);
    if (one === undefined || 'error' in one) throw new Error('no path');
    const expected = {
      score: checkpoint.expectation,
      quantiles: [...checkpoint.quantiles],
      gate: [...checkpoint.gate],
    };
    cpSync(path('hf'), `${cases}.checkpoint`, { recursive: true });
    writeFileSync(cases, JSON.stringify([{ ids: one.ids, gate: one.gate, expected }]));
  });

  it('writes a card with figures and data by hash', () => {
    const card = readFileSync(path('whole', 'README.md'), 'utf8');
    for (const part of ['Read by nobody yet.', '| agree |', '| rated.jsonl | 120 |', '| pairs |']) {
      expect(card).toContain(part);
    }
    const sha = createHash('sha256')
      .update(readFileSync(path('rated.jsonl')))
      .digest('hex');
    expect(card).toContain(sha.slice(0, 16));
  });

  it('makes labels of one meaning one attribute, and shows each source by itself', async () => {
    const config = JSON.parse(readFileSync(path('train.json'), 'utf8')) as Record<string, unknown>;
    const pooled = {
      ...config,
      pairs: [{ file: 'pairs.jsonl', attribute: 'agree' }],
      byResponse: ['agree'],
    };
    writeFileSync(path('pooled.json'), JSON.stringify(pooled));
    const places = { out: path('pooled'), work: path('whole.work') };
    await runTraining(path('pooled.json'), places, { watch: quiet });
    const card = readFileSync(path('pooled', 'README.md'), 'utf8');
    const row = (...cells: string[]): string[][] =>
      card
        .split('\n')
        .map((line) => line.split('|').map((cell) => cell.trim()))
        .filter((found) => cells.every((cell, at) => found[1 + at] === cell));
    expect(card).toContain('Of agree every response counts alike');
    const [[, , , ...rated] = []] = row('agree', 'rated');
    const [[, , , ...paired] = []] = row('agree', 'pairs');
    const [[, , ...whole] = []] = row('agree');
    // Responses trained on and judged on: those of both files together.
    for (const at of [0, 1]) {
      expect(Number(rated[at]) + Number(paired[at])).toBe(Number(whole[at]));
      expect(Number(rated[at])).toBeGreaterThan(0);
    }
    const wrong = { ...pooled, byResponse: ['nothing'] };
    writeFileSync(path('pooled.json'), JSON.stringify(wrong));
    await expect(runTraining(path('pooled.json'), places, { watch: quiet })).rejects.toThrow(
      /byResponse: no attribute "nothing"; expected one of agree, plain/,
    );
  });

  it('uses what was computed before, where nothing changed', async () => {
    const stages: string[] = [];
    const watch = {
      ...quiet,
      progress: ({ stage, fraction }: { stage: string; fraction: number }) =>
        void (stage === 'features' && stages.push(String(fraction))),
    };
    await runTraining(
      path('train.json'),
      { out: path('again'), work: path('whole.work') },
      { watch, notes: 'Read by nobody yet.' },
    );
    expect(stages).toEqual(['1']);
    expect(contents(path('again'))).toEqual(contents(path('whole')));
  });

  it('says so where an attribute has too few labels', async () => {
    const few = readFileSync(path('rated.jsonl'), 'utf8').split('\n').slice(0, 20).join('\n');
    writeFileSync(path('few.jsonl'), few);
    await expect(
      runTraining(
        undefined,
        { backbone: BACKBONE, attributes: [path('few.jsonl')], out: path('few') },
        { watch: quiet },
      ),
    ).rejects.toThrow(/attribute agree: 40 labels in few; a head needs 50 or more/);
  });

  it('names the file of which nothing is used, and a missing one', async () => {
    writeFileSync(path('empty.jsonl'), '');
    const run = (attributes: string[]) =>
      runTraining(undefined, { backbone: BACKBONE, attributes, out: path('x') }, { watch: quiet });
    await expect(run([path('empty.jsonl')])).rejects.toThrow(/empty\.jsonl: no record is used/);
    await expect(run([path('pairs.jsonl')])).rejects.toThrow(
      /pairs\.jsonl: none of 61 records is used|no attribute is left/,
    );
    await expect(run([path('nowhere.jsonl')])).rejects.toThrow(/nowhere\.jsonl: no such file/);
  });

  it('takes fixed weights in place of a gate', async () => {
    await runTraining(
      path('train.json'),
      {
        out: path('fixed'),
        work: path('whole.work'),
        verbosity: 'none',
        weights: { agree: 0.75, preferred: 0.25 },
      },
      { watch: quiet },
    );
    const heads = await readBundleHeads(path('fixed'));
    expect(heads.gating).toEqual([]);
    expect([...heads.attributeWeights!]).toEqual([0.25, 0.75, 0]);
  });
});

describe('a run that is killed', () => {
  it('goes on to the same bundle, bit by bit', async () => {
    writeFileSync(path('notes.md'), 'Read by nobody yet.');
    /** Whether it came to its end; else it was killed. */
    const run = (out: string, killAfter?: number): Promise<boolean> =>
      new Promise((resolve, reject) => {
        const args = ['train', '--config', path('train.json'), '--out', path(out)];
        args.push('--notes', path('notes.md'));
        const child = spawn(process.execPath, [CLI, ...args], { stdio: 'ignore' });
        const timer =
          killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
        child.on('exit', (code, signal) => {
          clearTimeout(timer);
          if (code === 0 || signal === 'SIGKILL') resolve(code === 0);
          else reject(new Error(`qrm train ended with ${code}`));
        });
      });
    const begun = performance.now();
    expect(await run('undisturbed')).toBe(true);
    const took = performance.now() - begun;
    expect(contents(path('undisturbed'))).toEqual(contents(path('whole')));
    const random = seeded(Date.now());
    const kills = Number(process.env['QRM_TRAIN_KILLS'] ?? 3);
    // A run that ends before it is killed is compared, and another is begun.
    let killed = 0;
    let runs = 0;
    for (let goes = true; goes; runs++) {
      const out = `killed-${runs}`;
      while (killed < kills && !(await run(out, took * random()))) killed++;
      goes = killed < kills;
      expect(await run(out)).toBe(true);
      expect(contents(path(out))).toEqual(contents(path('whole')));
    }
    if (kills > 3) console.log(`${killed} kills in ${runs} runs`);
  }, 600_000);
});

describe('qrm train --progress json', () => {
  const run = async (
    ...args: string[]
  ): Promise<{ code: number; events: TrainEvent[]; error: string }> => {
    const child = spawn(process.execPath, [CLI, 'train', '--progress', 'json', ...args]);
    const texts = { out: '', error: '' };
    child.stdout.on('data', (chunk) => (texts.out += String(chunk)));
    child.stderr.on('data', (chunk) => (texts.error += String(chunk)));
    const code = await new Promise<number>((resolve) => child.on('close', resolve));
    const lines = texts.out.split('\n').filter((line) => line !== '');
    return { code, events: lines.map((l) => JSON.parse(l) as TrainEvent), error: texts.error };
  };

  it('tells each stage to its end, what is left out, and where everything lies', async () => {
    // Stages of the run before are found again.
    const { code, events } = await run('--config', path('train.json'), '--out', path('whole'));
    expect(code).toBe(0);
    const told = events.flatMap((e) => (e.type === 'progress' ? [e] : []));
    const ended = told.filter((e) => e.fraction === 1).map((e) => e.stage);
    for (const stage of ['data', 'features', 'heads']) expect(ended).toContain(stage);
    const notes = events.flatMap((e) => (e.type === 'note' ? [e.text] : []));
    expect(notes.join('\n')).toMatch(/rated\.jsonl:121/);
    const done = events.at(-1)!;
    expect(done).toMatchObject({ type: 'done', out: path('whole') });
    if (done.type === 'done') expect(readFileSync(done.report, 'utf8')).toMatch(/Reliability/);
  }, 120_000);

  it('leaves what is wrong with the config to standard error, each field on a line', async () => {
    const config = JSON.parse(readFileSync(path('train.json'), 'utf8')) as object;
    writeFileSync(path('wrong.json'), JSON.stringify({ ...config, folds: 1, heldOut: 'much' }));
    const { code, events, error } = await run('--config', path('wrong.json'), '--out', path('no'));
    expect(code).toBe(2);
    expect(events).toEqual([]);
    expect(error).toMatch(/wrong\.json: folds: found 1, expected/);
    expect(error).toMatch(/wrong\.json: heldOut: found "much", expected a number/);
  });

  it('says why notes cannot be read, before any work', async () => {
    for (const [notes, why] of [
      [path('nowhere.md'), 'no such file'],
      [folder, 'a folder, expected a file'],
    ] as const) {
      const args = ['--config', path('train.json'), '--out', path('no'), '--notes', notes];
      const { code, events, error } = await run(...args);
      expect([code, events]).toEqual([2, []]);
      expect(error).toContain(`--notes ${notes}: ${why}`);
    }
  });
});

async function openAndClose(at: string) {
  const checkpoint = await openCheckpoint(at);
  await checkpoint.source.close();
  return checkpoint;
}
