import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodeAction, Hover } from 'vscode-languageserver-protocol/node.js';
import { Client, textAt } from './editor/client.js';
import { hhLines } from './editor/hh.js';

/** Documents of virtual workspaces (github.dev and the like): text alone, no file on this machine. */
describe('a document of a virtual workspace', () => {
  const uri = 'vscode-vfs://github/someone/preferences/pairs.jsonl';
  const text = `${hhLines(12).join('\n')}\n`;
  let client: Client;
  beforeAll(async () => {
    client = await Client.start();
    await client.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'jsonl', version: 1, text },
    });
    await client.audit(uri);
  });
  afterAll(() => client.stop());

  it('is audited like any other', async () => {
    const found = client.last(uri);
    expect(found.length).toBeGreaterThan(1);
    const [first] = found;
    const answer = textAt(text, first!.range);
    expect(text.split('\n')[first!.range.start.line]).toContain(answer);
    const params = { textDocument: { uri }, position: first!.range.start };
    const hover = await client.request<Hover | null>('textDocument/hover', params);
    expect(JSON.stringify(hover?.contents)).toMatch(/q05/);
  });

  it('is edited through the document, by its own address', async () => {
    const pair = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
    const actions = await client.request<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri },
      range: pair,
      context: { diagnostics: [] },
    });
    const swap = actions.find((a) => /swap/i.test(a.title));
    expect(JSON.stringify(swap?.edit ?? swap)).toContain(uri);
  });

  it('that is not open has an error that says why, and the server goes on', async () => {
    const closed = 'vscode-vfs://github/someone/preferences/other.jsonl';
    await expect(client.audit(closed)).rejects.toThrow(/other\.jsonl/);
    expect((await client.summary(uri)).uri).toBe(uri);
  });
});
