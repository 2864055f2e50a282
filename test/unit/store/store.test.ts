import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScoreStore, cacheFolder, contentHash, scoreKey } from '../../../server/src/store/index.js';
import { decodeScore, encodeScore } from '../../../server/src/store/record.js';

const key = (i: number) => scoreKey('m', contentHash([{ role: 'assistant', content: `${i}` }], 0));
const score = (i: number) => ({
  quantiles: Float32Array.of(i, i + 0.1),
  gate: Float32Array.of(1),
  attributeQuantiles: Float32Array.of(i, i + 0.1),
  expectation: i + 0.05,
  tokens: i,
  truncatedTokens: 0,
});

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qrm-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('record', () => {
  it('gives back every score bit for bit, and refuses every damaged one', () => {
    const f32 = (n: number) =>
      fc.float32Array({ minLength: n, maxLength: n, noDefaultInfinity: true });
    const scores = fc
      .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5 }))
      .chain(([K, M]) =>
        fc.record({
          quantiles: f32(K),
          gate: f32(M),
          attributeQuantiles: f32(K * M),
          expectation: fc.double(),
          tokens: fc.nat(1e9),
          truncatedTokens: fc.nat(1e9),
        }),
      );
    fc.assert(
      fc.property(scores, fc.nat(), fc.integer({ min: 1, max: 255 }), (s, at, flip) => {
        const bytes = encodeScore(s);
        expect(decodeScore(bytes)).toEqual(s);
        bytes[at % bytes.length]! ^= flip;
        // Byte 1, 6 and 7 are padding, but the checksum covers them too.
        expect(decodeScore(bytes)).toBeUndefined();
      }),
    );
  });
});

describe('keys', () => {
  it('are SHA-256 of lengths and UTF-16, of texts of any length', () => {
    const long = fc.integer({ min: 0, max: 200_000 }).map((n) => 'ä'.repeat(n));
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\ud800'), long);
    const message = fc.record(
      { role: text, content: text, name: text, unread: fc.record({ digest: text }) },
      { requiredKeys: ['role', 'content'] },
    );
    type Message = Parameters<typeof contentHash>[0][number];
    const reference = (list: readonly Message[]): Buffer => {
      const hash = createHash('sha256');
      for (const { role, content, name, unread } of list) {
        hash.update(`${role.length}:${content.length}:`).update(role, 'utf16le');
        hash.update(content, 'utf16le');
        if (name === undefined && unread === undefined) continue;
        const more = JSON.stringify([undefined, undefined, name, unread?.digest]);
        hash.update(`+${more.length}:`).update(more, 'utf16le');
      }
      return hash.digest().subarray(0, 16);
    };
    const messages = fc.array(message, { minLength: 1, maxLength: 4 });
    const targets = fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(messages, message, targets, (list, last, asked) => {
        // The lists of one row share their first messages.
        const sibling = [...list.slice(0, -1), last];
        for (const [n, second] of asked) {
          const all = second ? sibling : list;
          const target = n % all.length;
          const content = contentHash(all, target);
          expect(content.equals(reference(all.slice(0, target + 1)))).toBe(true);
          const key = createHash('sha256').update('3:abc').update(content).digest();
          expect(scoreKey('abc', content).equals(key.subarray(0, 16))).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('tell apart texts whose fields only run together alike, and ignore what follows the target', () => {
    const h = (...m: [string, string][]) =>
      contentHash(
        m.map(([role, content]) => ({ role, content })),
        0,
      ).toString('hex');
    expect(h(['user', 'a'])).not.toBe(h(['use', 'ra']));
    expect(h(['user', '\ud800'])).not.toBe(h(['user', '\ud801']));
    expect(h(['user', 'a'], ['assistant', 'b'])).toBe(h(['user', 'a'], ['assistant', 'c']));
    const content = contentHash([{ role: 'user', content: 'a' }], 0);
    expect(scoreKey('m1', content).equals(scoreKey('m2', content))).toBe(false);
  });

  it('sit where the environment says', () => {
    expect(cacheFolder({ QRM_LENS_CACHE: '/x' })).toBe('/x');
    expect(cacheFolder({ XDG_CACHE_HOME: '/c' })).toBe(join('/c', 'qrm-lens'));
    // Its specification has relative paths ignored: scores never lie wherever one happens to be.
    expect(cacheFolder({ XDG_CACHE_HOME: 'c' })).toBe(cacheFolder({}));
  });
});

describe('ScoreStore', () => {
  it('keeps, lists, counts and clears', async () => {
    const store = await ScoreStore.open({ folder });
    await store.putMany([1, 2, 3].map((i) => [key(i), score(i)] as const));
    expect([key(2), key(9)].map((k) => store.get(k))).toEqual([score(2), undefined]);
    expect(store.stats().entries).toBe(3);
    await store.close();
    const again = await ScoreStore.open({ folder });
    expect(again.get(key(3))).toEqual(score(3));
    await again.clear();
    expect(again.stats().entries).toBe(0);
    await again.close();
  });

  it('loses nothing that was put before kill -9, while two processes write', async () => {
    const writer = fileURLToPath(new URL('./writer.mjs', import.meta.url));
    const run = (start: number) =>
      new Promise<number>((resolve, reject) => {
        const child = spawn(process.execPath, [writer, folder, String(start), '1000000']);
        let last = -1;
        child.stderr.on('data', (d) => reject(new Error(String(d))));
        createInterface({ input: child.stdout }).on('line', (line) => {
          last = Number(line);
          if (last === start + 200) child.kill('SIGKILL');
        });
        child.on('close', () => resolve(last));
      });
    const [a, b] = await Promise.all([run(0), run(5_000_000)]);
    expect(a).toBeGreaterThanOrEqual(200);
    const store = await ScoreStore.open({ folder });
    for (let i = 0; i <= a; i++) expect(store.get(key(i))).toEqual(score(i));
    for (let i = 5_000_000; i <= b; i++) expect(store.get(key(i))).toEqual(score(i));
    await store.put(key(-1), score(0));
    expect(store.get(key(-1))).toEqual(score(0));
    await store.close();
  });

  it('loses nothing while other processes open it, to write and to read', async () => {
    const visitor = fileURLToPath(new URL('./visitor.mjs', import.meta.url));
    const [rounds, puts] = [20, 4];
    const starts = [0, 1, 2, 3].map((n) => n * 1000);
    const visit = (start: number) =>
      new Promise<string>((resolve) => {
        const given = [visitor, folder, start, puts, rounds].map(String);
        const child = spawn(process.execPath, given);
        let said = '';
        child.stderr.on('data', (d) => (said += String(d)));
        child.on('close', (code, signal) => resolve(`${said}${code ?? signal}`));
      });
    expect(await Promise.all(starts.map(visit))).toEqual(starts.map(() => '0'));
    const store = await ScoreStore.open({ folder });
    const all = starts.flatMap((start) => [...Array(rounds * puts).keys()].map((i) => start + i));
    expect(all.filter((i) => store.get(key(i)) === undefined)).toEqual([]);
    await store.close();
  });

  const fill = async () => {
    const store = await ScoreStore.open({ folder });
    await store.putMany(Array.from({ length: 5000 }, (_, i) => [key(i), score(i)] as const));
    const { path } = store.stats();
    await store.close();
    return path;
  };
  const damages: [string, (path: string) => void][] = [
    ['garbage', (path) => writeFileSync(path, Buffer.alloc(100_000, 7))],
    ['a file cut in half', (path) => truncateSync(path, 150_000)],
    ['a file of 100 bytes', (path) => truncateSync(path, 100)],
    [
      'pages of zeros',
      (path) => {
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(0, 8192));
      },
    ],
  ];
  it.each(damages)('sets %s aside, says so and goes on', async (_name, damage) => {
    const path = await fill();
    damage(path);
    const warnings: string[] = [];
    const store = await ScoreStore.open({ folder, onWarning: (m) => warnings.push(m) });
    expect(store.get(key(1))).toBeUndefined();
    await store.put(key(1), score(1));
    expect(store.get(key(1))).toEqual(score(1));
    await store.close();
    expect(warnings.join()).toContain('damaged');
    expect(readdirSync(folder).some((f) => f.includes('-damaged-'))).toBe(true);
  });
});
