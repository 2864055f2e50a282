import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hhLines, jsonLines, MODEL, SARIF_SCHEMA, Workspace } from './helpers.js';

let w: Workspace;
beforeAll(() => {
  w = new Workspace();
  writeFileSync(w.path('pairs.jsonl'), hhLines(0, 12).join('\n'));
});
afterAll(() => w.end());

describe('qrm audit', () => {
  it('lists the riskiest responses with place and drawing, and exits with 0', async () => {
    const { code, stdout, stderr } = await w.score('audit', 'pairs.jsonl', '--top', '5');
    expect(stderr).toContain('24 responses');
    expect(code).toBe(0);
    expect(stdout).toContain('The 5 riskiest of 24 responses');
    const places = [...stdout.matchAll(/pairs\.jsonl:(\d+):(\d+)/g)];
    expect(places).toHaveLength(5);
    expect(stdout).toMatch(/[▁▂▃▄▅▆▇█]{2}/);
    const tails = [...stdout.matchAll(/^ +\d+ +(−?\d\.\d{3})/gm)].map((m) =>
      Number(m[1]!.replace('−', '-')),
    );
    expect(tails).toHaveLength(5);
    expect(tails).toEqual([...tails].sort((a, b) => a - b));
  });

  it('takes everything from the store the second time, with the same report', async () => {
    const first = await w.score('audit', 'pairs.jsonl', '--format', 'json');
    const again = await w.score('audit', 'pairs.jsonl', '--format', 'json');
    expect(again.stdout).toBe(first.stdout);
    expect(again.stderr).toContain('24 from the score store');
    expect(again.stderr).not.toContain('newly scored');
  });

  it('points into the file: the bytes of every place are the text of the response', async () => {
    const { stdout } = await w.score('audit', 'pairs.jsonl', '--format', 'json', '--top', '24');
    const { riskiest } = JSON.parse(stdout) as {
      riskiest: { start: number; end: number; excerpt: string }[];
    };
    const bytes = readFileSync(w.path('pairs.jsonl'));
    expect(riskiest).toHaveLength(24);
    for (const { start, end, excerpt } of riskiest) {
      // A piece of a JSON string, as written in the file.
      const text = JSON.parse(`"${bytes.toString('utf8', start, end)}"`) as string;
      expect(text.trim().slice(0, 300)).toBe(excerpt.trim().slice(0, 300));
    }
  });

  it('writes SARIF that validates against its schema, whole or not at all', async () => {
    const { code, stdout } = await w.score(
      'audit',
      'pairs.jsonl',
      '--format',
      'sarif',
      '--out',
      'o.sarif',
    );
    expect([code, stdout]).toEqual([0, '']);
    const schema = JSON.parse(readFileSync(SARIF_SCHEMA, 'utf8')) as Record<string, unknown>;
    delete schema['$schema'];
    delete schema['id'];
    const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
    (addFormats as unknown as (a: Ajv) => void)(ajv);
    const check = ajv.compile(schema);
    const log = JSON.parse(readFileSync(w.path('o.sarif'), 'utf8')) as {
      runs: { results: unknown[] }[];
    };
    check(log);
    expect(check.errors ?? []).toEqual([]);
    expect(log.runs[0]!.results.length).toBeGreaterThan(0);
    expect(readdirSync(w.folder).filter((f) => f.endsWith('.part'))).toEqual([]);
    const failed = await w.score(
      'audit',
      'pairs.jsonl',
      '--format',
      'csv',
      '--out',
      'no/such/o.csv',
    );
    expect(failed.code).toBe(2);
    expect(failed.stderr).toMatch(/qrm: .*no\/such/);
  });

  it('fails on findings by code, count and severity', async () => {
    const with_ = (...args: string[]) => w.score('audit', 'pairs.jsonl', '--quiet', ...args);
    const tail = ['--tail-threshold', '1000'] as const;
    expect((await with_(...tail, '--fail-on', 'low-left-tail')).code).toBe(1);
    expect((await with_(...tail, '--fail-on', 'low-left-tail:24')).code).toBe(1);
    expect((await with_(...tail, '--fail-on', 'low-left-tail:25')).code).toBe(0);
    expect((await with_(...tail, '--fail-on', 'error')).code).toBe(1);
    const ignored = ['--ignore', 'low-left-tail', '--fail-on', 'error'] as const;
    expect((await with_(...tail, ...ignored)).code).toBe(0);
  });

  it('goes on after a bad row and a bad file, names both, and exits with 3', async () => {
    writeFileSync(
      w.path('half.jsonl'),
      `${hhLines(20, 21)[0]}\n{"chosen": "x\n${hhLines(21, 22)[0]}\n`,
    );
    const { code, stdout, stderr } = await w.score(
      ...['audit', 'half.jsonl', 'missing.jsonl', 'pairs.jsonl', '--format', 'jsonl'],
    );
    expect(code).toBe(3);
    expect(stderr).toMatch(/missing\.jsonl.*(no such file|ENOENT)/);
    expect(stderr).toContain('28 responses');
    const bad = jsonLines(stdout).filter((f) => f['code'] === 'malformed-row');
    expect(bad.map((f) => [f['file'], f['line']])).toContainEqual(['half.jsonl', 2]);
  });

  it('answers an interrupt with 130, also while it loads the model', async () => {
    writeFileSync(w.path('long.jsonl'), hhLines(100, 400).join('\n'));
    for (const scoring of process.platform === 'linux' ? [false, true] : [true]) {
      const { child, done } = w.start(['audit', 'long.jsonl', '--model', MODEL, '--device', 'cpu']);
      let errors = '';
      child.stderr!.on('data', (d: Buffer) => (errors += d.toString()));
      const sign = () => (scoring ? errors.includes('Model ') : listens(child.pid!));
      while (!sign()) await new Promise((r) => setTimeout(r, 1));
      child.kill('SIGINT');
      const { code, stdout, stderr } = await done;
      expect([code, stdout]).toEqual([130, '']);
      expect(stderr).toContain('Interrupted');
    }
  });
});

/** Does the process catch SIGHUP (Linux)? The command line installs its handlers before all else. */
function listens(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return (BigInt(`0x${caught?.[1] ?? '0'}`) & 1n) === 1n;
}

describe('usage', () => {
  it.each([
    [['audit'], /missing required argument/],
    [['audit', 'x.jsonl', '--format', 'pdf'], /pdf.*Allowed choices are text, html/],
    [['audit', 'x.jsonl', '--top', 'many'], /--top many: expected a whole number/],
    [
      ['audit', 'x.jsonl', '--fail-on', 'everything'],
      /--fail-on everything: expected one of low-left/,
    ],
    [['audit', 'x.jsonl', '--tail-threshold', 'low'], /--tail-threshold low: expected a number/],
    [['audit', 'x.jsonl', '--select', 'nope'], /--select nope: expected codes/],
    [['audit', 'x.jsonl', '--mapping', '{'], /--mapping \{: expected a JSON object/],
    [['adit', 'x.jsonl'], /unknown command.*audit/s],
  ])('%j is refused with what was expected, and 2', async (args, message) => {
    const { code, stderr } = await w.run(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
  it('loads no model for files that are not there', async () => {
    const { code, stderr } = await w.run('audit', 'nowhere.jsonl');
    expect([code, stderr]).toEqual([3, 'qrm: nowhere.jsonl: no such file or folder\n']);
  });
  it('names a model that cannot be had', async () => {
    const { code, stderr } = await w.run('audit', 'pairs.jsonl', '--model', './no-model');
    expect(code).toBe(2);
    expect(stderr).toContain('no-model');
  });
  it('names the attributes when --weights asks for another', async () => {
    const { code, stderr } = await w.score('audit', 'pairs.jsonl', '--weights', 'charm=1');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--weights charm=1: expected NAME=WEIGHT with one of \S+/);
  });
  it('helps with examples and exit codes; says its version and its providers', async () => {
    const help = await w.run('audit', '--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/\$ qrm audit .*--fail-on[^]*Exit codes: 0 ok/);
    const { version } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    expect((await w.run('--version')).stdout).toBe(`${version}\n`);
    const doctor = await w.run('doctor', '--json');
    const { providers } = JSON.parse(doctor.stdout) as {
      providers: { name: string; available: boolean; chosen: boolean; reason: string }[];
    };
    expect(providers.find((p) => p.name === 'cpu')!.available).toBe(true);
    expect(providers.filter((p) => p.chosen)).toHaveLength(1);
    const models = await w.run('models', '--json');
    expect(Array.isArray(JSON.parse(models.stdout))).toBe(true);
  });
});
