/**
 * Entry of dist/worker.js: the evaluator's process (forked by worker-process.ts), and each of its runner
 * threads.
 */
import { isMainThread } from 'node:worker_threads';
import { evaluatorMain } from './coordinator.js';
import { runnerMain } from '../batches/runner.js';
import { removeTelemetryLeftovers } from './telemetry-leftovers.js';

if (isMainThread) {
  evaluatorMain(new URL(import.meta.url));
  // What cannot be removed costs nothing.
  removeTelemetryLeftovers().catch(() => undefined);
} else await runnerMain();
