import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ListRootsRequestSchema, type Progress } from '@modelcontextprotocol/sdk/types.js';

export const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
export const CLI = join(root, 'dist', 'cli.js');
/** A tiny checkpoint of the published layout. */
export const GOLDEN = join(root, 'test/fixtures/golden/llama3-qrm-k5-m3');

/** A folder of data, a cache of its own, and what is started in them. */
export class Place {
  readonly top = mkdtempSync(join(tmpdir(), 'qrm-lens-mcp-'));
  readonly data = join(this.top, 'data');
  private readonly clients: Client[] = [];

  constructor() {
    mkdirSync(this.data);
  }

  /** The SDK's own client, connected. @param roots that the client names; none: it has no such capability */
  async connect(args: readonly string[], roots?: readonly string[]): Promise<Client> {
    const capabilities = roots === undefined ? {} : { roots: { listChanged: true } };
    const client = new Client({ name: 'test', version: '1' }, { capabilities });
    if (roots !== undefined)
      client.setRequestHandler(ListRootsRequestSchema, () => ({
        roots: roots.map((uri) => ({ uri })),
      }));
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [CLI, 'mcp', ...args],
        cwd: this.data,
        env: {
          ...(process.env as Record<string, string>),
          QRM_LENS_CACHE: join(this.top, 'cache'),
        },
        stderr: 'pipe',
      }),
    );
    this.clients.push(client);
    return client;
  }

  async end(): Promise<void> {
    for (const client of this.clients) await client.close();
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** What a tool gave: its structure, or its error in words. */
export async function ask<T = Record<string, unknown>>(
  client: Client,
  name: string,
  args: Record<string, unknown>,
  options: { onprogress?: (p: Progress) => void; signal?: AbortSignal } = {},
): Promise<{ value: T; error: string | undefined }> {
  const result = await client.callTool({ name, arguments: args }, undefined, {
    timeout: 120_000,
    ...options,
  });
  const [first] = result.content as { type: string; text: string }[];
  return {
    value: (result.structuredContent ?? {}) as T,
    error: result.isError === true ? first?.text : undefined,
  };
}
