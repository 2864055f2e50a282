/** Everything that crosses a process, typed once. */
export * from './words.js';
export * from './finding-codes.js';
export * from './settings.js';
export * from './audits.js';
export * from './commands.js';
export * from './numbers.js';
export * from './evaluation.js';
export * from './requests.js';
export * from './programs/training.js';
export * from './views.js';
export type * from './programs/mcp.js';
export type * from './programs/serve.js';
export type * from './programs/watch.js';
