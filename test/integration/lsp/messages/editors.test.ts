import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodeAction, CodeLens, Hover, MarkupContent } from 'vscode-languageserver-protocol';
import { Client, root } from '../editor/client.js';
import { hhLines } from '../editor/hh.js';

/** What Neovim and Emacs declare, as far as it matters: no dynamic registration, no pictures. */
const capabilities = {
  textDocument: {
    hover: { contentFormat: ['markdown' as const, 'plaintext' as const] },
    publishDiagnostics: { relatedInformation: true },
  },
  workspace: { configuration: true, workspaceFolders: true },
};
const lines = hhLines(12, 900);
let client: Client;
let uri: string;
const registered: unknown[] = [];
beforeAll(async () => {
  client = await Client.start({ capabilities, init: { docs: undefined as never } });
  client.connection.onRequest('client/registerCapability', (p) => void registered.push(p));
  client.connection.onRequest('workspace/configuration', ({ items }: { items: unknown[] }) =>
    items.map(() => null),
  );
  writeFileSync(join(client.folder, 'pairs.jsonl'), lines.join('\n'));
  uri = await client.open('pairs.jsonl', lines.join('\n'));
  await client.audit(uri);
  await client.until(() => client.last(uri).length > 0, 'diagnostics');
});
afterAll(() => client.stop());

const actionsAt = (d: ReturnType<Client['last']>[number] | undefined) =>
  client.request<CodeAction[]>('textDocument/codeAction', {
    textDocument: { uri },
    range: d?.range,
    context: { diagnostics: [d] },
  });
const execute = <R>(command: string, args: unknown[]) =>
  client.request<R>('workspace/executeCommand', { command, arguments: args });

describe('an editor that is not VS Code', () => {
  it('is asked for no registration that it did not offer', () => {
    expect(registered).toEqual([]);
  });

  it('has the distribution in block characters, without a picture', async () => {
    const [d] = client.last(uri);
    const hover = await client.request<Hover | null>('textDocument/hover', {
      textDocument: { uri },
      position: d?.range.start,
    });
    const { kind, value } = hover?.contents as MarkupContent;
    expect(kind).toBe('markdown');
    expect(value).toMatch(/[▁▂▃▄▅▆▇█]{5}/);
    expect(value).not.toContain('data:image');
  });

  it('has links to a section that is there', () => {
    for (const { codeDescription } of client.last(uri)) {
      const link = new URL(codeDescription?.href ?? '');
      const page = readFileSync(fileURLToPath(new URL(link.pathname, 'file:///')), 'utf8');
      expect(page).toContain(`## ${link.hash.slice(1)}\n`);
    }
  });

  it('runs the commands of lenses and actions on the server', async () => {
    expect(client.initialized.capabilities.executeCommandProvider?.commands).toEqual(
      expect.arrayContaining(['qrmLens.ignoreFinding', 'qrmLens.copyDistribution']),
    );
    const lenses = await client.request<CodeLens[]>('textDocument/codeLens', {
      textDocument: { uri },
    });
    const { command = '', arguments: args = [] } = lenses[0]?.command ?? {};
    const opened = await execute<{ path: string }>(command, args);
    expect(readFileSync(opened.path, 'utf8')).toMatch(/^# pairs\.jsonl, line 1\n[\s\S]*quantiles/);
    const copied = await execute<{ quantiles: number[]; levels: number[] }>(
      'qrmLens.copyDistribution',
      args,
    );
    expect(copied.quantiles).toHaveLength(copied.levels.length);
    const found = client.last(uri)[0];
    const ignore = (await actionsAt(found)).find((a) => a.title.includes('Ignore'))?.command;
    const count = client.last(uri).length;
    const { path } = await execute<{ path: string }>(
      ignore?.command ?? '',
      ignore?.arguments ?? [],
    );
    expect(readFileSync(path, 'utf8')).toContain(String(found?.code));
    await client.until(() => client.last(uri).length < count, 'the finding to go');
  });

  it('is told what a wrong argument is', async () => {
    await expect(execute('qrmLens.copyDistribution', [])).rejects.toThrow(
      /arguments\[0\]: expected an object, found nothing/,
    );
    await expect(execute('qrmLens.nothing', [])).rejects.toThrow(/unknown command/);
  });
});

describe('qrm lsp', () => {
  it('is the server over standard input and output', async () => {
    const child = spawn(process.execPath, [join(root, 'dist/cli.js'), 'lsp', '--stdio']);
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { processId: process.pid, capabilities: {}, rootUri: null },
    });
    child.stdin.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
    let answer = '';
    for await (const chunk of child.stdout) {
      answer += String(chunk);
      if (answer.includes('"hoverProvider":true')) break;
    }
    child.kill();
    expect(answer).toContain('"name":"qrm-lens"');
  });
});
