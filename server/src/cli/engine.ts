import type { PullOptions } from '../model/bundle/hub/pull.js';
import { UsageError } from './errors.js';
import type { convertModel as Convert } from '../model/bundle/bundle.js';
import type { openEvaluator as Open } from '../engine/index.js';

/**
 * The only file of the CLI that names the engine's factories, loaded when a command needs them:
 * `qrm --help` starts no native library.
 */
export const openEvaluator: typeof Open = async (options) =>
  (await import('../engine/index.js')).openEvaluator(options);
export const doctor = async (known = false) =>
  (await import('../engine/doctor.js')).doctor({ known });
/** Where CUDA's library belongs, and how it is brought; `install` is undefined where there is no place for it. */
export const cudaFiles = async () => {
  const { cudaInstall, CUDA_LIBRARIES } = await import('../engine/doctor.js');
  return { install: cudaInstall(), libraries: CUDA_LIBRARIES };
};
export const listModels = async () => (await import('../model/bundle/models.js')).listModels();
export const listHubModels = async () =>
  (await import('../model/bundle/models.js')).listHubModels();
export const pullModel = async (text: string, options: PullOptions) => {
  const { hubName } = await import('../model/bundle/hub/place.js');
  const name = hubName(text);
  if (name === undefined) throw new UsageError(`"${text}": expected org/name or org/name@revision`);
  return (await import('../model/bundle/hub/pull.js')).pull(name, options);
};
export const convertModel: typeof Convert = async (from, to, options) =>
  (await import('../model/bundle/bundle.js')).convertModel(from, to, options);
/** Where calibration passports are; undefined where the user has no home. */
export const passportCache = async () =>
  (await import('../model/bundle/model-cache.js')).cacheIfAny();
