import { parentPort } from 'node:worker_threads';
import type { ModelConfig } from '../checkpoint/config.js';
import { PARTS, type Arrays, type PartName } from './layer-parts.js';

/** What part-pool.ts sends: one part of a conversion's arithmetic. */
export interface PartMessage {
  readonly part: PartName;
  readonly config: ModelConfig;
  readonly arrays: Arrays;
}

parentPort?.on('message', ({ part, config, arrays }: PartMessage) => {
  const tensors = PARTS[part](config, arrays);
  const buffers = new Set(tensors.map(({ data }) => data.buffer as ArrayBuffer));
  parentPort!.postMessage(tensors, [...buffers]);
});
