import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { complaint, foreign, target, unlisted } from '../../../scripts/house.mjs';
import { CROWDED, DOZEN } from '../../../scripts/layers.mjs';
import { readerFiles, ruleFiles } from '../../../scripts/folders.mjs';

const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  encoding: 'utf8',
}).split('\n');
const files = tracked.filter(
  (path) => /\.(?:ts|mjs|c|h)$/.test(path) && !path.startsWith('test/fixtures/'),
);
const sources = tracked.filter(
  (path) =>
    /\.(?:ts|mjs|js|c|cpp|h|css|py|sh|el|lua)$/.test(path) && !path.startsWith('test/fixtures/'),
);
/** Functions, classes and values; types may be named where they are inferred. */
const EXPORTED = /^export (?:async )?(?:abstract )?(?:function\*?|const|let|class|enum) ([\w$]+)/gm;
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // removed and not committed yet
  }
};

/** Each file of a folder with what it imports, types too. */
const importsIn = (folder: string): [string, string[]][] =>
  files
    .filter((path) => path.startsWith(folder))
    .map((path) => {
      const found = read(path).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g);
      return [path, [...found].map(([, specifier]) => specifier!)];
    });
const server = importsIn('server/src/');

const graphOf = (imports: readonly [string, string[]][]): Map<string, string[]> =>
  new Map(
    imports.map(([path, all]) => [
      path,
      all.filter((s) => s.startsWith('.')).map((specifier) => target(path, specifier)),
    ]),
  );
const graph = graphOf(server);
// What scripts/folders.mjs puts there.
for (const [room, paths] of [
  ['audit/rules', ruleFiles()],
  ['datasets/readers', readerFiles()],
] as const) {
  const files = paths.map((path) => `server/src/${room}/${path}.ts`);
  graph.get(`server/src/${room}/all.ts`)!.push(...files);
}

/** The sets of files that import one another, by Tarjan's strongly connected components. */
function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (v: string): void => {
    index.set(v, index.size);
    low.set(v, index.get(v)!);
    stack.push(v);
    for (const w of edges.get(v) ?? []) {
      if (!edges.has(w)) continue;
      if (!index.has(w)) visit(w);
      if (stack.includes(w)) low.set(v, Math.min(low.get(v)!, low.get(w)!));
    }
    if (low.get(v) !== index.get(v)) return;
    const members = stack.splice(stack.indexOf(v));
    if (members.length > 1 || edges.get(v)!.includes(v)) found.push(members.sort());
  };
  for (const v of edges.keys()) if (!index.has(v)) visit(v);
  return found;
}

describe('the house', () => {
  it('has no circle: of no two files each needs the other', () => {
    expect(graph.size).toBeGreaterThan(300);
    expect(circles(graph)).toEqual([]);
    for (const folder of ['client/src/', 'webview/src/'])
      expect(circles(graphOf(importsIn(folder)))).toEqual([]);
    const ring = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', ['a']],
      ['d', []],
    ]);
    expect(circles(ring)).toEqual([['a', 'b', 'c']]);
  });

  it('is drawn in scripts/layers.mjs: every folder, every import', () => {
    const wrong = [...graph].flatMap(([from, all]) => [
      ...[unlisted(from), ...all.map((to) => complaint(from, to))]
        .filter((why) => why !== undefined)
        .map((why) => `${from}: ${why}`),
    ]);
    expect(wrong).toEqual([]);
  });

  it('lets each shell alone name the library that it speaks by', () => {
    const wrong = server.flatMap(([from, all]) => all.flatMap((name) => foreign(from, name) ?? []));
    expect(wrong).toEqual([]);
    expect(foreign('server/src/live/pace.ts', 'vscode-languageserver')).toBeTypeOf('string');
    expect(foreign('server/src/lsp/server.ts', 'vscode-languageserver/node.js')).toBeUndefined();
  });

  it.each([
    ['upwards', 'engine/client.ts', 'audit/index.ts'],
    ['between shells', 'cli/main.ts', 'lsp/server.ts'],
    ['past an index', 'live/disk/disk-run.ts', 'audit/columns.ts'],
    ['past a room’s index', 'lsp/answers/export.ts', 'audit/report/html/page.ts'],
    ['up the tower', 'model/tokenizer/byte-bpe.ts', 'model/bundle/bundle.ts'],
    ['against the order of a shell', 'lsp/features/hover.ts', 'lsp/workspace.ts'],
    ['from a folder that nobody listed', 'attic/box.ts', 'protocol/index.ts'],
    ['from a floor that nobody listed', 'model/attic/box.ts', 'model/files.ts'],
    ['from a room that nobody listed', 'audit/rules/attic/box.ts', 'protocol/index.ts'],
    ['to the extension', 'cli/main.ts', '../../client/src/extension.ts'],
  ])('refuses an import %s', (_how, from, to) => {
    expect(complaint(`server/src/${from}`, target('server/src/x', `./${to}`))).toBeTypeOf('string');
  });

  it.each([
    ['server/src/live/disk/disk-run.ts', 'server/src/audit/index.ts'],
    ['server/src/lsp/answers/export.ts', 'server/src/audit/report/index.ts'],
    ['server/src/model/bundle/bundle.ts', 'server/src/model/tokenizer/byte-bpe.ts'],
    ['client/src/documents/documents.ts', 'server/src/datasets/formats.ts'],
    ['webview/src/main.ts', 'webview/src/state.ts'],
  ])('allows %s to import %s', (from, to) => expect(complaint(from, to)).toBeUndefined());

  it('keeps the pages and the extension out of the server', () => {
    expect(complaint('client/src/x.ts', 'server/src/datasets/index.ts')).toBeTypeOf('string');
    expect(complaint('webview/src/x.ts', 'server/src/session/rate.ts')).toBeTypeOf('string');
  });

  it('knows the folders of the extension and of the pages', () => {
    expect(files.flatMap((path) => unlisted(path) ?? [])).toEqual([]);
    expect(unlisted('client/src/attic/box.ts')).toBeTypeOf('string');
    expect(unlisted('webview/src/dashboard/attic/box.ts')).toBeTypeOf('string');
  });

  it('exports nothing that no other file names', () => {
    const names = new Map(files.map((path) => [path, new Set(read(path).match(/[\w$]+/g))]));
    // VS Code calls it.
    const entries = ['client/src/extension.ts: deactivate'];
    const alone = files
      .filter((path) => /^(?:server|client|webview)\/src\//.test(path))
      // Whoever stands in these folders is listed by scripts/folders.mjs.
      .filter((path) => !/\/(?:audit\/rules\/[^/]+|datasets\/readers)\/[^/]+$/.test(path))
      .flatMap((path) =>
        [...read(path).matchAll(EXPORTED)]
          .map(([, name]) => name!)
          .filter((name) => ![...names].some(([other, all]) => other !== path && all.has(name)))
          .map((name) => `${path}: ${name}`),
      );
    expect(alone.filter((name) => !entries.includes(name))).toEqual([]);
  });

  it('has no file above 300 lines', () => {
    const long = sources
      .map((path) => ({ path, lines: read(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > 300)
      .map(({ path, lines }) => `${path}: ${lines}`);
    expect(long).toEqual([]);
  });

  it('has no folder of more than a dozen files: what is more has rooms', () => {
    const sizes = new Map<string, number>();
    for (const path of sources.filter((file) => read(file) !== ''))
      sizes.set(posix.dirname(path), (sizes.get(posix.dirname(path)) ?? 0) + 1);
    const crowded = [...sizes].filter(([, files]) => files > DOZEN).map(([folder]) => folder);
    // Who is no longer large is no exception either.
    expect(crowded.sort()).toEqual(Object.keys(CROWDED).sort());
  });
});
