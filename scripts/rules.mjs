// A rule is one file of server/src/audit/rules, named by its code. Two files list them, all.ts and finding-codes.ts:
// on disk they are empty, and what they hold is written here, from the folder, whenever a bundle is made (esbuild)
// or a test runs (Vite). So nobody keeps a list.
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const SRC = resolve(dirname(fileURLToPath(import.meta.url)), '../server/src');
const FOLDER = `${SRC}/audit/rules`;
const LIST = /[\\/]audit[\\/]rules[\\/]all\.ts$/;
const CODES = /[\\/]protocol[\\/]finding-codes\.ts$/;
/** What all rules share. */
const NOT_RULES = ['all', 'index', 'labels', 'rule'];

/** The rules' names, which are their files'. */
export const ruleNames = () =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .filter((name) => !NOT_RULES.includes(name));

const camel = (name) => name.replace(/-./g, (dash) => dash[1].toUpperCase());

/** all.ts: each file exports a rule of its own name. */
function list() {
  const names = ruleNames();
  return [
    ...names.map((name) => `import { ${camel(name)} } from './${name}.js';`),
    `export const RULES = [${names.map(camel)}].sort((a, b) => a.order - b.order);`,
  ].join('\n');
}

/** What a file of the sources exports: it is bundled and run. */
export async function load(entry) {
  const { outputFiles } = await build({
    entryPoints: [resolve(SRC, entry)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    plugins: [rulesOfFolder],
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}

/** finding-codes.ts: the rules' codes and that of a row that is none, in the order of lists and reports. */
async function codes() {
  const { RULES } = await load('audit/rules/all.ts');
  const { MALFORMED } = await load('audit/malformed.ts');
  const all = [...RULES, MALFORMED].sort((a, b) => a.order - b.order);
  return `export const FINDING_CODES = ${JSON.stringify(all.map(({ code }) => code))};`;
}

/** For esbuild. */
export const rulesOfFolder = {
  name: 'rules',
  setup({ onLoad }) {
    const found = (contents, folder) => ({
      contents,
      loader: 'ts',
      resolveDir: folder,
      watchDirs: [FOLDER],
      watchFiles: ruleNames().map((name) => `${FOLDER}/${name}.ts`),
    });
    onLoad({ filter: LIST }, () => found(list(), FOLDER));
    onLoad({ filter: CODES }, async () => found(await codes(), `${SRC}/protocol`));
  },
};

/** For Vite, which runs the tests. */
export const rulesForTests = {
  name: 'rules',
  enforce: 'pre',
  load(id) {
    if (LIST.test(id)) return list();
    return CODES.test(id) ? codes() : undefined;
  },
};
