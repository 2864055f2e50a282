export { isUrl } from './client.js';
export { identityOf, kernelFacts } from './identity.js';
export { openEvaluator } from './open.js';
export { streamInOrder } from './stream.js';
export type * from './types.js';
export type { Device, Provider } from './process/messages.js';
export type { ClientOptions, EvaluatorOptions } from './client.js';
