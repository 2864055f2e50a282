import { describe, expect, it } from 'vitest';
import {
  likeness,
  nearDuplicates,
  NO_OTHER,
  Sketcher,
} from '../../../server/src/similarity/index.js';
import { finish, mix } from '../../../server/src/similarity/murmur.js';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';

const sketchOf = (response: string, prompt = 'Q') =>
  new Sketcher().sketch([{ content: prompt }, { content: response }], 1);
const wordOf = (sketches: readonly Uint32Array[]) => (i: number, w: number) => sketches[i]![w]!;
const alike = (a: string, b: string) => likeness(wordOf([sketchOf(a), sketchOf(b)]), 0, 1).response;
function done<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
const found = (sketches: readonly Uint32Array[], least: number, rows = (i: number) => i) =>
  done(
    nearDuplicates(
      sketches.length,
      wordOf(sketches),
      least,
      () => false,
      (a, b) => rows(a) !== rows(b),
    ),
  );

/** Exact Jaccard similarity of the sets of three words. */
function jaccard(a: readonly string[], b: readonly string[]): number {
  const set = (of: readonly string[]) =>
    new Set(of.slice(2).map((w, n) => `${of[n]} ${of[n + 1]} ${w}`));
  const [x, y] = [set(a), set(b)];
  const both = [...x].filter((s) => y.has(s)).length;
  return both / (x.size + y.size - both);
}

describe('MurmurHash3_x86_32', () => {
  // Vectors of SMHasher's users: bytes as little-endian blocks, seed, hash.
  it.each([
    [[], 0, 0],
    [[], 1, 0x514e28b7],
    [[], 0xffffffff, 0x81f16f39],
    [[0xffffffff], 0, 0x76293b50],
    [[0x87654321], 0, 0xf55b516b],
    [[0x87654321], 0x5082edee, 0x2362f9de],
    [[0], 0, 0x2362f9de],
    [[0x74736574], 0, 0xba6bd213],
  ])('%j, seed %i', (blocks, seed, expected) => {
    expect(finish(blocks.reduce(mix, seed), blocks.length)).toBe(expected);
  });
});

describe('sketches', () => {
  it('estimate the Jaccard similarity of three-word shingles: no bias, standard error as said', () => {
    const random = seeded(5);
    const word = () => `w${Math.floor(random() * 5000)}`;
    let [bias, square, n] = [0, 0, 0];
    for (let round = 0; round < 400; round++) {
      const a = Array.from({ length: 150 + Math.floor(random() * 150) }, word);
      const changed = random() * 0.1;
      const b = a.map((w) => (random() < changed ? word() : w));
      const error = alike(a.join(' '), b.join(' ')) - jaccard(a, b);
      bias += error;
      square += error ** 2;
      n++;
    }
    expect(Math.abs(bias / n)).toBeLessThan(0.01);
    expect(Math.sqrt(square / n)).toBeLessThan(0.07);
  });

  it('case, punctuation, spacing and width are no difference; other words are', () => {
    expect(alike('The quick brown fox, jumps!', 'the  QUICK\nbrown fox jumps')).toBe(1);
    expect(alike('ｆｕｌｌ width text here', 'full width text here')).toBe(1);
    expect(alike('Yes', 'yes.')).toBe(1);
    expect(alike('Yes', 'No')).toBeLessThan(0.1);
    // Scripts without spaces: a character is a word.
    const chinese = '我们可以把水加热到沸腾，然后加入茶叶，静置三分钟，最后倒入杯中慢慢品尝。';
    expect(alike(chinese, chinese.replace('三', '五'))).toBeGreaterThan(0.6);
    expect(alike(chinese, '今天天气很好，适合去公园散步，也可以在湖边喝咖啡看书。')).toBeLessThan(
      0.2,
    );
  });

  it('what has no word is like nothing: its response is all zeros', () => {
    expect([...sketchOf(' …!').subarray(0, 16)].every((w) => w === 0)).toBe(true);
    expect([...sketchOf('a').subarray(0, 16)].some((w) => w !== 0)).toBe(true);
  });

  it('of a conversation is the same however many were read before it', () => {
    const sketcher = new Sketcher();
    const turns = (...of: string[]) => of.map((content) => ({ content }));
    const cases = [
      [turns('Q', 'a', 'R', 'b'), 1],
      [turns('Q', 'a', 'R', 'b'), 3],
      [turns('Q', 'a', 'R', 'c'), 3],
      [turns('other', 'a'), 1],
      [turns('a'), 0],
      [turns('other', 'a', 'x', 'y', 'z'), 4],
    ] as const;
    for (const [of, target] of cases)
      expect(sketcher.sketch(of, target)).toEqual(new Sketcher().sketch(of, target));
  });
});

describe('near-duplicates', () => {
  const random = seeded(11);
  const text = (n: number) => Array.from({ length: n }, () => `w${Math.floor(random() * 3000)}`);

  it('finds planted ones among 3,000, and nothing else', () => {
    const texts = Array.from({ length: 3000 }, () => text(60 + Math.floor(random() * 60)));
    const planted = new Map<number, number>();
    for (let n = 0; n < 100; n++) {
      const [from, to] = [n * 7, 1500 + n * 11];
      // One word of a hundred changed: similarity about 0.94.
      texts[to] = texts[from]!.map((w, at) => (at === 30 ? 'changed' : w));
      planted.set(to, from);
    }
    const first = found(
      texts.map((t) => sketchOf(t.join(' '))),
      0.8,
    );
    const got = [...first].flatMap((other, i) => (other === NO_OTHER ? [] : [[i, other] as const]));
    expect(got).toEqual([...planted].sort(([a], [b]) => a - b));
  });

  it('the same response to another prompt is none, nor is another row of the same number', () => {
    const answer = text(50).join(' ');
    const near = `${answer} indeed`;
    const [p, q] = [text(40).join(' '), text(40).join(' ')];
    expect([...found([sketchOf(answer, p), sketchOf(near, q)], 0.8)]).toEqual([NO_OTHER, NO_OTHER]);
    expect([...found([sketchOf(answer, p), sketchOf(near, p)], 0.8)]).toEqual([NO_OTHER, 0]);
    expect([...found([sketchOf(answer, p), sketchOf(near, p)], 0.8, () => 0)]).toEqual([
      NO_OTHER,
      NO_OTHER,
    ]);
    // Chosen and rejected of two rows: each finds its own.
    const other = text(50).join(' ');
    const four = [answer, other, near, `${other} too`].map((t) => sketchOf(t, p));
    expect([...found(four, 0.8, (i) => i >> 1)]).toEqual([NO_OTHER, NO_OTHER, 0, 1]);
  });

  it('many that are alike point to the first; many that share only a part are no long search', () => {
    const base = text(80);
    const many = Array.from({ length: 500 }, (_, n) => sketchOf([...base, `n${n}`].join(' ')));
    expect([...found(many, 0.8)].slice(1).every((other) => other === 0)).toBe(true);
    const half = Array.from({ length: 2000 }, () => sketchOf([...base, ...text(60)].join(' ')));
    expect([...found(half, 0.95)].every((other) => other === NO_OTHER)).toBe(true);
  });
});
