/** Entry of dist/reader.js: the process that reads data files, and the watchdog in it. */
import { isMainThread } from 'node:worker_threads';
import { readerMain } from './reader.js';
import { isWatchdog, watch } from './watchdog.js';

if (isMainThread) readerMain(new URL(import.meta.url));
else if (isWatchdog()) watch();
