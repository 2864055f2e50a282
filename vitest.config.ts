import { spawnSync } from 'node:child_process';
import { configDefaults, defineConfig } from 'vitest/config';
import { whatFoldersHoldForTests } from './scripts/folders.mjs';

// What leaves the machine is seen by strace: on Linux, and where CI runs it must be there.
const traced =
  process.platform === 'linux' &&
  (process.env['CI'] !== undefined || spawnSync('strace', ['-V']).error === undefined);

export default defineConfig({
  plugins: [whatFoldersHoldForTests],
  test: {
    include: ['test/unit/**/*.test.ts', 'test/integration/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(traced ? [] : ['test/integration/privacy/network*'])],
    globalSetup: 'test/build-reader.ts',
    reporters: ['default', 'test/unfinished.ts'],
    // Native sessions and two cores: one worker process a file, few at a time.
    pool: 'forks',
    maxWorkers: 2,
    // `npm run coverage`; what a test starts as a process of its own (dist/) is not counted.
    coverage: {
      provider: 'v8',
      include: ['client/src/**/*.ts', 'server/src/**/*.ts', 'webview/src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
