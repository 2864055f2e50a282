import { data } from './data.js';
import { edits } from './edits.js';
import type { Kind } from './kind.js';
import { model } from './model.js';
import { requests } from './requests.js';

/** Every sort of cases that `npm run fuzz` knows; another one is a file beside these and a line here. */
export const KINDS: readonly Kind[] = [data, edits, model, requests];
