// A rule is one file of a room of server/src/audit/rules, named by its code; who reads a format is one file of
// server/src/datasets/readers, named by the format. Three files list them, two all.ts and finding-codes.ts: on disk they
// are empty, and what they hold is written here, from the folder, whenever a bundle is made (esbuild) or a test runs
// (Vite). So nobody keeps a list.
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../server/src');
const RULES = `${SRC}/audit/rules`;
const READERS = `${SRC}/datasets/readers`;

/** The folder's sources with those of its rooms, as paths inside it without `.ts`. */
const sourcesIn = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.slice(0, -'.ts'.length))
    .sort();
/** The rules' files, in their rooms; what stands outside them is what all rules share. */
export const ruleFiles = () =>
  sourcesIn(RULES).filter((path) => path.includes('/') && path !== 'labels/labelled-pairs');
export const readerFiles = () =>
  sourcesIn(READERS).filter((name) => !['all', 'reader'].includes(name));

const camel = (path) => basename(path).replace(/-./g, (dash) => dash[1].toUpperCase());

/** Each file exports a rule of its own name. */
function rules() {
  const files = ruleFiles();
  return [
    ...files.map((path) => `import { ${camel(path)} } from './${path}.js';`),
    `export const RULES = [${files.map(camel)}].sort((a, b) => a.order - b.order);`,
  ].join('\n');
}

/** Each file exports a `reader`. */
function readers() {
  const names = readerFiles();
  return [
    ...names.map((name, n) => `import { reader as r${n} } from './${name}.js';`),
    `export const READERS = {${names.map((name, n) => `'${name}': r${n}`)}};`,
  ].join('\n');
}

/** What a file of the sources exports: it is bundled and run. */
export async function load(entry, plugin = whatFoldersHold) {
  const { outputFiles } = await build({
    entryPoints: [resolve(SRC, entry)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    plugins: [plugin],
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}

/** The rules' codes and that of a row that is none, in the order of lists and reports. */
async function codes() {
  const { RULES } = await load('audit/rules/all.ts', withoutCodes);
  const { MALFORMED } = await load('audit/malformed.ts', withoutCodes);
  const all = [...RULES, MALFORMED].sort((a, b) => a.order - b.order);
  return `export const FINDING_CODES = ${JSON.stringify(all.map(({ code }) => code))};`;
}

/** The files that are written here, each with the folder that it lists. */
const LISTS = [
  { path: /[\\/]audit[\\/]rules[\\/]all\.ts$/, make: rules, of: RULES },
  { path: /[\\/]protocol[\\/]finding-codes\.ts$/, make: codes, of: RULES },
  { path: /[\\/]datasets[\\/]readers[\\/]all\.ts$/, make: readers, of: READERS },
];

const roomsOf = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));

const plugin = (lists) => ({
  name: 'what folders hold',
  setup({ onLoad }) {
    for (const { path, make, of } of lists)
      onLoad({ filter: path }, async ({ path: file }) => ({
        contents: await make(),
        loader: 'ts',
        resolveDir: dirname(file),
        watchDirs: [of, ...roomsOf(of)],
        watchFiles: sourcesIn(of).map((path) => join(of, `${path}.ts`)),
      }));
  },
});

/** For esbuild. */
export const whatFoldersHold = plugin(LISTS);
/** For the rules that the codes are read from: they share words of the protocol, which lists the codes. */
const withoutCodes = plugin(
  LISTS.map((list) =>
    list.make === codes ? { ...list, make: () => 'export const FINDING_CODES = [];' } : list,
  ),
);

/** For Vite, which runs the tests. */
export const whatFoldersHoldForTests = {
  name: 'what folders hold',
  enforce: 'pre',
  load: (id) => LISTS.find(({ path }) => path.test(id))?.make(),
};
