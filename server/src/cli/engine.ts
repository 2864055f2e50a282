/**
 * The only file of the CLI that names the engine's factories, loaded when a command needs them:
 * `qrm --help` starts no native library.
 */
export const openEvaluator = async (
  options: Parameters<typeof import('../engine/index.js').openEvaluator>[0],
) => (await import('../engine/index.js')).openEvaluator(options);
export const doctor = async () => (await import('../engine/doctor.js')).doctor();
export const listModels = async () => (await import('../model/models.js')).listModels();
export const convertModel = async (
  ...args: Parameters<typeof import('../model/bundle.js').convertModel>
) => (await import('../model/bundle.js')).convertModel(...args);
