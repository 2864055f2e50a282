import { readCsv } from '../csv/reader.js';
import type { TextReader } from './reader.js';

export const reader: TextReader = { text: (window, o) => readCsv(window, 'csv', o) };
