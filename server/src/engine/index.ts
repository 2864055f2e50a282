export { isUrl, openEvaluator, type EvaluatorOptions } from './open.js';
export { streamInOrder } from './stream.js';
export type * from './types.js';
export type { Device, Provider } from './messages.js';
export type { ClientOptions } from './client.js';
