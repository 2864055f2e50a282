import { readJson } from '../json/readers.js';
import type { TextReader } from './reader.js';

export const reader: TextReader = { text: readJson };
