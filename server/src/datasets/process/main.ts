/** The process that reads data files, and the watchdog in it. */
import { isMainThread } from 'node:worker_threads';
import { readerMain, type Writers } from './reader.js';
import { isWatchdog, watch } from './watchdog.js';

export type { Writer, Writers } from './reader.js';

/** The body of dist/reader.js. @param script that file @param writers of the layers above */
export function readerProcess(script: URL, writers: Writers): void {
  if (isMainThread) readerMain(script, writers);
  else if (isWatchdog()) watch();
}
