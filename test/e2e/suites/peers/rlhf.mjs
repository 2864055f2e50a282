// The example that trains a policy, at its small size: SFT, the scan, RLOO on both objectives, evaluation, the figure.
// Python's packages are installed once, into the cache of the tests.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../data.mjs';
import { pythonWith, run } from '../../python.mjs';

const example = join(root, 'examples', 'risk-aware-rlhf');

/** The one that QRM_RLHF_PYTHON names, or one of the tests' own. */
const python = () =>
  process.env.QRM_RLHF_PYTHON || pythonWith('rlhf', join(example, 'requirements.txt'));

export default async function ({ test, defer }) {
  const work = mkdtempSync(join(tmpdir(), 'qrm-rlhf-'));
  defer(() => rmSync(work, { recursive: true, force: true }));
  const env = { ...process.env, QRM_LENS_CACHE: join(work, 'cache'), PYTHONDONTWRITEBYTECODE: '1' };
  const program = await python();
  const train = () =>
    run(program, [join(example, 'run.py'), '--size', 'small', '--work', work], {
      env,
      maxBuffer: 2 ** 26,
    });
  const rollouts = () =>
    readFileSync(join(work, 'mean-1', 'rollouts.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(JSON.parse);

  await test('a policy is trained on both objectives and evaluated', async () => {
    const { stdout } = await train();
    assert.match(stdout, /held-out prompts, seeds 1, 2 steps/);
    assert.match(stdout, /at equal steps \(step 2\)/);
    const found = JSON.parse(readFileSync(join(work, 'results.json'), 'utf8'));
    for (const curve of Object.values(found.curves))
      for (const figures of Object.values(curve))
        for (const name of ['mean', 'q05', 'q25', 'kl', 'length', 'entropy'])
          assert.ok(figures[name].every(Number.isFinite), name);
    assert.match(readFileSync(join(work, 'figure3.svg'), 'utf8'), /<svg/);
  });

  await test('its log has every rollout with its left tail, and qrm watch reads it', async () => {
    const rows = rollouts();
    assert.deepEqual([...new Set(rows.map((row) => row.step))], [1, 2]);
    assert.ok(rows.some((row) => row.q05 <= row.mean));
    const watch = ['watch', join(work, 'mean-1'), '--once', '--no-score'];
    const { stdout } = await run(process.execPath, [join(root, 'dist', 'cli.js'), ...watch], {
      env,
    });
    assert.match(stdout, /The worst rollouts/);
  });

  await test('run again, it does nothing twice', async () => {
    const before = rollouts().length;
    await train();
    assert.equal(rollouts().length, before);
  });
}
