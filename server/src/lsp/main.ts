import { isMainThread, workerData } from 'node:worker_threads';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { PARQUET_ROLE, parquetThread } from '../audit/report/index.js';
import { programVersion } from '../files/version.js';
import { Guard } from './params/guard.js';
import { serve } from './server.js';

function main(): void {
  // Standard output may be the protocol's: whatever a library prints goes to standard error.
  console.log = console.error;
  console.info = console.error;

  process.on('unhandledRejection', (error) => console.error('unhandled rejection:', error));
  const guard = new Guard();
  const connection = createConnection(ProposedFeatures.all, { messageStrategy: guard });
  serve(connection, guard, programVersion(import.meta.url), new URL(import.meta.url));
}

const { role } = (workerData ?? {}) as { role?: string };
if (isMainThread) main();
else if (role === PARQUET_ROLE) parquetThread();
