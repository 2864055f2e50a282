import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mcpCommand } from '../../../client/src/tool/mcp-command.js';
import { hhLines } from '../lsp/editor/hh.js';
import { ask, GOLDEN, Place, root } from './client.js';

let place: Place;
beforeAll(() => {
  place = new Place();
  writeFileSync(join(place.data, 'pairs.jsonl'), hhLines(4, 700).join('\n'));
});
afterAll(() => place.end());

const surroundings = (trusted: boolean) => ({
  folder: root,
  node: process.execPath,
  trusted,
  roots: [place.data],
  settings: {
    model: GOLDEN,
    endpoint: '',
    device: 'auto',
    precision: 'auto',
    threads: 1,
    store: false,
  },
});

/** Starts what the extension would have the editor start, and asks for the model. */
async function modelOf(trusted: boolean) {
  const { command, args, env } = mcpCommand(surroundings(trusted))!;
  const client = new Client({ name: 'editor', version: '1' });
  const shared = { ...(process.env as Record<string, string>) };
  await client.connect(
    new StdioClientTransport({ command, args, env: { ...shared, ...env }, stderr: 'ignore' }),
  );
  try {
    const { value, error } = await ask<{ model: { name: string } }>(client, 'explain_response', {
      path: 'pairs.jsonl',
      line: 1,
    });
    expect(error).toBeUndefined();
    return value.model.name;
  } finally {
    await client.close();
  }
}

describe('the server that the extension registers', () => {
  it('has the model of the settings in a trusted workspace', async () => {
    expect(await modelOf(true)).toContain('llama3-qrm-k5-m3');
  });

  it('has the embedded model in an untrusted one, whatever the settings name', async () => {
    expect(await modelOf(false)).toContain('QRM Lens default');
  });

  it('is none without a folder on this machine', () => {
    expect(mcpCommand({ ...surroundings(true), roots: [] })).toBeUndefined();
  });
});
