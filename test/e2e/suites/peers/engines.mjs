// Hidden states from engines of others, for real: llama.cpp's server and vLLM run the embedded model's backbone, heads and gate run
// here, and the scores are those of a run here. QRM_ENGINES_PYTHON and QRM_JUDGE_PYTHON name Pythons with the requirements.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { harmlessLines, root } from '../../data.mjs';
import { cache, pythonWith, run } from '../../python.mjs';
import { until } from '../../until.mjs';

const requirements = (folder) => join(root, 'test', 'e2e', folder, 'requirements.txt');
const enginesPython = () =>
  process.env.QRM_ENGINES_PYTHON || pythonWith('engines', requirements('engines'));
const judgePython = () =>
  process.env.QRM_JUDGE_PYTHON || pythonWith('judge', requirements('judge'));

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export default async function ({ test, defer }) {
  const work = mkdtempSync(join(tmpdir(), 'qrm-engines-'));
  defer(() => rmSync(work, { recursive: true, force: true }));
  const python = await enginesPython();
  const backbone = join(cache, 'engines-backbone');
  await run(python, [join(root, 'test', 'e2e', 'engines', 'backbone.py'), backbone]);
  const data = join(work, 'pairs.jsonl');
  writeFileSync(data, `${harmlessLines().slice(0, 12).join('\n')}\n`);
  const score = async (...args) => {
    const { stdout } = await run(
      process.execPath,
      [join(root, 'dist', 'cli.js'), 'score', data, '--no-store', ...args],
      { maxBuffer: 2 ** 26 },
    );
    return stdout.trim().split('\n').map(JSON.parse);
  };
  const rangeOf = (lines) => {
    const rewards = lines.map(({ expectation }) => expectation);
    return Math.max(...rewards) - Math.min(...rewards);
  };
  const here = await score('--device', 'cpu', '--precision', 'float32');

  /** A server in a process group of its own, until the end of the body. */
  async function serving(name, command, body, env = {}) {
    const port = await freePort();
    const said = join(cache, `${name}.log`);
    const log = openSync(said, 'w');
    const [program, ...args] = command(port);
    const child = spawn(program, args, {
      stdio: ['ignore', log, log],
      detached: true,
      env: { ...process.env, ...env },
    });
    const ended = new Promise((_, reject) => {
      const tail = () => readFileSync(said, 'utf8').split('\n').slice(-8).join('\n');
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}; see ${said}:\n${tail()}`))); // prettier-ignore
    });
    ended.catch(() => {});
    let over = false;
    child.once('exit', () => (over = true));
    const stop = () => over || process.kill(-child.pid, 'SIGTERM');
    defer(stop);
    const url = `http://127.0.0.1:${port}`;
    const health = () => fetch(`${url}/health`).then((r) => r.ok, () => false); // prettier-ignore
    await Promise.race([until(`${name} to answer`, health, { timeout: 600_000 }), ended]);
    try {
      return await body(url);
    } finally {
      stop();
      await ended.catch(() => {});
    }
  }

  /** The largest and the mean difference of rewards, as shares of the range of those that are right. */
  const differences = (there, right) => {
    assert.deepEqual(
      there.map(({ row, kind, tokens }) => [row, kind, tokens]),
      right.map(({ row, kind, tokens }) => [row, kind, tokens]),
    );
    const width = rangeOf(right);
    const all = there.map(({ expectation }, i) => Math.abs(expectation - right[i].expectation) / width); // prettier-ignore
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    return { most: Math.max(...all), mean };
  };
  const near = (name, there, limit, right = here) => {
    const { most, mean } = differences(there, right);
    console.log(`    ${name}: of the rewards' range ${mean.toExponential(1)} (mean), ${most.toExponential(1)} (most)`); // prettier-ignore
    assert.ok(
      most < limit,
      `${name}: differs by ${most} of the range, expected less than ${limit}`,
    );
  };

  const llama = join(root, 'test', 'e2e', 'engines', 'llama.py');
  const llamaServer = (file, batch) => (port) => [
    python,
    ...[llama, join(backbone, file), String(port), String(batch)],
  ];

  await test("llama.cpp's server, float32: the scores of a run here", () =>
    serving('llama', llamaServer('float32.gguf', 2048), async (url) =>
      near('llama.cpp, float32', await score('--endpoint', url), 2e-3),
    ));

  await test("llama.cpp's server, weights in blocks of 4 and 8 bits", () =>
    serving('llama', llamaServer('blocks.gguf', 2048), async (url) =>
      near('llama.cpp, blocks', await score('--endpoint', url), 0.1),
    ));

  await test("a conversation longer than llama.cpp's batch costs itself alone", () =>
    serving('llama', llamaServer('float32.gguf', 256), async (url) => {
      const there = await score('--endpoint', url);
      const long = here.filter(({ tokens }) => tokens > 256).length;
      assert.ok(long > 0 && long < here.length, `${long} of ${here.length}`);
      const failed = there.filter(({ error }) => error !== undefined);
      assert.equal(failed.length, long);
      for (const { error } of failed) assert.match(error, /start it with -b and -ub/);
    }));

  const vllm = (folder, pooler) => async (body) => {
    const program = join(dirname(await judgePython()), 'vllm');
    const command = (port) => [
      program,
      ...['serve', folder, '--served-model-name', 'backbone', '--host', '127.0.0.1'],
      ...['--port', String(port), '--dtype', 'float32', '--max-model-len', '2048', '--enforce-eager'],
      ...['--runner', 'pooling', '--convert', 'embed', '--pooler-config', JSON.stringify(pooler)],
    ]; // prettier-ignore
    return serving('vllm', command, body, {
      VLLM_CPU_KVCACHE_SPACE: '1',
      VLLM_NO_USAGE_STATS: '1',
      DO_NOT_TRACK: '1',
      HF_HUB_OFFLINE: '1',
    });
  };
  await test('vLLM, float32, the last token of each beginning', () =>
    vllm(join(backbone, 'hf'), { seq_pooling_type: 'LAST' })(async (url) =>
      near('vLLM, float32', await score('--endpoint', url), 2e-3),
    ));

  const turns = join(cache, 'engines-turns');
  await run(python, [join(root, 'test', 'e2e', 'engines', 'turns.py'), turns]);
  const { added_tokens } = JSON.parse(readFileSync(join(turns, 'hf', 'tokenizer.json'), 'utf8'));
  const endOfTurn = added_tokens.find(({ content }) => content === '<|eot_id|>').id;
  const tokenEmbed = (tag) => ({ task: 'token_embed', tok_pooling_type: 'STEP', step_tag_id: tag });
  await test('vLLM, the states of all tokens', () =>
    vllm(join(backbone, 'hf'), { task: 'token_embed', tok_pooling_type: 'ALL' })(async (url) =>
      near('vLLM, ALL', await score('--endpoint', url), 2e-3),
    ));

  await test('a model that reads other tokens than a server with STEP gives is refused in words', () =>
    vllm(
      join(backbone, 'hf'),
      tokenEmbed(1),
    )(async (url) => {
      const failed = await score('--endpoint', url).then(() => undefined, (error) => error); // prettier-ignore
      assert.match(failed?.stderr ?? '', /serve it with "embed" and LAST|expected 576 for each/);
    }));

  await test('vLLM, the tokens that end a turn (STEP), a model of Llama 3’s template', async () => {
    const model = ['--model', join(turns, 'model')];
    const right = await score(...model, '--device', 'cpu', '--precision', 'float32');
    const served = vllm(join(turns, 'hf'), tokenEmbed(endOfTurn));
    await served(async (url) =>
      near('vLLM, STEP', await score(...model, '--endpoint', url), 2e-3, right),
    );
  });
}
