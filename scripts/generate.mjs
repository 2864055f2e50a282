// Writes what follows from the rules in server/src/audit/rules: their list, the finding codes of the
// protocol, and the settings `qrmLens.thresholds.*` of package.json; and the schema of train.json for
// editors. `--check` only compares.
import { build } from 'esbuild';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';

const FOLDER = 'server/src/audit/rules';
const LIST = `${FOLDER}/all.ts`;
const CODES = 'server/src/protocol/finding-codes.ts';
const NOT_RULES = ['all', 'index', 'labels', 'rule'];
const check = process.argv.includes('--check');
const stale = [];

async function put(file, text) {
  const now = readFileSync(file, 'utf8');
  const made = file.endsWith('.json')
    ? text
    : await format(text, {
        ...JSON.parse(readFileSync('.prettierrc.json', 'utf8')),
        filepath: file,
      });
  if (now === made) return;
  stale.push(file);
  if (!check) writeFileSync(file, made);
}

const camel = (name) => name.replace(/-./g, (dash) => dash[1].toUpperCase());
/** Those listed keep their order; new ones come last. */
const ordered = (known, all) => [
  ...known.filter((name) => all.includes(name)),
  ...all.filter((name) => !known.includes(name)),
];

const files = readdirSync(FOLDER)
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => !NOT_RULES.includes(name));
const list = readFileSync(LIST, 'utf8');
const listed = [...list.slice(list.indexOf('RULES')).matchAll(/^ {2}(\w+),$/gm)].map((m) => m[1]);
const names = ordered(listed, files.map(camel));
await put(
  LIST,
  `// Made by \`npm run generate\` from the files of this folder.
${[...files, 'rule']
  .sort()
  .map((file) =>
    file === 'rule'
      ? "import type { Rule } from './rule.js';"
      : `import { ${camel(file)} } from './${file}.js';`,
  )
  .join('\n')}

export const RULES: readonly Rule[] = [${names.join(', ')},];
`,
);

async function load(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}
const { RULES } = await load(LIST);

const known = [...readFileSync(CODES, 'utf8').matchAll(/'([a-z-]+)'/g)].map((m) => m[1]);
const codes = ordered(known, ['malformed-row', ...RULES.map((rule) => rule.code)]);
await put(
  CODES,
  `// Made by \`npm run generate\` from the rules; the order is that of reports and of columns of codes.
export const FINDING_CODES = [${codes.map((code) => `'${code}'`).join(', ')}] as const;
`,
);

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const settings = manifest.contributes.configuration.properties;
const PREFIX = 'qrmLens.thresholds.';
const made = RULES.flatMap(({ code, threshold: spec }) => {
  if (spec === undefined) return [];
  const { kind, value, share } = spec.default;
  const said = { markdownDescription: `\`${code}\`: ${spec.help}`, scope: 'window' };
  const setting =
    spec.figure === undefined
      ? {
          type: 'integer',
          minimum: spec.least,
          ...(spec.most !== undefined && { maximum: spec.most }),
          default: value,
          ...said,
        }
      : {
          type: 'string',
          default: kind === 'relative' ? `${share * 100}%` : String(value),
          pattern: '^\\s*(-?\\d+(\\.\\d+)?(e-?\\d+)?|\\d+(\\.\\d+)?\\s*%)\\s*$',
          patternErrorMessage: 'A number, or a share such as 5%',
          ...said,
        };
  return [[PREFIX + spec.name, setting]];
});
// In the place where the thresholds stand.
const others = Object.entries(settings).filter(([name]) => !name.startsWith(PREFIX));
const at = Object.keys(settings).findIndex((name) => name.startsWith(PREFIX));
manifest.contributes.configuration.properties = Object.fromEntries([
  ...others.slice(0, at),
  ...made,
  ...others.slice(at),
]);
await put('package.json', `${JSON.stringify(manifest, null, 2)}\n`);

const { TRAIN_SCHEMA } = await load('server/src/training/config/config-schema.ts');
const SCHEMA = 'client/train.schema.json';
await put(
  SCHEMA,
  await format(JSON.stringify(TRAIN_SCHEMA), { filepath: SCHEMA, printWidth: 100 }),
);

if (stale.length > 0)
  console.log(`${check ? 'not as the rules say' : 'written'}: ${stale.join(', ')}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;
