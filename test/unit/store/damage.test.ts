import { spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { damageOf } from '../../../server/src/store/check.js';
import { contentHash, scoreKey, ScoreStore } from '../../../server/src/store/index.js';

const FILE = 'scores-v1.mdb';
const COUNT = 3000;
const key = (i: number) => scoreKey('m', contentHash([{ role: 'assistant', content: `${i}` }], 0));
/** Of two sizes: in their page, and with pages of their own. */
const score = (i: number, levels = 2) => ({
  quantiles: Float32Array.from({ length: levels }, (_, k) => i + k / 10),
  gate: Float32Array.of(1),
  attributeQuantiles: Float32Array.from({ length: levels }, (_, k) => i + k / 10),
  expectation: i + 0.05,
  tokens: i,
  truncatedTokens: 0,
});

let root = '';
let good = '';
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'qrm-damage-'));
  good = join(root, 'good');
  const store = await ScoreStore.open({ folder: good });
  // In pieces, some of them again: so that there are free pages too.
  for (let from = 0; from < COUNT; from += 100)
    await store.putMany(Array.from({ length: 120 }, (_, i) => [key(from + i), score(from + i)]));
  await store.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Deterministic, so that a failure can be looked at again. */
function random(seed: number): (below: number) => number {
  let state = seed + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function damaged(name: string, change: (bytes: Buffer) => void, keepTimes = false): string {
  const folder = join(root, name);
  mkdirSync(join(folder, `${FILE}-state`), { recursive: true });
  const [from, to] = [join(good, FILE), join(folder, FILE)];
  const bytes = readFileSync(from);
  change(bytes);
  writeFileSync(to, bytes);
  const { atime, mtime } = statSync(from);
  utimesSync(to, atime, mtime);
  if (keepTimes) {
    const { ino, size, mtimeNs } = statSync(to, { bigint: true });
    writeFileSync(join(folder, `${FILE}-state`, 'closed'), `${ino} ${size} ${mtimeNs}`);
  }
  return folder;
}

const reader = fileURLToPath(new URL('./reader.mjs', import.meta.url));
interface Outcome {
  readonly died: NodeJS.Signals | number | null;
  readonly found: number;
  readonly wrong: number;
  readonly warnings: readonly string[];
}
const start = (folder: string) =>
  new Promise<Outcome>((resolve) => {
    const env = { ...process.env, QRM_TEST_STORE: join(root, 'store.mjs') };
    const child = spawn(process.execPath, [reader, folder, String(COUNT)], { env });
    let text = '';
    child.stdout.on('data', (d) => (text += String(d)));
    child.on('close', (code, signal) => {
      const said = code === 0 ? (JSON.parse(text) as Omit<Outcome, 'died'>) : undefined;
      resolve({ died: signal ?? (code === 0 ? null : code), ...(said ?? none) });
    });
  });
const none = { found: 0, wrong: 0, warnings: [] };

const flips = (seed: number) => (bytes: Buffer) => {
  const next = random(seed);
  for (let i = 0; i < 200; i++) bytes[8192 + next(bytes.length - 8192)]! ^= 1 + next(255);
};
const exchange = (seed: number) => (bytes: Buffer) => {
  const next = random(seed);
  const pages = bytes.length / 4096;
  const [a, b] = [2 + next(pages - 2), 2 + next(pages - 2)];
  const kept = Buffer.from(bytes.subarray(a * 4096, (a + 1) * 4096));
  bytes.copy(bytes, a * 4096, b * 4096, (b + 1) * 4096);
  kept.copy(bytes, b * 4096);
};

describe('a damaged store', () => {
  it('is told from a whole one', async () => {
    expect(await damageOf(join(good, FILE))).toBeUndefined();
    const big = join(root, 'big');
    const store = await ScoreStore.open({ folder: big });
    await store.putMany(Array.from({ length: 300 }, (_, i) => [key(i), score(i, 700)]));
    await store.putMany(Array.from({ length: 100 }, (_, i) => [key(i), score(i, 2)]));
    await store.close();
    expect(await damageOf(join(big, FILE))).toBeUndefined();
  });

  it('is set aside at the next start, without an accident, and scores are made again', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const folder = damaged(`a${seed}`, seed % 2 === 0 ? flips(seed) : exchange(seed));
      const first = await start(folder);
      const again = await start(folder);
      expect([first.died, again.died, first.wrong, again.wrong]).toEqual([null, null, 0, 0]);
      expect(again.warnings).toEqual([]);
    }
  });

  it('is noticed after a start that died of it, where nothing showed before', async () => {
    let deaths = 0;
    for (let seed = 0; seed < 4; seed++) {
      // As a disk damages a file: its times stay as they were.
      const folder = damaged(`b${seed}`, flips(seed), true);
      const outcomes = [await start(folder), await start(folder), await start(folder)];
      if (outcomes[2]!.died !== null) outcomes.push(await start(folder));
      // The threads of LMDB decide which start meets a damaged page first; one death is enough to be noticed.
      const died = outcomes.filter((o) => o.died !== null).length;
      expect(died, JSON.stringify(outcomes)).toBeLessThanOrEqual(1);
      expect(outcomes.every((o) => o.wrong === 0)).toBe(true);
      if (died === 0) continue;
      deaths++;
      const aside = readdirSync(folder).filter((name) => name.includes('-damaged-'));
      expect(aside).toHaveLength(1);
      expect(outcomes.flatMap((o) => o.warnings).join()).toContain('damaged');
    }
    expect(deaths).toBeGreaterThan(0);
  });

  it('stays where another process has it open; so does a whole one after a kill', async () => {
    const folder = join(root, 'open');
    mkdirSync(folder);
    copyFileSync(join(good, FILE), join(folder, FILE));
    const mine = await ScoreStore.open({ folder });
    const bytes = readFileSync(join(folder, FILE));
    const other = await start(folder);
    expect([other.died, other.warnings, other.found]).toEqual([null, [], COUNT]);
    expect(bytes.length).toBeGreaterThan(0);
    await mine.close();
    rmSync(join(folder, `${FILE}-state`, 'closed'));
    // A mark of a process that is gone, as SIGKILL leaves it.
    const [place] = /[0-9a-f]{6}$/.exec(
      (await import('../../../server/src/files/processes.js')).ownName(),
    )!;
    writeFileSync(join(folder, `${FILE}-state`, `open-1-4194303-7-${place}`), '');
    const after = await start(folder);
    expect([after.died, after.warnings, after.found]).toEqual([null, [], COUNT]);
    expect(readdirSync(join(folder, `${FILE}-state`))).toEqual(['closed']);
  });
});
