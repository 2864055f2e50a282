import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readIgnored } from '../../../server/src/audit/index.js';
import { mapping } from '../../../server/src/cli/options/values/shared.js';
import { IgnoreStore } from '../../../server/src/live/ignore-store.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-user-text-'));
afterAll(() => rmSync(folder, { recursive: true }));
const HASH = '0123456789abcdef';

const swapped = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
const WAYS: [string, (text: string) => Buffer][] = [
  ['plain', (text) => Buffer.from(text)],
  ['a byte order mark', (text) => Buffer.from(`\ufeff${text}`)],
  ['UTF-16 as PowerShell writes it', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['UTF-16, big endian', (text) => swapped(`\ufeff${text}`)],
];

describe.each(WAYS)('files that a user writes by hand, %s', (name, encode) => {
  const file = (text: string): string => {
    const path = join(folder, `${name.length}-${text.length}.json`);
    writeFileSync(path, encode(text));
    return path;
  };

  it('a mapping', () => {
    const path = file('{"prompt": "q\u00e9", "chosen": "good", "rejected": "bad"}');
    expect(mapping(path)).toEqual({ prompt: 'q\u00e9', chosen: 'good', rejected: 'bad' });
  });

  it('ignored findings, which the editor adds to', async () => {
    const path = file(`{"version": 1, "ignored": [{"hash": "${HASH}"}]}\r\n`);
    expect(readIgnored([path])(HASH, 'any')).toBe(true);
    const home = mkdtempSync(join(folder, 'home-'));
    writeFileSync(join(home, '.qrm-ignore.json'), readFileSync(path));
    const told: string[] = [];
    const store = new IgnoreStore((message) => told.push(message));
    await store.add(join(home, 'data.jsonl'), 'f'.repeat(16), 'truncated');
    const ignored = readIgnored([join(home, '.qrm-ignore.json')]);
    expect([ignored(HASH, 'any'), ignored('f'.repeat(16), 'truncated')]).toEqual([true, true]);
    expect(told).toEqual([]);
  });
});
