import { describe, expect, it } from 'vitest';
import type {
  DocumentSymbol,
  FoldingRange,
  Hover,
  MarkupContent,
  Range,
} from 'vscode-languageserver-protocol/node.js';
import type { DetailResult } from '../../../server/src/protocol/index.js';
import { type StartOptions, Client, fixture, textAt } from './editor/client.js';
import { readFileSync } from 'node:fs';

/** As our extension does: it shows pictures. */
const start = (options: StartOptions = {}) =>
  Client.start({ ...options, init: { extension: true, ...options.init } });

const valueOf = (hover: Hover | null): string => (hover?.contents as MarkupContent).value;

describe('hostile text', () => {
  const evil =
    '</script><img src=x onerror=alert(1)> [a](command:evil) ![x](http://e/x.png) \u001b[31mred\u0007 \u202egnp.exe `$(id)`';
  const rows = Array.from({ length: 12 }, (_, n) =>
    JSON.stringify({
      prompt: `${evil} ${n}`,
      completions: [
        { model: evil, response: `${evil} answer ${n}` },
        { model: `b ${evil}`, response: 'plain' },
      ],
    }),
  );

  it('is shown as text in hovers, messages and symbols', async () => {
    const client = await start();
    try {
      const uri = await client.open('evil.jsonl', [...rows, rows[0] ?? ''].join('\n'));
      const { epoch } = await client.audit(uri);
      const { detail } = await client.request<DetailResult>('qrmLens/detail', {
        uri,
        epoch,
        response: 0,
      });
      expect(detail?.excerpt).toBe(`${evil} answer 0`.slice(0, 4000));
      const hover = await client.request<Hover>('textDocument/hover', {
        textDocument: { uri },
        position: { line: 0, character: (detail?.spot.column ?? 0) + 1 },
      });
      const shown = valueOf(hover);
      const unescaped = shown.replace(/!\[[^\]]*\]\(data:[^)]*\)/, '').replace(/\\./g, '');
      expect(unescaped).not.toMatch(/<[a-z/]|\]\(|`/i);
      const found = client.last(uri);
      expect(found.length).toBeGreaterThan(0);
      const params = { textDocument: { uri } };
      const symbols = await client.request<DocumentSymbol[]>('textDocument/documentSymbol', params);
      const names = symbols.flatMap((s) => s.children?.map((c) => c.name) ?? []);
      const everything = JSON.parse(JSON.stringify([shown, found, names])) as unknown;
      for (const text of strings(everything))
        expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\u202e/u);
    } finally {
      await client.stop();
    }
  });
});

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(strings);
}

describe('chats', () => {
  it('of Markdown: each answer in its context, each turn a fold', async () => {
    const client = await start();
    try {
      const chat = [
        '# A chat',
        '',
        '## User',
        'What is a quantile?',
        '',
        '## Assistant',
        'A value below which',
        'a share of the data lies.',
        '',
        '## User',
        'Thanks.',
        '',
        '## Assistant',
        'You are welcome.',
        '',
      ].join('\n');
      const uri = await client.open('chat.md', chat, 'markdown');
      const { epoch, scored } = await client.audit(uri);
      expect(scored).toBe(2);
      const params = { textDocument: { uri } };
      const first = await client.request<DetailResult>('qrmLens/detail', {
        uri,
        epoch,
        response: 0,
      });
      expect(first.detail?.spot).toEqual({ line: 6, column: 0, endLine: 7, endColumn: 25 });
      expect(first.detail?.excerpt).toBe('A value below which\na share of the data lies.');
      const folds = await client.request<FoldingRange[]>('textDocument/foldingRange', params);
      expect(folds).toContainEqual({ startLine: 6, endLine: 7, kind: 'region' });
    } finally {
      await client.stop();
    }
  });

  it('exported by VS Code: scored without being asked, found in the JSON strings', async () => {
    const client = await start();
    try {
      const text = readFileSync(fixture('datasets/vscode-chat.json'), 'utf8');
      const uri = await client.open('chat.json', text, 'json');
      const answers = (JSON.parse(text) as { requests: unknown[] }).requests.length;
      const done = await client.until(
        () => client.changes.find((s) => s.uri === uri && s.state === 'done'),
        'the audit of the chat',
      );
      expect(done.scored).toBe(answers);
    } finally {
      await client.stop();
    }
  });

  it('shows an answer of several parts at its first part, and knows it in every part', async () => {
    const thresholds = { tail: '100', inverted: '5%', ambiguous: '5%', wide: '5%', modes: 2 };
    const client = await start({ settings: { thresholds } });
    try {
      const text = readFileSync(fixture('datasets/vscode-chat.json'), 'utf8');
      const uri = await client.open('parts.json', text, 'json');
      const { epoch, scored } = await client.audit(uri);
      expect(scored).toBe(2);
      const marked = client.last(uri).filter((d) => d.code === 'low-left-tail');
      expect(marked.map((d) => JSON.parse(`"${textAt(text, d.range)}"`) as string)).toEqual([
        'Use `list.reverse()`:\n\n```python\nxs.reverse()\n```',
        'See ',
      ]);
      const detail = await client.request<DetailResult>('qrmLens/detail', {
        uri,
        epoch,
        response: 1,
      });
      expect(detail.detail?.excerpt).toBe('See a.py for an example.');
      const textDocument = { uri };
      const lines = text.split('\n');
      const hoverAt = async (needle: string) => {
        const line = lines.findIndex((l) => l.includes(needle));
        const position = { line, character: (lines[line] ?? '').indexOf(needle) + 2 };
        return client.request<Hover | null>('textDocument/hover', { textDocument, position });
      };
      const one = await hoverAt('See ');
      const two = await hoverAt(' for an example.');
      expect(two?.contents).toEqual(one?.contents);
      expect(textAt(text, two?.range as Range)).toBe(' for an example.');
      // What stands between the parts is no answer.
      expect(await hoverAt('inlineReference')).toBeNull();
    } finally {
      await client.stop();
    }
  });

  it('a README that speaks of no chat is left alone', async () => {
    const client = await start();
    try {
      const uri = await client.open('README.md', '# Title\n\nAssistant: is a word.\n', 'markdown');
      await client.request('textDocument/foldingRange', { textDocument: { uri } });
      expect(await client.summary(uri)).toBeNull();
    } finally {
      await client.stop();
    }
  });
});
