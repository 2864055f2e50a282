import { readMarkdown } from '../markdown/reader.js';
import type { TextReader } from './reader.js';

export const reader: TextReader = { text: readMarkdown };
