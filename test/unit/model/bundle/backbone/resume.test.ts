import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { ownName } from '../../../../../server/src/files/processes.js';
import { writeBackbone } from '../../../../../server/src/model/bundle/backbone/files.js';
import { convertModel } from '../../../../../server/src/model/bundle/bundle.js';
import { openCheckpoint } from '../../../../../server/src/model/bundle/published/checkpoint.js';
import type { TensorSource } from '../../../../../server/src/model/checkpoint/safetensors.js';
import { writeFolder } from '../../../../../server/src/model/files.js';
import { JOURNAL } from '../../../../../server/src/model/graph/journal.js';
import { PARTS } from '../../../../../server/src/model/int8/layer-parts.js';
import { goldenFolder } from '../../golden.js';
import { Workspace } from '../../workspace.js';

const work = new Workspace();
const journal = { key: 'this model', interval: 0 };

function folder(): string {
  const path = work.fresh('draft');
  mkdirSync(path);
  return path;
}

/** The source, and the names of the tensors that were read from it. */
function watched(source: TensorSource): { source: TensorSource; read: string[] } {
  const read: string[] = [];
  return {
    read,
    source: {
      names: () => source.names(),
      has: (name) => source.has(name),
      info: (name) => source.info(name),
      readFloat32: (name) => (read.push(name), source.readFloat32(name)),
      close: () => source.close(),
    },
  };
}

const same = (a: string, b: string): void => {
  expect(readdirSync(a).sort()).toEqual(readdirSync(b).sort());
  for (const name of readdirSync(a))
    expect(readFileSync(join(a, name)).equals(readFileSync(join(b, name)))).toBe(true);
};

describe('a conversion that was broken off', () => {
  it.each([
    ['int8', 'gemma3-bt'],
    ['int8', 'llama-mha-sharded'],
    ['float32', 'qwen3-bias'],
  ] as const)(
    'to %s goes on where it was, and gives the same files: %s',
    async (precision, name) => {
      const checkpoint = await openCheckpoint(goldenFolder(name));
      const whole = folder();
      await writeBackbone(checkpoint, precision, whole);

      const draft = folder();
      const stop = new AbortController();
      const onProgress = (fraction: number) => fraction > 0.3 && stop.abort();
      await expect(
        writeBackbone(checkpoint, precision, draft, { journal, onProgress, signal: stop.signal }),
      ).rejects.toThrow(/abort/i);
      expect(existsSync(join(draft, JOURNAL))).toBe(true);

      const { source, read } = watched(checkpoint.source);
      await writeBackbone({ ...checkpoint, source }, precision, draft, { journal });
      expect(read).not.toContain('model.embed_tokens.weight');
      expect(read).not.toContain('model.layers.0.mlp.up_proj.weight');
      expect(read.length).toBeGreaterThan(0);
      same(draft, whole);

      // Notes of another conversion, or of a file that is not there, are not taken.
      for (const other of [{ ...journal, key: 'another' }, journal]) {
        const notes = folder();
        await expect(
          writeBackbone(checkpoint, precision, notes, {
            journal,
            onProgress,
            signal: AbortSignal.timeout(0),
          }),
        ).rejects.toThrow();
        if (other === journal) writeFileSync(join(notes, 'backbone.data'), '');
        await writeBackbone(checkpoint, precision, notes, { journal: other });
        same(notes, whole);
      }
      await checkpoint.source.close();
    },
  );

  it('by a cancellation is kept beside its place, and taken over by the next', async () => {
    const target = join(folder(), 'bundle');
    const fill = (text: string, fail: boolean, stop?: AbortController) => async (draft: string) => {
      const old = join(draft, 'data');
      const before = existsSync(old) ? readFileSync(old, 'utf8') : '';
      writeFileSync(old, before + text);
      writeFileSync(join(draft, 'notes'), '');
      stop?.abort();
      if (fail) throw new Error('broken off');
    };
    const replace = () => Promise.resolve(true);
    const stop = new AbortController();
    const resume = { notes: 'notes', signal: stop.signal };
    await expect(writeFolder(target, fill('a', true, stop), replace, resume)).rejects.toThrow();
    expect(existsSync(target)).toBe(false);
    // A failure that is no cancellation leaves nothing.
    const other = join(folder(), 'other');
    await expect(
      writeFolder(other, fill('x', true), replace, { notes: 'notes' }),
    ).rejects.toThrow();
    expect(readdirSync(join(other, '..'))).toEqual([]);
    // Another target of the same folder takes nothing, and drops nothing.
    await writeFolder(join(target, '..', 'second'), fill('b', false), replace, { notes: 'notes' });
    expect(readFileSync(join(target, '..', 'second', 'data'), 'utf8')).toBe('b');
    await writeFolder(target, fill('c', false), replace, { notes: 'notes' });
    expect(readFileSync(join(target, 'data'), 'utf8')).toBe('ac');
    expect(readdirSync(join(target, '..')).sort()).toEqual(['bundle', 'second']);
  });

  it('goes with a process that ends, unless there are notes to go on by', () => {
    const script = join(folder(), 'ends.mjs');
    buildSync({
      stdin: {
        contents: `
          import { writeFileSync } from 'node:fs';
          import { writeFolder } from './server/src/model/files.ts';
          const [target, notes] = process.argv.slice(2);
          await writeFolder(
            target,
            async (draft) => {
              writeFileSync(draft + '/data', 'half');
              if (notes) writeFileSync(draft + '/notes', '');
              process.exit(0);
            },
            () => Promise.resolve(true),
            { notes: 'notes' },
          );`,
        resolveDir: '.',
      },
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
    });
    const at = folder();
    const end = (...args: string[]) => execFileSync(process.execPath, [script, ...args]);
    end(join(at, 'a'));
    expect(readdirSync(at)).toEqual([]);
    end(join(at, 'b'), 'with notes');
    expect(readdirSync(at)).toEqual([expect.stringMatching(/^b\.tmp-/)]);
  });

  it('of a process that ends meanwhile is removed too', async () => {
    const at = folder();
    const left = join(at, `other.tmp-0123abcd-${ownName().replace(/^\d+-\d+/, '999999999-0')}`);
    await writeFolder(
      join(at, 'bundle'),
      async (draft) => {
        writeFileSync(join(draft, 'data'), '');
        mkdirSync(left);
      },
      () => Promise.resolve(true),
    );
    expect(readdirSync(at)).toEqual(['bundle']);
  });

  it('is not taken from a process that is at it', async () => {
    const target = join(folder(), 'bundle');
    const name = `${target}.tmp-0123abcd-${ownName().replace(/^\d+-\d+/, `${process.ppid}-0`)}`;
    mkdirSync(name);
    writeFileSync(join(name, 'notes'), 'theirs');
    const fill = async (draft: string): Promise<void> => {
      expect(existsSync(join(draft, 'notes'))).toBe(false);
      writeFileSync(join(draft, 'notes'), '');
    };
    await writeFolder(target, fill, () => Promise.resolve(true), { notes: 'notes' });
    expect(readFileSync(join(name, 'notes'), 'utf8')).toBe('theirs');
  });
});

it('progress says the time that is left, also where no terminal is', async () => {
  // A clock that a conversion of milliseconds cannot show: the message is made from shares of the whole.
  const told: (string | undefined)[] = [];
  const real = Date.now;
  let now = real();
  Date.now = () => (now += 700);
  try {
    await convertModel(goldenFolder('llama3-bt'), work.fresh('bundle'), {
      precision: 'int8',
      onProgress: ({ message }) => told.push(message),
    });
  } finally {
    Date.now = real;
  }
  expect(told[0]).toBe('Preparing llama3-bt');
  expect(told.some((m) => /^Preparing llama3-bt: \d+ s left$/.test(m!))).toBe(true);
});

it('the parts of a layer are pure: the same arrays give the same tensors', () => {
  const sizes = {
    hiddenSize: 64,
    intermediateSize: 96,
    heads: 4,
    kvHeads: 2,
    headDim: 16,
    sandwichNorms: false,
  };
  const arrays = (): Record<string, Float32Array> => ({
    gate: Float32Array.from({ length: 96 * 64 }, (_, i) => Math.sin(i)),
    norm: new Float32Array(64).fill(1.5),
    mean: Float32Array.from({ length: 64 }, (_, i) => Math.cos(i)),
  });
  expect(PARTS.gate(sizes, arrays())).toEqual(PARTS.gate(sizes, arrays()));
});
