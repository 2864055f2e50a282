// Writes what package.json says of rules (rooms of server/src/audit/rules: the settings `qrmLens.thresholds.*`) and of formats
// (FORMATS: endings in menus and keys, an editor for what is no text); and the schema of train.json for editors.
// `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { load } from './folders.mjs';

const check = process.argv.includes('--check');
const stale = [];

function put(file, text) {
  if (readFileSync(file, 'utf8') === text) return;
  stale.push(file);
  if (!check) writeFileSync(file, text);
}

const { RULES } = await load('audit/rules/all.ts');

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

const { FORMATS, COMPRESSIONS } = await load('datasets/formats.ts');
const endings = Object.values(FORMATS).flatMap((format) => format.endings);
const packed = Object.values(COMPRESSIONS).flatMap((compression) => compression.endings);
const dots = (list) => list.map((ending) => `.${ending}`);
const { menus, keybindings, languages, customEditors } = manifest.contributes;
/** Of formats that no text editor shows. */
const textless = Object.values(FORMATS)
  .filter(({ text }) => text === undefined)
  .flatMap((format) => format.endings);
/** In a when-clause the groups `(jsonl|…)`, `(parquet|…)`, `(gz|…)` and, of a key, which takes both, `(jsonl|…|gz|…)`. */
function offered(item, all) {
  item.when = item.when
    ?.replace(/\(jsonl\|[a-z|]+\)/, `(${all.join('|')})`)
    .replace(/\(parquet\|[a-z|]+\)/, `(${textless.join('|')})`)
    .replace(/\(gz\|[a-z|]+\)/, `(${packed.join('|')})`);
}
for (const item of Object.values(menus).flat()) offered(item, endings);
for (const item of keybindings) offered(item, [...endings, ...packed]);
languages.find(({ id }) => id === 'jsonl').extensions = dots(FORMATS.jsonl.endings);
customEditors[0].selector = textless.map((ending) => ({ filenamePattern: `*.${ending}` }));
put('package.json', `${JSON.stringify(manifest, null, 2)}\n`);

const { TRAIN_SCHEMA } = await load('training/config/config-schema.ts');
const SCHEMA = 'client/train.schema.json';
put(SCHEMA, await format(JSON.stringify(TRAIN_SCHEMA), { filepath: SCHEMA, printWidth: 100 }));

if (stale.length > 0)
  console.log(`${check ? 'not as the rules say' : 'written'}: ${stale.join(', ')}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;
