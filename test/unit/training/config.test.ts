import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, it } from 'vitest';
import { seeded, spearman, wilson } from '../../../server/src/evaluation/statistics/index.js';
import { schemaProblems, TRAIN_SCHEMA } from '../../../server/src/training/config/config-schema.js';
import { endpointsOf, readTrainConfig } from '../../../server/src/training/config/read-config.js';
import {
  fitVerbosity,
  MAX_CORRELATION,
  PENALTIES,
} from '../../../server/src/training/regression/verbosity.js';
import { matrix } from '../../../server/src/training/matrix/matrix.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
function config(value: unknown): string {
  const path = join(folder, 'train.json');
  writeFileSync(path, JSON.stringify(value));
  return path;
}

describe('the config of a training run', () => {
  it('takes paths from where it lies, and options over what it says', async () => {
    const path = config({
      data: 'd',
      attributes: ['a.jsonl.gz', { file: 'b.csv', name: 'bee', max: 7 }],
      pairs: ['/p/c.json'],
      out: 'bundle',
      seed: 3,
      gate: { hidden: [8] },
    });
    const read = await readTrainConfig(path, { seed: 4 });
    expect(read.attributes).toMatchObject([
      { file: join(folder, 'd', 'a.jsonl.gz'), name: 'a' },
      { file: join(folder, 'd', 'b.csv'), name: 'bee', max: 7 },
    ]);
    expect(read.pairs[0]).toMatchObject({ file: '/p/c.json', name: 'c' });
    expect(read).toMatchObject({ out: join(folder, 'bundle'), work: join(folder, 'bundle.work') });
    expect(read).toMatchObject({ seed: 4, quantiles: 19, l1: 0.003, maxPerAttribute: 60000 });
    // The paper's gate but for what is given.
    expect(read.gate).toMatchObject({ hidden: [8], epochs: 3, batch: 1024, learningRate: 3e-4 });
  });

  it('is not needed: paths of options are from the working directory', async () => {
    const read = await readTrainConfig(undefined, { attributes: ['x/a.jsonl'], out: 'o' });
    expect(read.attributes[0]!.file).toBe(resolve('x/a.jsonl'));
    expect(read.out).toBe(resolve('o'));
  });

  it('takes folders: their data sets, but for what the run itself writes', async () => {
    const at = (...names: string[]): string => join(folder, 'all', ...names);
    for (const name of ['bundle', 'bundle.work', 'sub', 'none'])
      mkdirSync(at(name), { recursive: true });
    for (const name of [
      'a.jsonl',
      'sub/a.csv',
      'sub/b.json',
      'bundle/heads.json',
      'bundle.work/figures.json',
    ])
      writeFileSync(at(name), '[]');
    for (const name of ['notes.txt', 'README.md']) writeFileSync(at(name), 'Prose.');
    writeFileSync(
      at('train.json'),
      JSON.stringify({ attributes: [{ file: '.', max: 7 }], out: 'bundle' }),
    );
    const read = await readTrainConfig(at('train.json'), {});
    expect(read.attributes).toEqual([
      { file: at('a.jsonl'), name: 'a', max: 7 },
      { file: at('sub', 'a.csv'), name: join('sub', 'a'), max: 7 },
      { file: at('sub', 'b.json'), name: join('sub', 'b'), max: 7 },
    ]);
    const named = { attributes: [{ file: at('sub'), name: 'mine' }], out: 'o' };
    expect((await readTrainConfig(config(named), {})).attributes.map((a) => a.name)).toEqual(
      ['a', 'b'].map((name) => join('mine', name)),
    );
    await expect(
      readTrainConfig(undefined, { attributes: [at('none')], out: 'o' }),
    ).rejects.toThrow(/none: no data set in this folder/);
    await expect(readTrainConfig(at('sub'), {})).rejects.toThrow(/sub: a folder, expected a file/);
  });

  it('tells files of one name apart by their folders', async () => {
    const options = { attributes: ['x/train.jsonl'], pairs: ['y/train.jsonl'], out: 'o' };
    const { attributes, pairs } = await readTrainConfig(undefined, options);
    expect([attributes[0]!.name, pairs[0]!.name]).toEqual(['train', join('y', 'train')]);
    const twice = {
      attributes: ['x/train.jsonl', 'z/train.jsonl'],
      pairs: ['z/train.jsonl'],
      out: 'o',
    };
    await expect(readTrainConfig(undefined, twice)).rejects.toThrow(
      /two sources are called "train"/,
    );
  });

  it('takes URLs of engines alone', async () => {
    const of = (endpoint: string) =>
      readTrainConfig(config({ attributes: ['a'], out: 'o', endpoint }), {});
    expect(endpointsOf(await of('http://a:1, https://b/x'))).toEqual(['http://a:1', 'https://b/x']);
    expect(endpointsOf(await of(' '))).toEqual([]);
    await expect(of('http://a:1,gpu:8000')).rejects.toThrow(
      /endpoint: found "gpu:8000", expected URLs/,
    );
  });

  const wrong: [unknown, RegExp][] = [
    [{ attributes: [], quantile: 5 }, /train\.json: quantile is not known; expected .*quantiles/],
    [
      { attributes: ['a'], gate: { hidden: [0] } },
      /gate\.hidden\[0\]: found 0, expected 1 or more/,
    ],
    [{ attributes: ['a'], l1: 'much' }, /l1: found "much", expected one of auto/],
    [{ attributes: [{ name: 'x' }] }, /attributes\[0\]\.file is missing/],
    [{ attributes: ['a'], heldOut: 2 }, /heldOut: found 2, expected 0 to 0\.9/],
    [{ attributes: ['a'], pairs: [{ file: 'a.json' }], out: 'o' }, /two sources are called "a"/],
    [{ attributes: ['a'] }, /no --out/],
    [{ attributes: [], out: 'o' }, /no --attributes/],
  ];
  it.each(wrong)('says what is wrong in %j', async (value, message) => {
    await expect(readTrainConfig(config(value), {})).rejects.toThrow(message);
  });

  it('has a schema for editors that is the one it is checked by', () => {
    const path = fileURLToPath(new URL('../../../client/train.schema.json', import.meta.url));
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(TRAIN_SCHEMA)),
    );
  });

  it('agrees with a JSON Schema validator on what fits', () => {
    const valid = new Ajv({ strict: false }).compile(TRAIN_SCHEMA);
    const values = [...wrong.map(([value]) => value), { attributes: ['a'], out: 'o' }, [], 3, {}];
    for (const value of values) {
      expect([value, schemaProblems(value, TRAIN_SCHEMA).length === 0]).toEqual([
        value,
        valid(value),
      ]);
    }
  });

  it.each(['models/train.json', 'examples/train.json'])('that is committed fits: %s', (name) => {
    const path = fileURLToPath(new URL(`../../../${name}`, import.meta.url));
    const written = JSON.parse(readFileSync(path, 'utf8')) as unknown;
    expect(schemaProblems(written, TRAIN_SCHEMA)).toEqual([]);
  });
});

describe('the verbosity adjustment', () => {
  // Attribute 0 is the length; 1 rises with it, 2 does not, 3 falls with it.
  const n = 400;
  const random = seeded(2);
  const rewards = matrix(n, 4);
  for (let i = 0; i < n; i++) {
    const length = random();
    const own = random();
    rewards.data.set([length, 0.3 * length + own, own, own - 0.5 * length], i * 4);
  }
  const fit = fitVerbosity(rewards, 0);

  it('takes the smallest penalty of the grid that frees an attribute of the length', () => {
    const column = (m: number): number[] =>
      Array.from({ length: n }, (_, i) => rewards.data[i * 4 + m]!);
    const left = (m: number, penalty: number): number =>
      spearman(
        column(m).map((x, i) => x - penalty * column(0)[i]!),
        column(0),
      );
    for (const m of [1, 2, 3]) {
      const at = PENALTIES.indexOf(fit.penalties[m]!);
      expect(left(m, PENALTIES[at]!)).toBeLessThanOrEqual(MAX_CORRELATION);
      if (at > 0) expect(left(m, PENALTIES[at - 1]!)).toBeGreaterThan(MAX_CORRELATION);
    }
    expect(fit.penalties[1]).toBeGreaterThan(0.1);
    expect(fit.penalties[3]).toBe(0);
  });

  it('is a matrix that leaves nothing of the length itself', () => {
    expect(fit.transform[0]).toBe(0);
    expect(fit.transform[1]).toBeCloseTo(-fit.penalties[1]!, 6);
    expect([fit.transform[5], fit.transform[6], fit.transform[4]]).toEqual([1, 0, 0]);
  });
});

describe('the interval of a share', () => {
  it("is Wilson's", () => {
    // Agresti & Coull 1998, table: 0 of 10 and 5 of 10.
    expect(wilson(0, 10)[1]).toBeCloseTo(0.278, 3);
    expect(wilson(0.5, 10)[0]).toBeCloseTo(0.237, 3);
    expect(wilson(0.5, 0)).toEqual([0, 1]);
  });
});
