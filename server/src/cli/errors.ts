import { messageOf } from '../errors.js';

export { EXIT } from './exit-codes.js';
export { UsageError } from '../errors.js';

export function explain(error: unknown): string {
  if (process.env['QRM_DEBUG'] === '1' && error instanceof Error)
    return error.stack ?? error.message;
  return `qrm: ${messageOf(error)}`;
}
