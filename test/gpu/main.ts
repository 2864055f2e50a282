/** dist/gpu.js: the checks of `npm run check:gpu` (scripts/gpu), in the environment that the script made for them. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Provider } from '../../server/src/protocol/index.js';
import { processorTitle } from '../bench/processor.js';
import { withResult } from '../bench/results.js';
import { checkAuto, type Expected } from './auto.js';
import { checkFailures } from './failures.js';
import { checkGoldens } from './goldens.js';
import { checkPlacement, checkSomePlacement } from './placement.js';
import { runOnce } from './run.js';

const WEBGPU = ['float32', 'int8', 'int4'] as const;
const CUDA = ['float16', 'bfloat16', 'int8', 'int4'] as const;

/** Each gives how much is wrong. */
const checks: Readonly<Record<string, (...given: string[]) => number | Promise<number>>> = {
  goldens: (provider) => checkGoldens(provider as Provider, provider === 'cuda' ? CUDA : WEBGPU),
  auto: (provider, expected) => checkAuto(provider as Provider, expected as Expected),
  failures: (provider, kind) =>
    checkFailures(
      provider as Provider,
      provider === 'cuda' ? 'float16' : 'int8',
      kind === 'stand-ins',
    ),
  placement: checkPlacement,
  'placement-some': checkSomePlacement,
};

const [name = '', ...given] = process.argv.slice(2);
if (name === 'run') console.log(JSON.stringify(await runOnce(given[0]!)));
else if (name === 'keep') {
  // What a check printed, kept in GPU.md in the place of what it printed last.
  const [file, part] = given as [string, string];
  const text = withResult(
    readFileSync(file, 'utf8'),
    processorTitle(),
    part,
    readFileSync(0, 'utf8'),
  );
  writeFileSync(file, text);
} else {
  const check = checks[name];
  if (check === undefined) throw new Error(`no check "${name}"`);
  process.exitCode = (await check(...given)) === 0 ? 0 : 1;
}
process.exit();
