import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goldenFolder } from '../../unit/model/golden.js';
import { jsonLines, MODEL, Workspace } from './helpers.js';

/** A quantile model, a Bradley-Terry model (K = 1), and another quantile model, at a URL. */
const [A, B, C] = [MODEL, goldenFolder('qwen3-bt'), goldenFolder('gemma2-qrm')] as const;
const cpu = ['--device', 'cpu', '--precision', 'float32'];

let work: Workspace;
let url = '';
beforeAll(async () => {
  work = new Workspace();
  const { child } = work.start(['serve', '--model', C, '--port', '0', ...cpu]);
  url = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stderr!.on('data', (d: Buffer) => {
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec((said += d.toString()));
      if (found !== null) resolve(found[0]);
    });
    child.on('close', () => reject(new Error(said)));
  });
  writeFileSync(work.path('pairs.jsonl'), text);
}, 120_000);
afterAll(() => work.end());

const rows = Array.from({ length: 36 }, (_, n) => ({
  prompt: `Question ${n}: what is ${n} times ${n + 3}?`,
  chosen: `It is ${n * (n + 3)}${', as you can check by adding'.repeat(n % 4)}.`,
  rejected: `${'I do not know. '.repeat(1 + (n % 3))}${n}`,
}));
const lines = rows.map((row) => JSON.stringify(row));
const text = `${lines.join('\n')}\n`;

interface Verdict {
  readonly row: number;
  readonly line: number;
  readonly p_mislabelled: number;
  readonly low: number;
  readonly high: number;
  readonly against: number;
  readonly votes: readonly (number | null)[];
  readonly mislabelled: boolean;
}
interface Manifest {
  readonly jury: {
    readonly quorum: number;
    readonly judges: readonly { name: string; accuracy: number; votes: number }[];
    readonly pairs: number;
    readonly mislabelled: number;
  };
  readonly files: readonly {
    readonly changes: readonly { row: number; reasons: string[]; jury: Verdict }[];
  }[];
}
const read = (name: string) => readFileSync(work.path(name), 'utf8');
const manifest = (out: string) => JSON.parse(read(`${out}/qrm-clean.json`)) as Manifest;
const verdicts = (out: string) =>
  jsonLines(read(`${out}/qrm-clean.jury.jsonl`)) as unknown as Verdict[];

/** P(chosen beats rejected) of each row by one model alone, as `--annotate` has it. */
async function alone(...model: string[]): Promise<number[]> {
  const { code, stderr } = await work.run('clean', 'pairs.jsonl', '--annotate', '--out', 'alone', ...model, ...cpu); // prettier-ignore
  expect(code, stderr).toBe(0);
  return jsonLines(read('alone/pairs.jsonl')).map((row) => row['p_chosen'] as number);
}
const clean = (out: string, ...more: string[]) => work.run('clean', 'pairs.jsonl', '--out', out, ...cpu, ...more); // prettier-ignore

describe('qrm clean by a jury', () => {
  it('two models and an endpoint vote; what the quorum finds is turned, all else is as it was', async () => {
    const each = [await alone('--model', A), await alone('--model', B), await alone('--endpoint', url)]; // prettier-ignore
    const jury = ['--model', A, '--model', B, '--endpoint', url];
    const turned: Set<number>[] = [];
    for (const quorum of [1, 2, 3]) {
      const out = `q${quorum}`;
      const { code, stderr } = await clean(out, ...jury, '--quorum', `${quorum}`, '--swap', 'inverted-pair'); // prettier-ignore
      expect(code, stderr).toBe(0);
      const found = verdicts(out);
      expect(found.map((v) => [v.row, v.line])).toEqual(rows.map((_, n) => [n, n + 1]));
      for (const [n, v] of found.entries()) {
        each.forEach((of, j) => expect(v.votes[j]).toBeCloseTo(of[n]!, 5));
        expect(v.against).toBe(each.filter((of) => of[n]! < 0.5).length);
        expect(v.low).toBeLessThanOrEqual(v.p_mislabelled);
        expect(v.high).toBeGreaterThanOrEqual(v.p_mislabelled);
        expect(v.mislabelled).toBe(v.against >= quorum && v.p_mislabelled >= 0.5);
      }
      const wrong = new Set(found.filter((v) => v.mislabelled).map((v) => v.row));
      expect(read(`${out}/pairs.jsonl`)).toBe(
        `${rows.map((row, n) => wrong.has(n) ? JSON.stringify({ ...row, chosen: row.rejected, rejected: row.chosen }) : lines[n]).join('\n')}\n`, // prettier-ignore
      );
      const { jury: told, files } = manifest(out);
      expect(told).toMatchObject({ quorum, pairs: rows.length, mislabelled: wrong.size });
      expect(told.judges.map((j) => [j.name, j.votes])).toEqual(
        ['llama3-qrm-k5-m3', 'qwen3-bt', 'gemma2-qrm'].map((name) => [name, rows.length]),
      );
      for (const { row, reasons, jury: verdict } of files[0]!.changes) {
        expect(verdict.votes).toEqual(found[row]!.votes);
        expect(verdict.mislabelled).toBe(found[row]!.p_mislabelled);
        expect(reasons[0]).toMatch(/^inverted-pair: [123] of 3 judges .*P\(label wrong\) [\d.]+ %/);
      }
      turned.push(wrong);
    }
    // What more judges must agree on is a part of what fewer must.
    expect([...turned[1]!].every((n) => turned[0]!.has(n))).toBe(true);
    expect([...turned[2]!].every((n) => turned[1]!.has(n))).toBe(true);
    expect(turned[0]!.size).toBeGreaterThan(0);
    const { code } = await work.run('clean', '--undo', 'q1/qrm-clean.json');
    expect(code).toBe(0);
    expect(read('q1/pairs.jsonl')).toBe(text);
  }, 300_000);

  it('a limit, columns, and an order by the mean of ranks', async () => {
    const jury = ['--model', A, '--model', B];
    const [a, b] = [await alone('--model', A), await alone('--model', B)];
    expect((await clean('c', ...jury, '--swap', 'inverted-pair:0.3', '--annotate')).code).toBe(0);
    const found = verdicts('c');
    const now = jsonLines(read('c/pairs.jsonl'));
    for (const [n, row] of now.entries()) {
      const { p_mislabelled: p, low, high, votes, against } = found[n]!;
      expect(row).toMatchObject({ p_mislabelled: p, p_mislabelled_low: low, p_mislabelled_high: high, votes }); // prettier-ignore
      // Of two the default quorum is both.
      const turn = against === 2 && 1 - p <= 0.3;
      expect(row['chosen']).toBe(turn ? rows[n]!.rejected : rows[n]!.chosen);
      expect(against).toBe([a, b].filter((of) => of[n]! < 0.5).length);
    }
    expect((await clean('top', ...jury, '--keep-top', '50%')).code).toBe(0);
    const margins = async (model: string) => {
      await work.run('clean', 'pairs.jsonl', '--annotate', '--out', 'alone', '--model', model, ...cpu); // prettier-ignore
      return jsonLines(read('alone/pairs.jsonl')).map((row) => {
        const [x, y] = row['expectation'] as [number, number];
        return x - y;
      });
    };
    const rank = (of: number[]) => of.map((x) => of.filter((y) => y < x).length);
    const [ra, rb] = [rank(await margins(A)), rank(await margins(B))];
    const order = rows.map((_, n) => n).sort((x, y) => ra[y]! + rb[y]! - ra[x]! - rb[x]! || x - y);
    const kept = order.slice(0, rows.length / 2).sort((x, y) => x - y);
    expect(read('top/pairs.jsonl').trim().split('\n')).toEqual(kept.map((n) => lines[n]));
  }, 300_000);

  it('the attributes of one model are a jury', async () => {
    const { code, stderr } = await clean('heads', '--model', A, '--judges', 'heads', '--quorum', '3', '--drop', 'inverted-pair'); // prettier-ignore
    expect(code, stderr).toBe(0);
    expect(manifest('heads').jury.judges.map((j) => j.name)).toHaveLength(4);
    const found = verdicts('heads');
    expect(found.every((v) => v.votes.length === 4)).toBe(true);
    const left = rows.flatMap((_, n) => (found[n]!.mislabelled ? [] : [lines[n]]));
    expect(read('heads/pairs.jsonl').trim().split('\n')).toEqual(left);
    // As `--weights` has it.
    const weights = ['--weights', `${stderr.match(/Judge 2 of 4: .*?, (.*)/)![1]}=1`];
    const one = await alone('--model', A, ...weights);
    found.forEach((v, n) => expect(v.votes[1]).toBeCloseTo(one[n]!, 5));
  }, 300_000);
});

describe('qrm audit by a jury', () => {
  it('a finding needs the quorum', async () => {
    interface Found {
      readonly findings: readonly { code: string; line: number; column: number; message: string }[];
    }
    const audit = async (...more: string[]) => {
      const { code, stdout, stderr } = await work.run('audit', 'pairs.jsonl', '--format', 'json', '--tail-threshold', '25%', ...cpu, ...more); // prettier-ignore
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Found;
    };
    const low = ({ findings }: Found) =>
      findings
        .filter((f) => f.code === 'low-left-tail')
        .map((f) => `${f.line}:${f.column}`)
        .sort();
    const [a, b, both, either] = [
      await audit('--model', A),
      await audit('--model', B),
      await audit('--model', A, '--model', B, '--quorum', '2'),
      await audit('--model', A, '--model', B, '--quorum', '1'),
    ].map(low);
    expect(both).toEqual(a!.filter((at) => b!.includes(at)));
    expect(either).toEqual([...new Set([...a!, ...b!])].sort());
    expect(either!.length).toBeGreaterThan(both!.length);
  }, 300_000);
});

describe('what is no jury', () => {
  const swap = ['--swap', 'inverted-pair'];
  it.each([
    [['--quorum', '2', '--model', A], 2, /--quorum 2: there is one judge; expected --model/],
    [['--quorum', '3', '--model', A, '--model', B], 2, /--quorum 3: there are 2 judges/],
    [['--model', A, '--model', A], 2, /is named twice: a judge votes once/],
    [['--model', A, '--model', B, '--weights', 'x=1'], 2, /--weights: .*jury/],
    [['--quorum', '0', '--model', A], 2, /--quorum 0: expected a whole number from 1/],
    [['--model', A, '--judges', 'heads', '--no-store'], 2, /--no-store/],
    [['--model', A, '--model', '/nowhere/at/all'], 2, /--model \/nowhere\/at\/all cannot judge: .*no (such )?model|expected/], // prettier-ignore
    [['--model', A, '--model', B, '--endpoint', 'http://127.0.0.1:9'], 2, /--endpoint http:\/\/127\.0\.0\.1:9 cannot judge: /], // prettier-ignore
  ])('%j', async (more, code, words) => {
    const result = await clean('none', ...swap, ...more);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(words);
    // It costs no score.
    expect(result.stderr).not.toContain('Judge 1');
  });

  it('a model and an endpoint that serves it', async () => {
    const { code, stderr } = await clean('none', ...swap, '--model', C, '--endpoint', url, '--quorum', '2'); // prettier-ignore
    expect(code).toBe(2);
    expect(stderr).toMatch(/are the same model \(gemma2-qrm\): a judge votes once/);
  });
});

it('a jury that was killed goes on from what is scored, and finds the same', async () => {
  const args = ['clean', 'pairs.jsonl', '--model', A, '--model', B, '--quorum', '1', '--swap', 'inverted-pair', ...cpu]; // prettier-ignore
  const [undisturbed, killed] = [new Workspace(), new Workspace()];
  try {
    for (const at of [undisturbed, killed]) writeFileSync(at.path('pairs.jsonl'), text);
    expect((await undisturbed.run(...args, '--out', 'out')).code).toBe(0);
    const { child, done } = killed.start([...args, '--out', 'out']);
    child.stderr!.on('data', (d: Buffer) => {
      if (d.toString().includes('Judge 2')) child.kill('SIGKILL');
    });
    expect((await done).signal).toBe('SIGKILL');
    const { code, stderr } = await killed.run(...args, '--out', 'out');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(new RegExp(`Judge 1 of 2.*\n${2 * rows.length} responses in .*, ${2 * rows.length} from the score store\n`)); // prettier-ignore
    for (const name of ['pairs.jsonl', 'qrm-clean.jury.jsonl'])
      expect(readFileSync(killed.path(`out/${name}`), 'utf8')).toBe(
        readFileSync(undisturbed.path(`out/${name}`), 'utf8'),
      );
  } finally {
    await undisturbed.end();
    await killed.end();
  }
}, 120_000);
