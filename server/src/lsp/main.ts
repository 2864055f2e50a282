import { readFileSync } from 'node:fs';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './server.js';

// Standard output may be the protocol's: whatever a library prints goes to standard error.
console.log = console.error;
console.info = console.error;

process.on('unhandledRejection', (error) => console.error('unhandled rejection:', error));
const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(manifest) as { version: string };
serve(createConnection(ProposedFeatures.all), version);
