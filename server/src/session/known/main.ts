/** Entry of dist/reader.js: the process that reads data files, and looks up what is scored already. */
import { readerProcess } from '../../datasets/process/main.js';
import type { KnownAsk } from './rows.js';
import { knownWriter } from './writer.js';

readerProcess(new URL(import.meta.url), (ask) => knownWriter(ask as KnownAsk));
