// LLM-as-a-judge against a server that generates: SmolLM2-135M-Instruct in vLLM (test/e2e/judge/serve.py says how).
// QRM_JUDGE_URL names a server that runs already; QRM_JUDGE_PYTHON a Python with the requirements.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TINY, root } from '../../data.mjs';
import { cache, pythonWith, run } from '../../python.mjs';
import { until } from '../../until.mjs';

const NAME = 'smollm2';
const PORT = 8397;
const pairs = [
  ['What is 2 + 2?', '4', 'A banana'],
  ['Name a colour.', 'Blue', 'Seventeen'],
  ['Is water wet?', 'Yes, it is.', 'Lamp'],
  ['Say hello.', 'Hello! How are you?', 'No.'],
].map(([prompt, chosen, rejected], n) => ({
  id: `q${n}`,
  subset: 'small',
  prompt,
  chosen,
  rejected,
}));

/** The one that QRM_JUDGE_PYTHON names, or one of the tests' own. */
const python = () =>
  process.env.QRM_JUDGE_PYTHON ||
  pythonWith('judge', join(root, 'test', 'e2e', 'judge', 'requirements.txt'));

/** The API's root, once it answers. */
async function server(defer) {
  if (process.env.QRM_JUDGE_URL) return process.env.QRM_JUDGE_URL;
  const script = join(root, 'test', 'e2e', 'judge', 'serve.py');
  const folder = join(cache, 'judge-model');
  const said = join(cache, 'judge.log');
  const tail = () => readFileSync(said, 'utf8').split('\n').slice(-6).join('\n');
  const interpreter = await python();
  const log = openSync(said, 'w');
  const child = spawn(interpreter, [script, '--folder', folder, '--port', String(PORT)], {
    stdio: ['ignore', log, log],
    detached: true,
  });
  const ended = new Promise((_, reject) => {
    child.once('exit', (code) => {
      reject(new Error(`serve.py ended with ${code}; see ${said}:\n${tail()}`));
    });
  });
  // A server that ends later is told by the request that misses it.
  ended.catch(() => {});
  defer(() => child.exitCode === null && process.kill(-child.pid, 'SIGTERM'));
  const url = `http://127.0.0.1:${PORT}/v1`;
  const answers = () => fetch(`${url}/models`).then((r) => r.ok);
  const up = until('the judge to answer', () => answers().catch(() => false), { timeout: 600_000 });
  await Promise.race([up, ended]);
  return url;
}

export default async function ({ test, defer }) {
  const work = mkdtempSync(join(tmpdir(), 'qrm-judge-'));
  defer(() => rmSync(work, { recursive: true, force: true }));
  const url = await server(defer);
  const file = join(work, 'pairs.jsonl');
  writeFileSync(file, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
  const env = { ...process.env, QRM_LENS_CACHE: join(work, 'cache') };
  const asked = ['--judge', url, '--judge-model', NAME, '--resamples', '100', '--format', 'json'];
  const model = ['--model', TINY['qrmLens.model.path'], '--precision', 'float32'];
  const args = (mode, prompt, tokens) => [
    join(root, 'dist', 'cli.js'),
    'evaluate',
    file,
    ...model,
    ...asked,
    ...['--judge-mode', mode, '--judge-prompt', join(root, 'examples', 'judge', prompt)],
    ...['--judge-max-tokens', String(tokens), '--judge-concurrency', '2'],
  ];
  const judged = async (...given) => {
    const { stdout } = await run(process.execPath, args(...given), { env });
    return JSON.parse(stdout).suites[0].rows.find(({ judge }) => judge !== undefined);
  };

  await test('a pairwise judge is asked in both orders, and gives verdicts that are understood', async () => {
    const { judge, total, tied } = await judged('pairwise', 'one-letter.txt', 4);
    assert.equal(judge.games, 2 * pairs.length);
    assert.ok(judge.unparsed < judge.games, `${judge.unparsed} of ${judge.games} not understood`);
    assert.ok(judge.first >= 0 && judge.first <= 1);
    assert.ok(judge.promptTokens > 20 * judge.games);
    assert.ok(judge.completionTokens >= judge.games && judge.completionTokens <= 4 * judge.games);
    assert.equal(judge.cached, 0);
    assert.ok(total.value >= 0 && total.value <= 1 && tied <= pairs.length);
  });

  await test('what was answered is asked no second time, and the row is the same', async () => {
    const first = await judged('pairwise', 'one-letter.txt', 4);
    assert.equal(first.judge.cached, first.judge.games);
    const again = await judged('pairwise', 'one-letter.txt', 4);
    assert.deepEqual(again, first);
  });

  await test('killed in its middle, a judge goes on from there', async () => {
    const child = spawn(process.execPath, args('pairwise', 'one-letter.txt', 3), { env });
    const folder = join(work, 'cache', 'judge');
    const before = (await run('find', [folder, '-name', '*.json'])).stdout.split('\n').length;
    await until('some answers', async () => {
      const { stdout } = await run('find', [folder, '-name', '*.json']);
      return stdout.split('\n').length > before + 1;
    });
    const ended = new Promise((r) => child.once('close', r));
    child.kill('SIGKILL');
    await ended;
    const { judge } = await judged('pairwise', 'one-letter.txt', 3);
    assert.equal(judge.games, 2 * pairs.length);
    assert.ok(judge.cached >= 1);
  });

  await test('an absolute judge marks every answer; what is not understood is counted, as the lowest mark', async () => {
    const { judge, total } = await judged('absolute', 'one-number.txt', 4);
    assert.equal(judge.games, 2 * pairs.length);
    assert.ok(judge.unparsed >= 0 && judge.unparsed <= judge.games);
    assert.ok(total.value >= 0 && total.value <= 1);
    // The usual rubric wants double brackets, of which so short an answer has none: every game is half a point.
    const strict = args('absolute', 'one-number.txt', 4).filter(
      (arg) => arg !== '--judge-prompt' && !arg.endsWith('one-number.txt'),
    );
    const { stdout } = await run(process.execPath, strict, { env });
    const row = JSON.parse(stdout).suites[0].rows.at(-1);
    assert.equal(row.judge.unparsed, row.judge.games);
    assert.equal(row.total.value, 0.5);
  });
}
