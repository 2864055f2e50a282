import { spawnSync } from 'node:child_process';

/** Before the tests: dist/reader.js is what the sources say, for those that run the sources without a build. */
export default function setup(): void {
  const { status } = spawnSync(process.execPath, ['esbuild.mjs', '--only', 'reader'], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('esbuild.mjs cannot build the reader');
}
