import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import type {
  CodeAction,
  ConfigurationParams,
  Hover,
  ShowMessageParams,
} from 'vscode-languageserver-protocol/node.js';
import type {
  AuditFolderResult,
  ExportResult,
  ResponseText,
  RowsResult,
  ServerSettings,
} from '../../../server/src/protocol/index.js';
import { applyEdits, Client, MODEL, textAt, type StartOptions } from './editor/client.js';

const mapping = { prompt: 'q', chosen: 'answers.best', rejected: 'answers.worst' };
const thresholds = { tail: '100', inverted: '5%', ambiguous: '5%', wide: '5%', modes: 2 };
const row = (n: number) =>
  `{"q":"Question ${n}?","answers":{"worst":"No ${n}.","best":"Réponse ${n} 🎉."}}`;
const text = [0, 1, 2, 3].map(row).join('\n');

async function withClient(
  options: StartOptions,
  run: (client: Client, warnings: string[]) => Promise<void>,
): Promise<void> {
  const client = await Client.start(options);
  const warnings: string[] = [];
  client.connection.onNotification('window/showMessage', ({ type, message }: ShowMessageParams) => {
    if (type === 2) warnings.push(message);
  });
  try {
    await run(client, warnings);
  } finally {
    await client.stop();
  }
}

/** As an editor that is not asked for its settings tells that they changed. */
const configure = (client: Client, settings: Partial<ServerSettings> | { mapping: unknown }) =>
  client.connection.sendNotification('workspace/didChangeConfiguration', {
    settings: { qrmLens: { model: { path: MODEL }, threads: 1, thresholds, ...settings } },
  });

const wrong = (value: unknown): Partial<ServerSettings> => ({
  thresholds,
  mapping: value as ServerSettings['mapping'],
});

describe('fields of other names, as the setting says', () => {
  it('of an open text: found, hovered, swapped and reported at their places', async () => {
    await withClient({ settings: { thresholds, mapping } }, async (client, warnings) => {
      const uri = await client.open('odd.jsonl', text);
      const { scored, counts } = await client.audit(uri);
      expect(scored).toBe(8);
      expect(counts['malformed-row']).toBeUndefined();
      const marked = client.last(uri).filter((d) => d.code === 'low-left-tail');
      expect(marked.map((d) => textAt(text, d.range)).sort()).toEqual(
        [0, 1, 2, 3].flatMap((n) => [`No ${n}.`, `Réponse ${n} 🎉.`]).sort(),
      );
      const textDocument = { uri };
      const position = { line: 2, character: row(2).indexOf('Réponse') + 1 };
      const hover = await client.request<Hover | null>('textDocument/hover', {
        textDocument,
        position,
      });
      expect(JSON.stringify(hover?.contents)).toContain('chosen');
      const actions = await client.request<CodeAction[]>('textDocument/codeAction', {
        textDocument,
        range: { start: position, end: position },
        context: { diagnostics: [] },
      });
      const edits = actions.find((a) => a.title.includes('Swap'))?.edit?.changes?.[uri] ?? [];
      const swapped = JSON.parse(applyEdits(text, edits).split('\n')[2] ?? '') as unknown;
      expect(swapped).toEqual({
        q: 'Question 2?',
        answers: { worst: 'Réponse 2 🎉.', best: 'No 2.' },
      });
      const path = join(client.folder, 'odd.out.jsonl');
      await client.request<ExportResult>('qrmLens/export', { uri, format: 'jsonl', path });
      const excerpts = readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((l) => (JSON.parse(l) as { excerpt: string }).excerpt);
      expect(excerpts).toContain('Réponse 3 🎉.');
      expect(warnings).toEqual([]);
    });
  });

  it.each([
    ['odd.csv', 'csv', 'ask,good,bad\nWhy?,Because.,No.\nHow?,"Like ""so"".",No idea.\n'],
    ['odd.json', 'json', JSON.stringify([{ ask: 'Why?', good: 'So.', bad: 'No.' }], null, 2)],
  ])('make a file a dataset that is audited without being asked: %s', async (name, id, written) => {
    const fields = { prompt: 'ask', chosen: 'good', rejected: 'bad' };
    await withClient({ settings: { mapping: fields } }, async (client) => {
      const uri = await client.open(name, written, id);
      const done = await client.until(
        () => client.changes.find((s) => s.uri === uri && s.state === 'done'),
        'the audit',
      );
      expect(done.scored).toBe(name.endsWith('csv') ? 4 : 2);
    });
  });

  it('of files on disk: JSON Lines, compressed, Parquet, a folder', async () => {
    await withClient({ settings: { mapping } }, async (client) => {
      const folder = join(client.folder, 'data');
      mkdirSync(folder);
      writeFileSync(join(folder, 'a.jsonl'), text);
      writeFileSync(join(folder, 'b.jsonl.gz'), gzipSync(text));
      const column = (name: string, data: unknown[]) => ({ name, type: 'JSON' as const, data });
      const columnData = [
        column('q', ['Why?', 'How?']),
        column('answers', [
          { best: 'So.', worst: 'No.' },
          { best: 'Thus.', worst: 'Never.' },
        ]),
      ];
      writeFileSync(join(folder, 'c.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
      // Of other fields: read by its own.
      writeFileSync(join(folder, 'd.jsonl'), '{"prompt":"Hi?","response":"Hello."}\n');
      const result = await client.request<AuditFolderResult>('qrmLens/auditFolder', {
        uri: client.uri('data'),
      });
      expect(result.failed).toEqual([]);
      expect(
        result.audits.map((a) => [a.uri.split('/').at(-1), a.scored, a.counts['malformed-row']]),
      ).toEqual([
        ['a.jsonl', 8, undefined],
        ['b.jsonl.gz', 8, undefined],
        ['c.parquet', 4, undefined],
        ['d.jsonl', 1, undefined],
      ]);
      for (const { uri, epoch } of result.audits.slice(0, 2)) {
        const asked = { uri, epoch, responses: [6] };
        const [shown] = await client.request<ResponseText[]>('qrmLens/texts', asked);
        expect(shown?.excerpt).toBe('Réponse 3 🎉.');
      }
      const uri = client.uri('data/c.parquet');
      const page = await client.request<RowsResult>('qrmLens/rows', { uri, from: 1, limit: 1 });
      expect(page.rows[0]?.conversations[1]?.turns.at(-1)?.content).toBe('Never.');
    });
  });

  it('are read anew when they change, and only then', async () => {
    await withClient({ settings: { thresholds } }, async (client) => {
      const uri = await client.open('late.jsonl', text);
      const own = await client.open('own.jsonl', '{"prompt":"Hi?","response":"Hello."}');
      writeFileSync(join(client.folder, 'disk.jsonl'), text);
      const disk = client.uri('disk.jsonl');
      // A file of which no row is understood is told once.
      expect((await client.audit(uri)).counts['malformed-row']).toBe(1);
      expect((await client.audit(disk)).scored).toBe(0);
      const before = await client.audit(own);
      await configure(client, { mapping });
      for (const each of [uri, disk]) {
        const done = await client.until(
          () => client.changes.findLast((s) => s.uri === each && s.scored === 8),
          'the audit with the mapping',
        );
        await client.until(
          () => client.last(each).every((d) => d.code !== 'malformed-row'),
          'the problems to go',
        );
        expect((await client.audit(each)).counts['malformed-row']).toBeUndefined();
        expect(done.epoch).not.toBe(before.epoch);
      }
      expect((await client.summary(own)).epoch).toBe(before.epoch);
      const { epoch } = await client.summary(uri);
      await configure(client, { mapping, maxDiagnostics: 7 });
      await client.until(() => client.last(uri).length === 7, 'the other setting');
      expect((await client.summary(uri)).epoch).toBe(epoch);
      // With a setting that measures anew: the audit that was replaced does not come back.
      await configure(client, { mapping: {}, tau: 0.1 });
      const back = await client.until(
        () =>
          client.changes.findLast((s) => s.uri === uri && s.epoch > epoch && s.state === 'done'),
        'the audit without the mapping',
      );
      const again = await client.audit(uri);
      expect([again.epoch, again.counts['malformed-row'], again.scored]).toEqual([
        back.epoch,
        1,
        0,
      ]);
      expect((await client.audit(own)).tau).toBe(0.1);
      expect(client.changes.findLast((s) => s.uri === uri)?.epoch).toBe(back.epoch);
    });
  });

  it('may differ from folder to folder', async () => {
    const capabilities = { workspace: { configuration: true } };
    await withClient({ capabilities }, async (client) => {
      const asked: string[] = [];
      client.connection.onRequest('workspace/configuration', ({ items }: ConfigurationParams) =>
        items.map(({ section, scopeUri }) => {
          if (section !== 'qrmLens.mapping') return { model: { path: MODEL }, threads: 1 };
          asked.push(scopeUri ?? '');
          return scopeUri?.includes('/one/') === true
            ? { prompt: 'ask', response: 'say' }
            : { prompt: 'say', response: 'ask' };
        }),
      );
      await client.connection.sendNotification('workspace/didChangeConfiguration', {
        settings: null,
      });
      const written = '{"ask":"A","say":"B"}';
      for (const [name, response] of [
        ['one/x.jsonl', 'B'],
        ['two/x.jsonl', 'A'],
      ] as const) {
        const uri = await client.open(name, written);
        const { epoch, scored } = await client.audit(uri);
        expect(scored).toBe(1);
        const [shown] = await client.request<ResponseText[]>('qrmLens/texts', {
          uri,
          epoch,
          responses: [0],
        });
        expect(shown?.excerpt).toBe(response);
        expect(asked).toContain(uri);
      }
    });
  });
});

describe('an editor that takes its time to tell the mapping', () => {
  it('is answered with the audit that was asked for before, not with none', async () => {
    const settings = { autoAudit: 'off', model: { path: MODEL }, threads: 1 } as const;
    const capabilities = { workspace: { configuration: true } };
    await withClient({ capabilities, settings }, async (client) => {
      client.connection.onRequest(
        'workspace/configuration',
        async ({ items }: ConfigurationParams) => {
          await new Promise((resolve) => setTimeout(resolve, 300));
          return items.map(({ section }) => (section === 'qrmLens.mapping' ? null : settings));
        },
      );
      const uri = await client.open('slow.jsonl', '{"prompt":"A","response":"B"}');
      const audit = client.audit(uri);
      // A dashboard asks for it at once.
      expect((await client.summary(uri)).epoch).toBe((await audit).epoch);
    });
  });
});

describe('a mapping that is wrong', () => {
  it.each<[string, unknown, RegExp[], number]>([
    ['no object', 'chosen=best', [/qrmLens\.mapping: found a string, expected an object/], 0],
    [
      'an unknown key and a value of the wrong type: the rest holds',
      { ...mapping, choosen: 'x', system: 3 },
      [
        /qrmLens\.mapping: found the key 'choosen', expected one of system, prompt/,
        /qrmLens\.mapping\.system: found a number/,
      ],
      8,
    ],
    ['nothing that leads to a response', { prompt: 'q' }, [/expected one of chosen, rejected/], 0],
  ])('is told once, by the name of the setting: %s', async (_name, value, told, scored) => {
    await withClient({ settings: wrong(value) }, async (client, warnings) => {
      const uri = await client.open('wrong.jsonl', text);
      const own = await client.open('own.jsonl', '{"prompt":"Hi?","response":"Hello."}');
      expect((await client.audit(uri)).scored).toBe(scored);
      expect((await client.audit(own)).scored).toBe(1);
      expect(warnings).toHaveLength(told.length);
      told.forEach((pattern, n) => expect(warnings[n]).toMatch(pattern));
    });
  });
});
