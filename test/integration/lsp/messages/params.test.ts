import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUESTS } from '../../../../server/src/lsp/params/methods.js';
import { MODEL } from '../editor/client.js';
import { Wire } from './wire.js';
import { at, broken, fields, folder, FREE, RIGHT, uri } from './right-params.js';
import { hhLines } from '../editor/hh.js';

const INVALID = -32602;
const NOT_FOUND = -32601;
const INTERNAL = -32603;

const methods = Object.keys(RIGHT) as (keyof typeof RIGHT)[];
const requests = methods.filter((m) => Object.hasOwn(REQUESTS, m));
const notifications = methods.filter((m) => !Object.hasOwn(REQUESTS, m));
/** Not asked in passing: they end the session, begin it, or look at the whole machine. */
const ONCE = new Set<string>(['initialize', 'shutdown', 'exit', 'qrmLens/auditFolder']);

/** With parameters that can be wrong, and asked as often as one likes. */
const asked = requests.filter((m) => !ONCE.has(m) && RIGHT[m] !== undefined);

let wire: Wire;
async function start(): Promise<Wire> {
  const begun = new Wire();
  const initialized = await begun.request('initialize', {
    processId: null,
    rootUri: pathToFileURL(folder).href,
    capabilities: {},
    initializationOptions: {
      storeFolder: join(folder, 'store'),
      settings: { model: { path: MODEL }, threads: 1 },
    },
  });
  expect(initialized.error).toBeUndefined();
  await begun.notify('initialized', {});
  return begun;
}

beforeAll(async () => {
  const text = hhLines(6, 600).join('\n');
  writeFileSync(join(folder, 'pairs.jsonl'), text);
  wire = await start();
  const opened = { uri, languageId: 'jsonl', version: 1, text };
  await wire.notify('textDocument/didOpen', { textDocument: opened });
  expect((await wire.request('qrmLens/audit', { uri })).error).toBeUndefined();
});
afterAll(() => {
  wire.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The server answers, and the text that it holds is untouched. */
async function sound(): Promise<void> {
  expect(wire.ended).toBeUndefined();
  const { error, result } = await wire.request('qrmLens/summary', { uri });
  expect(error).toBeUndefined();
  expect(result).toMatchObject({ uri, rows: 6 });
}

describe('requests', () => {
  it.each(requests)(
    '%s: every field missing, null or of another type is InvalidParams',
    async (m) => {
      const right = RIGHT[m];
      if (right === undefined || m === 'initialize') return;
      const wrong: [string, unknown][] = [
        ['params', undefined],
        ['params', null],
        ['params', []],
        ['params', [right]],
        ['params', 7],
        ['params', 'text'],
      ];
      for (const path of fields(right))
        if (!FREE.has(path))
          for (const other of [undefined, null, {}, true]) wrong.push([path, other]);
      for (const [path, other] of wrong) {
        const params = path === 'params' ? other : broken(right, path, other);
        const { error } = await wire.request(m, params);
        expect(error?.code, `${m} with ${JSON.stringify(params)}`).toBe(INVALID);
        expect(error?.message).toContain('expected');
      }
      await sound();
    },
  );

  it.each(requests)('%s: numbers that are none, or below 0, are InvalidParams', async (m) => {
    const right = RIGHT[m];
    for (const path of fields(right)) {
      const value = path
        .split('.')
        .slice(1)
        .reduce<unknown>((o, key) => (o as Record<string, unknown>)[key], right);
      if (typeof value !== 'number') continue;
      for (const other of [-1, 0.5, '0', null, -1e300]) {
        const { error } = await wire.request(m, broken(right, path, other));
        expect(error?.code, `${m} with ${path} ${String(other)}`).toBe(INVALID);
      }
      // As large as JSON can say it: a place beyond the end.
      if (ONCE.has(m)) continue;
      const { error } = await wire.request(m, broken(right, path, 1e300));
      expect([undefined, -32803]).toContain(error?.code);
    }
    await sound();
  });

  it.each(asked)('%s: of any document, or none, answers in words', async (m) => {
    for (const other of [
      'untitled:x',
      'http://h/%zz',
      'file:///%00',
      'file:',
      ':',
      'constructor',
      'file:///nowhere/a.jsonl',
      'vscode-remote://a/b.csv',
      '__proto__',
    ]) {
      const text = JSON.stringify(RIGHT[m] ?? null).replaceAll(
        JSON.stringify(uri),
        JSON.stringify(other),
      );
      const { error } = await wire.request(m, JSON.parse(text) ?? undefined);
      expect([undefined, -32803], `${m} of ${other}: ${error?.message}`).toContain(error?.code);
    }
    await sound();
  });

  it.each(requests.filter((m) => RIGHT[m] === undefined && m !== 'shutdown'))(
    '%s: needs no parameters and minds none',
    async (m) => {
      expect((await wire.request(m, { junk: [null] })).error).toBeUndefined();
    },
  );

  it('answers junk, and never from inside a handler', async () => {
    const junk = fc.jsonValue({ maxDepth: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...asked),
        fc.array(fc.tuple(fc.nat(), fc.option(junk, { nil: undefined })), { maxLength: 3 }),
        fc.option(junk, { nil: undefined, freq: 3 }),
        async (m, changes, whole) => {
          let params = RIGHT[m];
          for (const [n, other] of changes) {
            const all = [...fields(params)];
            const path = all[n % Math.max(all.length, 1)];
            if (path !== undefined) params = broken(params, path, other);
          }
          const { error } = await wire.request(m, whole ?? params);
          expect(wire.ended).toBeUndefined();
          expect(error?.code, error?.message).not.toBe(INTERNAL);
          expect(error?.code, error?.message).not.toBe(NOT_FOUND);
        },
      ),
      { numRuns: 600 },
    );
    await sound();
  });
});

describe('notifications', () => {
  it.each(notifications.filter((m) => RIGHT[m] !== undefined))(
    '%s: a malformed one is logged and changes nothing',
    async (m) => {
      const right = RIGHT[m];
      const wrong: unknown[] = [undefined, null, [], 7, 'text'];
      for (const path of fields(right))
        if (!FREE.has(path))
          for (const other of [undefined, null, true, {}]) wrong.push(broken(right, path, other));
      let told = 0;
      for (const params of wrong) {
        const before = wire.logs.length;
        await wire.notify(m, params);
        await sound();
        if (wire.logs.slice(before).some((l) => l.includes(`${m} was ignored`))) told++;
      }
      // A field that may be absent (the range of a change) may be null; all else is told.
      const free = m === 'textDocument/didChange' ? 2 : 0;
      // The connection itself looks at a cancellation before anybody is asked.
      if (m !== '$/cancelRequest') expect(told).toBe(wrong.length - free);
    },
  );

  it('junk never ends the server', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...notifications.filter((m) => m !== 'exit')),
        fc.jsonValue({ maxDepth: 3 }),
        async (m, params) => {
          await wire.notify(m, params);
        },
      ),
      { numRuns: 400 },
    );
    await sound();
  });

  it('edits at any place of a text are edits at its end, or the other way about', async () => {
    const far = { line: 1e300, character: 1e300 };
    const textDocument = { uri: 'untitled:far.jsonl', version: 1 };
    const lines = hhLines(2, 600).join('\n');
    await wire.notify('textDocument/didOpen', {
      textDocument: { ...textDocument, languageId: 'jsonl', text: '' },
    });
    await wire.notify('textDocument/didChange', {
      textDocument,
      contentChanges: [
        { range: { start: far, end: at }, text: `${lines}\n` },
        { range: { start: far, end: far }, text: lines },
      ],
    });
    const { error } = await wire.request('qrmLens/audit', { uri: textDocument.uri });
    expect(error).toBeUndefined();
    const { result } = await wire.request('qrmLens/summary', { uri: textDocument.uri });
    expect(result).toMatchObject({ rows: 4 });
  });
});

describe('what is no message', () => {
  it('does not end the server', async () => {
    for (const body of [
      'null',
      '[]',
      '7',
      '"x"',
      '{}',
      '{"jsonrpc":"2.0"}',
      '{"id":1}',
      'not JSON',
      '{"jsonrpc":"2.0","id":{},"method":"shutdown"}',
      '{"jsonrpc":"2.0","id":null,"method":"qrmLens/doctor"}',
    ])
      wire.bytes(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    await sound();
  });

  it('unknown methods are not found, whatever they are called', async () => {
    for (const m of [
      'constructor',
      '__proto__',
      'qrmLens/$refused',
      'qrmLens/status',
      'textDocument/completion',
      'textDocument/didOpen',
      '',
    ])
      expect((await wire.request(m, {})).error?.code, m).toBe(NOT_FOUND);
    await wire.notify('qrmLens/$refused', {});
    await sound();
  });
});

describe('out of turn', () => {
  it('is told before initialize, after it and after shutdown', async () => {
    const other = new Wire();
    try {
      await other.notify('textDocument/didOpen', RIGHT['textDocument/didOpen']);
      for (const m of requests.filter((r) => r !== 'initialize'))
        expect((await other.request(m, RIGHT[m])).error?.code, m).toBe(-32002);
      for (const bad of [
        undefined,
        null,
        [],
        1,
        {},
        { processId: -1, capabilities: {} },
        { processId: 1e300, capabilities: {} },
        { processId: null, capabilities: null },
        { processId: null, capabilities: {}, workspaceFolders: [null] },
        { processId: null, capabilities: {}, initializationOptions: { trusted: 'false' } },
        { processId: null, capabilities: {}, initializationOptions: { theme: 'constructor' } },
      ])
        expect((await other.request('initialize', bad)).error?.code, JSON.stringify(bad)).toBe(
          INVALID,
        );
      expect((await other.request('initialize', RIGHT.initialize)).error).toBeUndefined();
      expect((await other.request('initialize', RIGHT.initialize)).error?.code).toBe(-32600);
      expect((await other.request('shutdown', undefined)).error).toBeUndefined();
      expect((await other.request('qrmLens/doctor', undefined)).error?.code).toBe(-32600);
      expect(other.ended).toBeUndefined();
    } finally {
      other.stop();
    }
  });
});
