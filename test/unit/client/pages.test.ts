import type { TextDocument } from 'vscode';
import { describe, expect, it } from 'vitest';
import { decodeColumns } from '../../../client/src/views/columns.js';
import { mayHoldData } from '../../../client/src/documents/documents.js';
import { parquetHtml } from '../../../client/src/documents/parquet-html.js';
import type { WireColumnBatch } from '../../../server/src/protocol/index.js';

const EVIL = `</p><script>alert(1)</script><img src=x onerror="a('b')"> & \u001b[31m \u202e`;

describe('the page of Parquet rows', () => {
  const page = {
    total: 120,
    rows: [
      {
        row: 50,
        conversations: [
          { kind: 'chosen' as const, label: EVIL, turns: [{ role: EVIL, content: EVIL }] },
        ],
        problem: EVIL,
      },
    ],
  };
  const html = parquetHtml({ uri: `file:///${EVIL}`, from: 50, size: 50, marked: 50, page });

  it('shows hostile data as text, and runs no script', () => {
    expect(html).not.toMatch(/<script|<img|\u001b|\u202e/);
    expect(html).toContain('&lt;script&gt;');
    expect(html).toMatch(/default-src 'none'; style-src 'nonce-/);
    expect(html).not.toContain('script-src');
  });

  it('pages by commands whose arguments are encoded', () => {
    const links = [...html.matchAll(/href="command:([^?"]*)\?([^"]*)"/g)];
    const next = links.find(([, name]) => name === 'qrmLens.parquetPage');
    const args = links
      .filter(([, name]) => name === 'qrmLens.parquetPage')
      .map(([, , text]) => JSON.parse(decodeURIComponent(text ?? '')) as unknown[]);
    expect(next).toBeDefined();
    expect(args).toEqual([
      [`file:///${EVIL}`, 0],
      [`file:///${EVIL}`, 100],
    ]);
    expect(html).toContain('<section class="marked">');
  });

  it('has a nonce of its own each time', () => {
    const nonces = [1, 2].map(
      () =>
        /nonce-([^']+)'/.exec(parquetHtml({ uri: '', from: 0, size: 1, marked: undefined }))?.[1],
    );
    expect(new Set(nonces).size).toBe(2);
    expect(nonces[0]?.length).toBeGreaterThanOrEqual(24);
  });
});

describe('columns', () => {
  it('come out of the wire as they went in', () => {
    const wire = (a: ArrayBufferView) =>
      Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString('base64');
    const floats = Float32Array.of(0.5, Number.NaN, -1e30);
    const words = Uint32Array.of(0, 0xffffffff, 7);
    const bytes = Uint8Array.of(255, 0, 3);
    const batch: WireColumnBatch = {
      uri: 'file:///a',
      epoch: 3,
      next: 9,
      ids: wire(words),
      expectation: wire(floats),
      tail: wire(floats),
      cvar: wire(floats),
      spread: wire(floats),
      certaintyEquivalent: wire(floats),
      beats: wire(floats),
      margin: wire(floats),
      kind: wire(bytes),
      modes: wire(bytes),
      row: wire(words),
      line: wire(words),
      conversation: wire(words),
      target: wire(words),
      partner: wire(words),
      tokens: wire(words),
    };
    const decoded = decodeColumns(batch);
    expect(decoded).toMatchObject({ uri: 'file:///a', epoch: 3, next: 9 });
    expect(decoded.partner).toEqual(words);
    expect(decoded.margin).toEqual(floats);
    expect(decoded.kind).toEqual(bytes);
  });
});

describe('which documents start the server', () => {
  const document = (path: string, text: string, languageId = 'plaintext') => {
    const lines = text.split('\n');
    return {
      uri: { scheme: 'file', path },
      languageId,
      lineCount: lines.length,
      lineAt: (n: number) => ({ text: lines[n] ?? '' }),
    } as unknown as TextDocument;
  };

  it('are datasets by name, and JSON or Markdown that looks like one', () => {
    expect(mayHoldData(document('/a.jsonl', ''))).toBe(true);
    expect(mayHoldData(document('/untitled', '{}', 'jsonl'))).toBe(true);
    expect(mayHoldData(document('/a.json', '[{\n "chosen": "x"}]'))).toBe(true);
    expect(mayHoldData(document('/chat.md', '# Chat\n\n**User:** hi'))).toBe(true);
  });

  it('are no settings, no READMEs and no code', () => {
    expect(mayHoldData(document('/package.json', '{"name": "x", "scripts": {}}'))).toBe(false);
    expect(mayHoldData(document('/README.md', '# Users\n\nUsing it is easy.'))).toBe(false);
    expect(mayHoldData(document('/a.ts', '"chosen": 1'))).toBe(false);
  });
});
