import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hhLines } from '../lsp/editor/hh.js';
import { ask, CLI, GOLDEN, Place } from './client.js';

let place: Place;
let secret: string;
beforeAll(() => {
  place = new Place();
  const pairs = hhLines(4, 700).join('\n');
  writeFileSync(join(place.data, 'pairs.jsonl'), pairs);
  secret = join(place.top, 'secret.jsonl');
  writeFileSync(secret, pairs);
  symlinkSync(secret, join(place.data, 'link.jsonl'));
  // A name that begins like the folder's.
  mkdirSync(join(place.top, 'database'));
  writeFileSync(join(place.top, 'database', 'pairs.jsonl'), pairs);
});
afterAll(() => place.end());

describe('limits of qrm mcp', () => {
  it('reads no file outside of its folders, also through links', async () => {
    const client = await place.connect(['--root', place.data, '--model', GOLDEN]);
    const sibling = join(place.top, 'database', 'pairs.jsonl');
    const paths = [secret, '../secret.jsonl', 'link.jsonl', sibling, '/etc/passwd', '/etc/nothing'];
    for (const path of [...paths, pathToFileURL(secret).href]) {
      for (const [tool, args] of [
        ['audit_file', {}],
        ['list_findings', {}],
        ['explain_response', { line: 1 }],
        ['ignore', { hash: '0'.repeat(16), code: 'low-left-tail' }],
      ] as const) {
        const { error } = await ask(client, tool, { path, ...args });
        expect(error).toMatch(/outside of the allowed folders/);
      }
    }
    for (const path of ['pairs.jsonl', join(place.data, 'pairs.jsonl'), './x/../pairs.jsonl']) {
      const { error } = await ask(client, 'explain_response', { path, line: 1 });
      expect(error).toBeUndefined();
    }
    const folder = await ask(client, 'audit_file', { path: '.' });
    expect(folder.error).toBe('.: is a folder; expected a file');
  });

  it('takes no model of a call, but with --allow-models', async () => {
    const closed = await place.connect(['--root', place.data, '--model', GOLDEN]);
    const messages = [
      { role: 'user', content: 'Hello?' },
      { role: 'assistant', content: 'Hello.' },
    ];
    const refused = await ask(closed, 'score_messages', { messages, model: GOLDEN });
    expect(refused.error).toContain('calls may not name a model');
    const open = await place.connect(['--root', place.data, '--model', GOLDEN, '--allow-models']);
    const other = join(GOLDEN, '..', 'qwen3-bt');
    type Named = { model: { levels: number[]; attributes: string[] } };
    // Beside one another, and each with its own.
    const [a, b, c] = await Promise.all([
      ask<Named>(open, 'score_messages', { messages }),
      ask<Named>(open, 'score_messages', { messages, model: other }),
      ask<Named>(open, 'score_messages', { messages }),
    ]);
    expect([a, b, c].map((r) => r.error)).toEqual([undefined, undefined, undefined]);
    expect([a, b, c].map((r) => r.value.model.levels.length)).toEqual([5, 1, 5]);
    const none = await ask(open, 'score_messages', { messages, model: '/no/such/model' });
    expect(none.error).toContain('/no/such/model');
  });

  it('takes the folders that its client names, where the user named none', async () => {
    const client = await place.connect(['--model', GOLDEN], [pathToFileURL(place.data).href]);
    const inside = await ask(client, 'explain_response', { path: 'pairs.jsonl', line: 1 });
    expect(inside.error).toBeUndefined();
    const outside = await ask(client, 'explain_response', { path: secret, line: 1 });
    expect(outside.error).toMatch(/outside of the allowed folders/);
  });

  it('writes nothing but the protocol to standard output, and ends with its input', async () => {
    const child = spawn(process.execPath, [CLI, 'mcp', '--model', GOLDEN], {
      cwd: place.data,
      env: { ...process.env, QRM_LENS_CACHE: join(place.top, 'cache2') },
    });
    let out = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const send = (message: object) =>
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'raw', version: '1' },
    };
    send({ id: 1, method: 'initialize', params });
    send({ method: 'notifications/initialized' });
    child.stdin.write('this is no message\n');
    const asked = { name: 'audit_file', arguments: { path: 'pairs.jsonl' } };
    send({ id: 2, method: 'tools/call', params: asked });
    const answered = () =>
      out.split('\n').some((line) => line.includes('"id":2') && line.includes('structuredContent'));
    while (!answered() && child.exitCode === null) await new Promise((r) => setTimeout(r, 50));
    const code = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    expect(await code).toBe(0);
    const messages = out.trim().split('\n');
    for (const line of messages)
      expect(JSON.parse(line) as object).toMatchObject({ jsonrpc: '2.0' });
    expect(messages).toHaveLength(2);
    expect(errors).toMatch(/model .* on cpu/);
  });

  it('says what is wrong with a folder before anything is asked', async () => {
    const child = spawn(process.execPath, [CLI, 'mcp', '--root', '/no/such/folder']);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2);
    expect(errors).toContain('--root /no/such/folder: no such file or directory');
  });
});
