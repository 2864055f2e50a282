import { isMainThread, workerData } from 'node:worker_threads';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { PARQUET_ROLE, parquetThread } from '../audit/report/index.js';
import { programVersion } from '../files/version.js';
import { ipcTransport } from './ipc.js';
import { Guard } from './params/guard.js';
import { serve } from './server.js';

function main(): void {
  // Standard output may be the protocol's: whatever a library prints goes to standard error.
  console.log = console.error;
  console.info = console.error;

  process.on('unhandledRejection', (error) => console.error('unhandled rejection:', error));
  const guard = new Guard();
  const options = { messageStrategy: guard };
  const ipc = ipcTransport();
  const connection = ipc
    ? createConnection(ProposedFeatures.all, ipc.reader, ipc.writer, options)
    : createConnection(ProposedFeatures.all, options);
  serve(connection, guard, programVersion(import.meta.url), new URL(import.meta.url));
}

const { role } = (workerData ?? {}) as { role?: string };
if (isMainThread) main();
else if (role === PARQUET_ROLE) parquetThread();
