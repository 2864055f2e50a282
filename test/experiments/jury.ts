// Planted label flips: precision and recall of one judge and of the jury, and a linear probe on what is left.
// Run: npm run build && node dist/jury.js MODEL_HASH@KERNELS SPEC FILE… (scored before with `qrm score`; SPEC has levels and
// attributes as JSON, the hash is `modelHash` of a JSON report)
import { isMislabelled, jury } from '../../server/src/cleaning/jury/model.js';
import { readDataset } from '../../server/src/datasets/index.js';
import { permutation, seeded } from '../../server/src/evaluation/statistics/index.js';
import { probabilityBeats } from '../../server/src/qrm/index.js';
import { slotsOf } from '../../server/src/session/slots.js';
import { scoreKey, ScoreStore } from '../../server/src/store/index.js';

const [hash = '', spec = '', ...files] = process.argv.slice(2);
const { levels, attributes } = JSON.parse(spec) as { levels: number[]; attributes: string[] };
const K = levels.length;
const store = await ScoreStore.open();

interface Pair {
  readonly votes: number[];
  readonly features: number[];
}
const sorted = (q: Float32Array) => Float32Array.from(q).sort();

async function pairsOf(path: string): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for await (const event of readDataset({ path })) {
    if (event.type !== 'row') continue;
    const slots = slotsOf(event.row);
    const scores = slots.map((s) => store.get(scoreKey(hash, s.hash)));
    const [a, b] = ['chosen', 'rejected'].map((k) => scores[slots.findIndex((s) => s.kind === k)]);
    if (a === undefined || b === undefined) continue;
    const head = (s: typeof a, m: number) => s.attributeQuantiles.subarray(m * K, (m + 1) * K);
    const mean = (q: Float32Array) => q.reduce((x, y) => x + y, 0) / q.length;
    const votes = [probabilityBeats(sorted(a.quantiles), sorted(b.quantiles), levels)];
    const features = [a.expectation - b.expectation];
    for (let m = 0; m < attributes.length; m++) {
      votes.push(probabilityBeats(sorted(head(a, m)), sorted(head(b, m)), levels));
      features.push(mean(head(a, m)) - mean(head(b, m)));
    }
    pairs.push({ votes, features });
  }
  return pairs;
}

/** Logistic regression without intercept (a pair has no order), by gradient descent with L2. */
function probe(rows: readonly { x: number[]; w: number }[], scale: number[]): number[] {
  const d = scale.length;
  const w = new Array<number>(d).fill(0);
  for (let round = 0; round < 400; round++) {
    const g = new Array<number>(d).fill(0);
    for (const { x } of rows) {
      const z = x.reduce((s, v, k) => s + (v / scale[k]!) * w[k]!, 0);
      const e = 1 / (1 + Math.exp(z));
      x.forEach((v, k) => (g[k]! += (e * v) / scale[k]!));
    }
    for (let k = 0; k < d; k++) w[k]! += 0.5 * (g[k]! / rows.length - 0.01 * w[k]!);
  }
  return w.map((v, k) => v / scale[k]!);
}

const pc = (x: number) => (Number.isNaN(x) ? '–' : (100 * x).toFixed(0));
for (const file of files) {
  const pairs = await pairsOf(file);
  console.log(
    `\n${file}: ${pairs.length} pairs, ${attributes.length + 1} judges; label agreement of each: ${Array.from({ length: attributes.length + 1 }, (_, j) => pc(pairs.filter((p) => p.votes[j]! > 0.5).length / pairs.length)).join(' ')}`,
  );
  for (const share of [0.1, 0.2, 0.4]) {
    const sums: Record<string, number[]> = {};
    const add = (name: string, ...v: number[]) =>
      (sums[name] ??= v.map(() => 0)).forEach((_, k) => (sums[name]![k]! += v[k]! / 10));
    for (let seed = 1; seed <= 10; seed++) {
      const random = seeded(seed);
      const order = permutation(pairs.length, random);
      const half = Math.floor(pairs.length / 2);
      const train = order.slice(0, half).map((i) => pairs[i]!);
      const test = order.slice(half).map((i) => pairs[i]!);
      const flipped = train.map(() => random() < share);
      const noisy = train.map((p, i) => ({
        votes: p.votes.map((v) => (flipped[i] ? 1 - v : v)),
        x: p.features.map((v) => (flipped[i] ? -v : v)),
      }));
      const scale = noisy[0]!.x.map(
        (_, k) => Math.sqrt(noisy.reduce((s, r) => s + r.x[k]! ** 2, 0) / noisy.length) || 1,
      );
      const accuracy = (rows: { x: number[] }[]) => {
        const w = probe(
          rows.map(({ x }) => ({ x, w: 1 })),
          scale,
        );
        return (
          test.filter((p) => p.features.reduce((s, v, k) => s + v * w[k]!, 0) > 0).length /
          test.length
        );
      };
      add('noisy', accuracy(noisy));
      add('clean', accuracy(train.map((p) => ({ x: p.features }))));
      const judge = (votes: number[][], quorum: number) =>
        jury(votes).verdicts.map((v) => isMislabelled(v, quorum));
      const kinds: Record<string, boolean[]> = {
        'one judge': judge([noisy.map((p) => p.votes[0]!)], 0),
        jury: judge(
          noisy[0]!.votes.map((_, j) => noisy.map((p) => p.votes[j]!)),
          0,
        ),
        'jury, quorum 2/3': judge(
          noisy[0]!.votes.map((_, j) => noisy.map((p) => p.votes[j]!)),
          2 / 3,
        ),
        'one judge, P < 0.5': noisy.map((p) => p.votes[0]! < 0.5),
      };
      for (const [name, flag] of Object.entries(kinds)) {
        const hit = flag.filter((f, i) => f && flipped[i]).length;
        const flags = flag.filter(Boolean).length;
        const removed = noisy.filter((_, i) => !flag[i]);
        const swapped = noisy.map((r, i) => (flag[i] ? { x: r.x.map((v) => -v) } : r));
        add(
          name,
          flags,
          flags === 0 ? 0 : hit / flags,
          hit / Math.max(1, flipped.filter(Boolean).length),
          removed.length < 5 ? 0.5 : accuracy(removed),
          accuracy(swapped),
        );
      }
    }
    console.log(
      `flips ${share}: probe on noisy ${pc(sums['noisy']![0]!)}, on the true labels ${pc(sums['clean']![0]!)}`,
    );
    for (const [name, v] of Object.entries(sums))
      if (v.length > 1)
        console.log(
          `  ${name.padEnd(20)} flagged ${v[0]!.toFixed(0)} precision ${pc(v[1]!)} recall ${pc(v[2]!)} probe: removed ${pc(v[3]!)} swapped ${pc(v[4]!)}`,
        );
  }
}
await store.close();
