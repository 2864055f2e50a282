import { randomBytes } from 'node:crypto';

/** Names the scripts and styles of one page that may run; guessed by nobody. */
export const nonce = (): string => randomBytes(18).toString('base64');
