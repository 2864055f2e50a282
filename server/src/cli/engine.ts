import type { convertModel as Convert } from '../model/bundle/bundle.js';
import type { openEvaluator as Open } from '../engine/index.js';

/**
 * The only file of the CLI that names the engine's factories, loaded when a command needs them:
 * `qrm --help` starts no native library.
 */
export const openEvaluator: typeof Open = async (options) =>
  (await import('../engine/index.js')).openEvaluator(options);
export const doctor = async () => (await import('../engine/doctor.js')).doctor();
export const listModels = async () => (await import('../model/bundle/models.js')).listModels();
export const convertModel: typeof Convert = async (from, to, options) =>
  (await import('../model/bundle/bundle.js')).convertModel(from, to, options);
