import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { dataFiles, detectFormat } from '../../../server/src/datasets/index.js';
import {
  COMPRESSIONS,
  CONTAINERS,
  containerOfName,
  factsOf,
  isDataName,
  isText,
  stemOf,
  type Container,
} from '../../../server/src/datasets/formats.js';
import { READERS } from '../../../server/src/datasets/readers/all.js';

const packed = Object.values(COMPRESSIONS).flatMap(({ endings }) => endings);
const textless = CONTAINERS.filter((c) => !isText(c)).flatMap((c) => factsOf(c).endings);
const endings = CONTAINERS.flatMap((c) => factsOf(c).endings);
const CONTENT: Readonly<Partial<Record<Container, string>>> = {
  jsonl: '{"prompt":"p","response":"r"}\n',
  csv: 'prompt,response\np,r\n',
  tsv: 'prompt\tresponse\np\tr\n',
  markdown: '## User\n\nHi\n\n## Assistant\n\nHello\n',
};
const content = (c: Container): string =>
  CONTENT[c] ?? `${factsOf(c).magic ?? ''}[{"prompt":"p","response":"r"}]`;

it('each has its reader: of texts, or of whole files', () => {
  expect(Object.keys(READERS).sort()).toEqual([...CONTAINERS].sort());
  for (const c of CONTAINERS) expect('text' in READERS[c]!).toBe(isText(c));
});

describe('what package.json says of files', () => {
  /** The endings that a when-clause takes, those of compressions after them, and those that no text editor shows. */
  const clauses = Object.values(manifest.contributes.menus)
    .flat()
    .flatMap((item) => [
      ...(item.when ?? '').matchAll(/resource(?:Extname|Filename) =~ \/(.*)\/(?:\W|$)/g),
    ])
    .map(([, source]) => source!)
    // Others speak of one file's name.
    .filter((source) => /jsonl|parquet|gz/.test(source));

  it('has keys for every ending, packed or not', () => {
    const keys = manifest.contributes.keybindings.flatMap(({ when }) => {
      const list = /resourceExtname =~ \/\^\\\.\(([a-z|]+)\)\$\//.exec(when)?.[1];
      return list === undefined ? [] : [list.split('|').sort()];
    });
    expect(keys.length).toBeGreaterThanOrEqual(2);
    for (const list of keys) expect(list).toEqual([...endings, ...packed].sort());
  });

  it('offers the endings of the table, and no others', () => {
    expect(clauses.length).toBeGreaterThanOrEqual(4);
    const known: readonly (readonly string[])[] = [endings, packed, textless];
    for (const source of clauses) {
      const lists = [...source.matchAll(/\(([a-z]+(?:\|[a-z]+)+)\)/g)].map(([, list]) => list!);
      expect(lists.length).toBeGreaterThanOrEqual(1);
      for (const list of lists)
        expect(known.map((all) => [...all].sort())).toContainEqual(list.split('|').sort());
    }
  });

  it('gives JSON Lines its language, and an editor to what is no text', () => {
    const [language] = manifest.contributes.languages;
    expect(language?.extensions).toEqual(factsOf('jsonl').endings.map((e) => `.${e}`));
    const patterns = manifest.contributes.customEditors.flatMap(({ selector }) =>
      selector.map(({ filenamePattern }) => filenamePattern),
    );
    expect(patterns).toEqual(textless.map((e) => `*.${e}`));
  });
});

describe('names', () => {
  it.each(CONTAINERS)('of %s are known in capitals and compressed', (container) => {
    const { endings, alsoNamed = [] } = factsOf(container);
    for (const ending of [...endings, ...alsoNamed])
      for (const after of ['', ...packed.map((p) => `.${p}`)]) {
        const name = `a.b.${ending}${after}`;
        expect([containerOfName(name), containerOfName(name.toUpperCase())]) //
          .toEqual([container, container]);
        expect(stemOf(name)).toBe('a.b');
        expect(isDataName(name)).toBe(endings.includes(ending));
      }
    expect([containerOfName('a.b'), isDataName(`x${endings[0]}`), stemOf('a.b')]) //
      .toEqual([undefined, false, 'a.b']);
  });
});

describe('a folder', () => {
  it('has every format in it found, once, and what tools keep there left out', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qrm-folder-'));
    try {
      const names = CONTAINERS.flatMap((c) =>
        [...factsOf(c).endings, ...(factsOf(c).alsoNamed ?? [])].map((e) => ({
          c,
          name: `x.${e}`,
        })),
      );
      mkdirSync(join(folder, 'sub'));
      for (const { c, name } of names) writeFileSync(join(folder, 'sub', name), content(c));
      writeFileSync(join(folder, 'README.md'), content('markdown'));
      writeFileSync(join(folder, 'notes.md'), '# Notes\n\nNo chat.\n');
      writeFileSync(join(folder, 'package.json'), '{}');
      symlinkSync(folder, join(folder, 'sub', 'up'));
      symlinkSync(join(folder, 'sub', 'x.csv'), join(folder, 'sub', 'y.csv'));
      const found: string[] = [];
      for await (const path of dataFiles(folder)) found.push(path);
      expect(found.map((path) => basename(path))).toEqual(names.map(({ name }) => name).sort());
      for (const { c, name } of names.filter(({ c }) => isText(c)))
        expect((await detectFormat({ path: join(folder, 'sub', name) }))?.container).toBe(c);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
