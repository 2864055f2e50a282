// scripts/asan.mjs runs this in a Node with the sanitizers' library: LIBRARY COUNT [SEED]. Random backbones, random
// trees of conversations through the real layout and binding; what they give against the plain reference, the same
// trees one by one, and calls that must be refused. A finding of a sanitizer ends the process.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KERNEL_SETS } from '../../server/src/engine/identity.js';
import {
  kernelsOf,
  type NativeKernels,
  type NativeModel,
} from '../../server/src/engine/backbone/native.js';
import { continues, type TokenTree } from '../../server/src/engine/trees/packing.js';
import { layOutSegments, type SegmentBatch } from '../../server/src/engine/trees/segments.js';
import { planTrees, type WantedPath } from '../../server/src/engine/trees/trees.js';
import { caseSeed, Random } from '../fuzz/random.js';
import { angles, numbersOf, randomModel, type RandomModel } from './model.js';
import { reference } from './reference.js';

const [library, count = '100', seed = '1', only] = process.argv.slice(2);
const sets = KERNEL_SETS.map((set) => kernelsOf(library!, set));
const work = mkdtempSync(join(tmpdir(), 'qrm-asan-'));
const counts = new Map<string, number>();
const note = (what: string, n = 1): void => void counts.set(what, (counts.get(what) ?? 0) + n);

const LENGTHS = [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 95, 97];

/** The beginning is the stored prefix or not; paths share beginnings, continue one another, part at the first token. */
function conversations(random: Random, { shape }: RandomModel, long: boolean): WantedPath[] {
  const tokens = (n: number): number[] =>
    Array.from({ length: n }, () => random.int(0, shape.vocab - 1));
  const length = (): number => (random.chance(0.5) ? random.pick(LENGTHS) : random.int(1, 130));
  const begin = random.chance(0.7) ? shape.prefix : tokens(random.int(0, 40));
  const shared = [...begin, ...tokens(long ? random.int(1000, 2500) : random.int(0, 60))];
  const branches = long ? 2 : random.pick([1, 1, 2, 2, 3, random.int(4, 24)]);
  const made: number[][] = [];
  for (let n = 0; n < branches; n++) {
    const from = random.chance(0.2) && made.length > 0 ? random.pick(made) : shared;
    made.push([...from, ...tokens(random.chance(0.1) && from.length > 0 ? 0 : length())]);
  }
  return made.map((ids) => {
    const least = ids.length > shape.prefix.length && random.chance(0.9) ? shape.prefix.length : 0;
    const wanted = random.times(random.chance(0.1) ? 0 : 1, 3, () =>
      random.int(least, ids.length - 1),
    );
    return { ids, wanted: random.chance(0.6) ? [...wanted, ids.length - 1] : wanted };
  });
}

interface Opened {
  readonly model: RandomModel;
  readonly kernels: NativeKernels;
  readonly native: NativeModel;
  readonly numbers: readonly [Int32Array, Float64Array, Int32Array, Float64Array];
  readonly path: string;
}

function open(random: Random, kernels: NativeKernels, name: string, small: boolean): Opened {
  const model = randomModel(random, small);
  const path = join(work, name);
  writeFileSync(path, model.file);
  const numbers = [...numbersOf(model.shape), Float64Array.from(model.offsets)] as const;
  return { model, kernels, native: kernels.open(path, ...numbers), numbers, path };
} // prettier-ignore

function run(
  { kernels, native, model }: Opened,
  batch: SegmentBatch,
  rope: Float32Array,
): Float32Array {
  const out = new Float32Array(batch.targets.length * model.shape.hidden);
  kernels.run(native, batch.ids, batch.segments, rope, batch.targets, out);
  return out;
}

/** The greatest difference of a row, in units of the row's greatest number. */
function difference(found: ArrayLike<number>, expected: Float64Array): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(found[i]! - expected[i]!);
    most = Number.isNaN(d) ? Infinity : Math.max(most, d);
  }
  return most / expected.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
}

let worst = 0;
/** Int8 activations of two digits, bfloat16 in attention: on average a few thousandths, more where sums cancel. */
const TOLERANCE = 0.05;
const MEAN = 0.005;
let total = 0;
let rows = 0;

function compare(opened: Opened, trees: readonly TokenTree[], out: Float32Array, rope: Float32Array): void {
  const { model } = opened;
  const H = model.shape.hidden;
  let at = 0;
  for (const tree of trees) {
    const skip = continues(tree, model.shape.prefix) ? model.shape.prefix.length : 0;
    if (skip > 0) note('trees that continue the stored prefix');
    const states = new Map<number, Map<number, Float64Array>>();
    for (const { branch, index } of tree.wanted) {
      if (!states.has(branch)) {
        const wanted = new Set(tree.wanted.filter((w) => w.branch === branch).map((w) => w.index));
        const ids = [...tree.trunk, ...(tree.branches[branch] ?? [])];
        states.set(branch, reference(model, ids, wanted, skip, rope));
      }
      const d = difference(out.subarray(at, (at += H)), states.get(branch)!.get(index)!);
      worst = Math.max(worst, d);
      total += d;
      rows++;
      if (d > TOLERANCE) throw new Error(`a hidden state is ${d.toFixed(3)} from the reference`);
    }
  }
} // prettier-ignore

/** One argument that leads out of its buffer: refused, or run without harm. */
function hostile(random: Random, { kernels, native, model, path, numbers }: Opened, batch: SegmentBatch, rope: Float32Array): void {
  const ids = batch.ids.slice();
  const segments = batch.segments.slice();
  const targets = batch.targets.slice();
  const odd = random.pick([-1, 2 ** 31 - 1, -(2 ** 31), batch.ids.length, batch.ids.length + 1, model.shape.vocab, 0, 1, 7]);
  const put = (a: Int32Array): void => { if (a.length > 0) a[random.int(0, a.length - 1)] = odd; };
  let angle = rope;
  let size = targets.length * model.shape.hidden;
  const what = random.pick([
    () => put(ids),
    () => put(segments),
    () => put(targets),
    () => { angle = rope.slice(0, random.int(0, rope.length - 1)); },
    () => { size = Math.max(0, size + random.pick([-1, 1, -model.shape.hidden])); },
  ]);
  what();
  const cut = random.chance(0.2) ? segments.slice(0, random.int(0, segments.length)) : segments;
  try {
    kernels.run(native, ids, cut, angle, targets, new Float32Array(size));
    note('odd calls that were run');
  } catch {
    note('odd calls that were refused');
  }
  const [ints, floats, slides, offsets] = [numbers[0].slice(), numbers[1], numbers[2], numbers[3].slice()];
  if (random.chance(0.7)) offsets[random.int(0, offsets.length - 1)] = random.pick([-1, -64, 2 ** 53, 1e308, NaN, model.file.length, model.file.length - 1, Infinity]);
  else ints[random.int(0, ints.length - 1)] = random.pick([-1, 0, 1, 2 ** 31 - 1, 63, 65, 1_000_000]);
  try {
    // Another path: a file is opened once.
    const other = path.replace(/([^/]+)$/, './$1');
    kernels.open(other, ints, floats, random.chance(0.1) ? slides.slice(1) : slides, offsets);
    note('odd models that were opened');
  } catch {
    note('odd models that were refused');
  }
} // prettier-ignore

try {
  for (let n = 0; n < Number(count); n++) {
    if (only !== undefined && n !== Number(only)) continue;
    const random = new Random(caseSeed(Number(seed), n));
    try {
      const long = n % 40 === 7;
      const opened = open(random, sets[n % sets.length]!, `m${n}`, long);
      const { prefix } = opened.model.shape;
      const trees = random
        .times(1, long ? 1 : 5, () => conversations(random, opened.model, long))
        .flatMap((paths) => planTrees(paths, prefix.length).map((p) => p.tree));
      const batch = layOutSegments(trees, prefix);
      const rope = angles(opened.model.shape, batch.positions + random.pick([0, 1, 500]));
      const out = run(opened, batch, rope);
      note('trees', trees.length);
      note('branches', trees.reduce((sum, t) => sum + t.branches.length, 0));
      note('tokens', batch.ids.length);
      compare(opened, trees, out, rope);
      // Buffers grew for the whole batch; a handle of its own has them just so large as each tree needs.
      const alone = opened.kernels.open(opened.path, ...opened.numbers);
      const apart = trees.map((t) => run({ ...opened, native: alone }, layOutSegments([t], prefix), rope));
      if (Buffer.compare(Buffer.from(out.buffer), Buffer.concat(apart.map((a) => new Uint8Array(a.buffer)))) !== 0)
        throw new Error('trees alone give other states than together');
      run(opened, layOutSegments([], prefix), rope);
      for (let i = 0; i < 5; i++) hostile(random, opened, batch, rope);
      if (Buffer.compare(Buffer.from(run(opened, batch, rope).buffer), Buffer.from(out.buffer)) !== 0)
        throw new Error('the same trees give other states the second time');
      rmSync(opened.path);
    } catch (error) {
      throw new Error(`case ${n} of seed ${seed}: ${String(error)}`, { cause: error });
    } // prettier-ignore
  }
  note('models', Number(count));
  for (const [what, times] of counts) console.log(`${String(times).padStart(8)} ${what}`);
  console.log(`difference from the reference: mean ${(total / rows).toFixed(4)}, greatest ${worst.toFixed(4)} of a row's greatest number`); // prettier-ignore
  if (total / rows > MEAN) throw new Error(`the mean difference is more than ${MEAN}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
