import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Diagnostic, DocumentDiagnosticReport } from 'vscode-languageserver-protocol/node.js';
import { Client, textAt } from './editor/client.js';
import { hhLines, lastAnswer } from './editor/hh.js';

const CODES = [
  'low-left-tail',
  'inverted-pair',
  'ambiguous-pair',
  'wide-distribution',
  'multimodal',
  'truncated',
  'duplicate-response',
  'unscored',
];

describe('diagnostics of hh-harmless', () => {
  const lines = hhLines(24);
  const text = `${lines.join('\n')}\n`;
  let client: Client;
  let uri: string;
  beforeAll(async () => {
    client = await Client.start({
      capabilities: { textDocument: { publishDiagnostics: { relatedInformation: true } } },
    });
    uri = await client.open('hh.jsonl', text);
    await client.audit(uri);
  });
  afterAll(() => client.stop());

  const answers = (line: number): string[] => {
    const { chosen, rejected } = JSON.parse(lines[line] ?? '') as Record<string, string>;
    return [lastAnswer(chosen ?? ''), lastAnswer(rejected ?? '')];
  };

  it('stand exactly on the response inside its JSON string', () => {
    const found = client.last(uri);
    expect(found.length).toBeGreaterThan(3);
    for (const { range } of found) {
      const written = textAt(text, range);
      expect(answers(range.start.line)).toContain(JSON.parse(`"${written}"`));
    }
  });

  it('carry a code, a link to its documentation, the figure and its threshold', () => {
    for (const d of client.last(uri)) {
      expect(CODES).toContain(d.code);
      expect(d.codeDescription?.href).toBe(`https://example.org/findings#${d.code}`);
      expect(d.source).toBe('QRM Lens');
      expect(d.message).toMatch(/\d/);
      expect(d.message).toMatch(/dataset's|threshold/);
    }
  });

  it('report the lowest five percent as low left tails, the lowest of all among them', async () => {
    const columns = await client.columns(await client.summary(uri));
    const tails = columns.map((c) => c.tail).sort((a, b) => a - b);
    const limit = tails[Math.ceil(0.05 * tails.length) - 1] ?? 0;
    const expected = columns.filter((c) => c.tail <= limit).map((c) => c.line);
    const found = client.last(uri).filter((d) => d.code === 'low-left-tail');
    expect(found.map((d) => d.range.start.line).sort()).toEqual(expected.sort());
  });

  it('point from a pair to its other half', () => {
    const pairs = client
      .last(uri)
      .filter((d) => d.code === 'inverted-pair' || d.code === 'ambiguous-pair');
    expect(pairs.length).toBeGreaterThan(0);
    for (const d of pairs) {
      const other = d.relatedInformation?.[0]?.location;
      expect(other?.uri).toBe(uri);
      expect(other?.range.start.line).toBe(d.range.start.line);
      const [chosen, rejected] = answers(d.range.start.line);
      expect(JSON.parse(`"${textAt(text, d.range)}"`)).toBe(chosen);
      expect(JSON.parse(`"${textAt(text, other?.range ?? d.range)}"`)).toBe(rejected);
    }
  });

  it('came in parts while the rest was being scored', () => {
    const during = client.changes.filter((s) => s.uri === uri && s.state === 'running');
    expect(during.some((s) => s.scored > 0 && s.scored < 48)).toBe(true);
  });
});

describe('malformed rows', () => {
  const rows = [
    '{"prompt": "Hello?", "response": "Good day to you."}',
    '{"prompt": "Hello?", "response": ',
    '{"prompt": "no answer here"}',
    '',
    '{"prompt": "Again?", "response": "Ünïcödé 🎉 stays in place."}',
  ];
  let client: Client;
  beforeAll(async () => {
    client = await Client.start();
  });
  afterAll(() => client.stop());

  it('are found where they are, and cost the others nothing', async () => {
    const uri = await client.open('bad.jsonl', rows.join('\n'));
    const summary = await client.audit(uri);
    expect(summary.scored).toBe(2);
    expect(summary.counts['malformed-row']).toBe(2);
    const found = client.last(uri).filter((d) => d.code === 'malformed-row');
    expect(found.map((d) => d.range.start.line)).toEqual([1, 2]);
    expect(found[1]?.message).toContain('missing-field');
  });

  it('go when they are mended', async () => {
    const uri = await client.open('mend.jsonl', rows.join('\n'));
    await client.audit(uri);
    const end = { line: 1, character: rows[1]?.length ?? 0 };
    await client.edit(uri, { start: end, end }, '"Now it is whole."}');
    await client.until(
      () => client.last(uri).every((d) => d.range.start.line !== 1),
      'the finding to go',
    );
    expect((await client.audit(uri)).scored).toBe(3);
  });

  it('of a file that is no dataset are an error in words', async () => {
    const uri = await client.open('notes.json', '["just", "words"', 'json');
    const summary = await client.audit(uri).catch((error: Error) => error.message);
    const words = typeof summary === 'string' ? summary : JSON.stringify(client.last(uri));
    expect(words).toMatch(/expected/);
  });
});

describe('pulled diagnostics', () => {
  it('are pulled and not pushed too, and the client is told when there is news', async () => {
    const client = await Client.start({
      capabilities: {
        textDocument: { diagnostic: { dynamicRegistration: false } },
        workspace: { diagnostics: { refreshSupport: true } },
      },
    });
    try {
      expect(client.initialized.capabilities.diagnosticProvider).toBeDefined();
      const uri = await client.open('pull.jsonl', hhLines(14, 900).join('\n'));
      await client.audit(uri);
      await client.until(() => client.refreshes > 0, 'a refresh');
      const pull = (previousResultId?: string) =>
        client.request<DocumentDiagnosticReport>('textDocument/diagnostic', {
          textDocument: { uri },
          ...(previousResultId && { previousResultId }),
        });
      const first = await pull();
      if (first.kind !== 'full') throw new Error('expected a full report');
      const items: Diagnostic[] = first.items;
      expect(items.length).toBeGreaterThan(0);
      expect((await pull(first.resultId)).kind).toBe('unchanged');
      expect(client.pushed.flatMap((p) => p.diagnostics)).toEqual([]);
    } finally {
      await client.stop();
    }
  });
});
