import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLI, hhLines, MODEL } from '../cli/helpers.js';
import { Client } from '../lsp/editor/client.js';
import { Traced } from './strace.js';

const run = promisify(execFile);
const OURS = ['cache/qrm-lens'];
let traced: Traced;
beforeEach(() => void (traced = new Traced()));
afterEach(() => traced.end());

/** Folders at the top of the user's home and cache. */
const top = (): string[] => traced.made().filter((path) => path.split('/').length === 2);

async function cli(...args: string[]): Promise<string> {
  const [command, before] = traced.command(process.execPath, CLI, ...args);
  const { stdout } = await run(command, before, { env: traced.env(), timeout: 300_000 });
  return stdout;
}

describe('nothing leaves the machine', () => {
  it('sees a program that looks a name up and sends', async () => {
    const body = `const net = require('node:net');
      require('node:dns').lookup('collector.invalid', () => net.connect(9, '127.0.0.1').on('error', () => {}));`;
    const [command, before] = traced.command(process.execPath, '-e', body);
    await run(command, before, { env: traced.env() });
    const calls = traced.network().join('\n');
    expect(calls).toMatch(/resolv\.conf/);
    expect(calls).toMatch(/connect\(.*sin_addr=inet_addr\("127\.0\.0\.1"\)/);
  });

  it('qrm audit asks and tells nobody', async () => {
    const file = `${traced.folder}/pairs.jsonl`;
    writeFileSync(file, hhLines(0, 20).join('\n'));
    expect(await cli('audit', file, '--model', MODEL, '--device', 'cpu')).toContain('Findings');
    expect(traced.traced()).toBe(true);
    expect(traced.network()).toEqual([]);
    expect(top()).toEqual(OURS);
  });

  it('qrm audit with int8, whose conversion runs the model, and qrm doctor neither', async () => {
    const file = `${traced.folder}/pairs.jsonl`;
    writeFileSync(file, hhLines(0, 4).join('\n'));
    await cli('audit', file, '--model', MODEL, '--device', 'cpu', '--precision', 'int8');
    expect(traced.network()).toEqual([]);
    expect(await cli('doctor')).toContain('cpu');
    expect(traced.network()).toEqual([]);
    expect(top()).toEqual(OURS);
  });

  it('the language server neither', async () => {
    const client = await Client.start({ under: traced });
    const uri = await client.open('pairs.jsonl', hhLines(0, 20).join('\n'));
    expect((await client.audit(uri)).responses).toBe(40);
    await client.stop();
    expect(traced.traced()).toBe(true);
    expect(traced.network()).toEqual([]);
    expect(traced.made().filter((path) => path.includes('Microsoft'))).toEqual([]);
  });

  it('nothing in the bundles loads ONNX Runtime but the module that keeps it quiet', () => {
    const dist = new URL('../../../dist/', import.meta.url);
    for (const name of readdirSync(dist).filter((file) => file.endsWith('.js'))) {
      const text = readFileSync(new URL(name, dist), 'utf8');
      expect(text, name).not.toMatch(/(from|import|import\()\s*["']onnxruntime-node["']/);
    }
  });
});
