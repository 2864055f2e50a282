import { execFileSync, spawn } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, hhLines, jsonLines, MODEL, Workspace, type Result } from '../helpers.js';

let w: Workspace;
beforeAll(() => {
  w = new Workspace();
});
afterAll(() => w.end());

const row = (n: number) =>
  JSON.stringify({ prompt: `Q${n}`, chosen: `yes ${n}`, rejected: `no ${n}` });
const files = (text: string) => [...new Set(jsonLines(text).map((l) => String(l['file'])))].sort();
const root = process.getuid?.() === 0;

/** As a user who may not read everything; for anybody else as that user is. */
function asNobody(...args: string[]): Promise<Result> {
  const command = [
    'setpriv',
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    process.execPath,
    CLI,
    ...args,
  ];
  const child = spawn(command[0]!, command.slice(1), {
    cwd: w.folder,
    env: { ...process.env, QRM_LENS_CACHE: '/tmp/qrm-lens-nobody-has-this/cache' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (d) => (stdout += String(d)));
  child.stderr.on('data', (d) => (stderr += String(d)));
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
}

describe('a folder', () => {
  it('is its data sets, of every ending, each once however it is reached', async () => {
    mkdirSync(w.path('data/deep'), { recursive: true });
    const put = (name: string, content: string | Uint8Array) =>
      writeFileSync(w.path(`data/${name}`), content);
    const chat = '## User\n\nHi there\n\n## Assistant\n\nHello.\n';
    put('a.jsonl', row(1));
    put('b.ndjson', row(2));
    put('c.json', `[${row(3)}]`);
    put('d.csv', 'prompt,chosen,rejected\nQ4,yes 4,no 4\n');
    put('e.tsv', 'prompt\tchosen\trejected\nQ5\tyes 5\tno 5\n');
    put('f.md', chat);
    put('g.markdown', chat.replace('Hello', 'Well'));
    put('h.jsonl.gz', gzipSync(row(6)));
    put('deep/i.JSONL', row(7));
    put('README.md', '# A repository\n\nIt has no answers.\n');
    put('notes.md', '# Notes\n\nProse alone.\n');
    put('package.json', '{"name":"x"}');
    put('LICENSE.txt', 'MIT');
    put('.hidden.jsonl', row(8));
    symlinkSync('a.jsonl', w.path('data/z-link.jsonl'));
    linkSync(w.path('data/a.jsonl'), w.path('data/z-hard.jsonl'));
    symlinkSync('..', w.path('data/deep/up'));
    const expected = [
      'a.jsonl',
      'b.ndjson',
      'c.json',
      'd.csv',
      'deep/i.JSONL',
      'e.tsv',
      'f.md',
      'g.markdown',
      'h.jsonl.gz',
    ];
    const { code, stdout } = await w.score(
      'score',
      'data',
      './data/a.jsonl',
      w.path('data'),
      '--quiet',
    );
    expect(code).toBe(0);
    expect(files(stdout)).toEqual(expected.map((name) => `data/${name}`).sort());
    expect(jsonLines(stdout)).toHaveLength(2 * 7 + 2);
  });

  it.skipIf(!root)('goes on past what may not be read, and ends with 3', async () => {
    mkdirSync(w.path('closed'), { mode: 0o755 });
    execFileSync('chmod', ['755', w.folder]);
    mkdirSync(w.path('closed/locked'), { mode: 0o700 });
    writeFileSync(w.path('closed/open.jsonl'), row(1), { mode: 0o644 });
    writeFileSync(w.path('closed/secret.jsonl'), row(2), { mode: 0o600 });
    writeFileSync(w.path('closed/locked/x.jsonl'), row(3));
    // The cache cannot be made either: scores are then not kept.
    const { code, stdout, stderr } = await asNobody(
      'score',
      'closed',
      'nowhere.jsonl',
      '--model',
      MODEL,
      '--device',
      'cpu',
    );
    expect(stderr).toMatch(/closed\/locked.*cannot be read/);
    expect(stderr).toMatch(/closed\/secret\.jsonl/);
    expect(stderr).toMatch(/nowhere\.jsonl/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect([code, files(stdout)]).toEqual([3, ['closed/open.jsonl']]);
  });
});

describe('reports', () => {
  it('in Parquet are read back: a row a response, of every file', async () => {
    writeFileSync(w.path('p.jsonl'), hhLines(0, 5).join('\n'));
    writeFileSync(w.path('q.jsonl'), hhLines(5, 7).join('\n'));
    const { code, stdout } = await w.score(
      'audit',
      'p.jsonl',
      'q.jsonl',
      '--format',
      'parquet',
      '--out',
      'r.parquet',
    );
    expect([code, stdout]).toEqual([0, '']);
    const scored = jsonLines((await w.score('score', 'p.jsonl', 'q.jsonl', '--quiet')).stdout);
    const bytes = readFileSync(w.path('r.parquet'));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const rows = await parquetReadObjects({ file });
    expect(Number(parquetMetadata(file).num_rows)).toBe(14);
    expect(rows.map((r) => [r['file'], r['row'], r['line'], r['kind'], r['hash']])).toEqual(
      scored.map((l) => [
        l['file'],
        l['row'],
        l['line'],
        l['kind'],
        String(l['hash']).slice(0, 16),
      ]),
    );
    for (const [n, r] of rows.entries())
      expect(r['cvar']).toBeCloseTo(Number(scored[n]!['cvar']), 5);
    const refused = await w.run('audit', 'p.jsonl', '--format', 'parquet');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--out') as string]);
  });

  it('in SARIF hold 25,000 results at most, the severe ones, and say what is left out', async () => {
    const bad = Array.from({ length: 26_000 }, (_, n) => `{"prompt": ${n}`);
    writeFileSync(w.path('many.jsonl'), [row(1), ...bad].join('\n'));
    const args = ['audit', 'many.jsonl', '--format', 'sarif', '--out', 'r.sarif', '--model', MODEL];
    await w.run(...args, '--device', 'cpu', '--precision', 'float32');
    const text = readFileSync(w.path('r.sarif'), 'utf8');
    const [run] = (JSON.parse(text) as { runs: SarifRun[] }).runs;
    expect(run!.results.length).toBeLessThanOrEqual(25_000);
    expect(gzipSync(text).length).toBeLessThan(10e6);
  });
});

interface SarifRun {
  readonly results: readonly unknown[];
  readonly invocations: readonly {
    toolExecutionNotifications: readonly { message: { text: string } }[];
  }[];
}

describe('a command that is none', () => {
  it.each([['adit', '--help'], ['--help', 'adit'], ['help', 'adit'], ['adit']])(
    '%s %s',
    async (...args) => {
      const { code, stdout, stderr } = await w.run(...args.filter((a) => a !== undefined));
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/unknown command 'adit'/);
    },
  );
});
