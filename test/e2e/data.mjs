// The datasets that the tests open, and where a reader of the raw text finds their responses.
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** User settings for a tiny checkpoint of the published layout: mechanics need no good judge, but a fast one. */
export const TINY = {
  'qrmLens.model.path': join(root, 'test', 'fixtures', 'golden', 'llama3-qrm-k5-m3'),
};

/** Nothing: the embedded model, which the VSIX brings. */
export const EMBEDDED = {};

/** The lines of hh-harmless as they stand in the file. */
export function harmlessLines() {
  return gunzipSync(readFileSync(join(root, 'examples', 'hh-harmless.jsonl.gz')))
    .toString('utf8')
    .trimEnd()
    .split('\n');
}

/** Rows (zero-based) that can be shown in a picture. */
const PICTURED = [
  2, 12, 20, 40, 65, 85, 104, 142, 143, 163, 192, 274, 285, 287, 289, 312, 320, 323, 324, 358, 374,
  411, 772, 820, 857, 933, 952, 956, 959, 989, 1047, 1065, 1086, 1096, 1114, 1154,
];
export const picturedLines = () => {
  const lines = harmlessLines();
  return PICTURED.map((row) => lines[row]);
};

/**
 * The last assistant turn of a transcript field as written in `line`, escapes and all, with its column.
 * Found in the raw text, without the project's readers.
 */
export function rawResponse(line, field) {
  const open = new RegExp(`"${field}"\\s*:\\s*"`).exec(line);
  const from = open.index + open[0].length;
  let to = from;
  while (line[to] !== '"') to += line[to] === '\\' ? 2 : 1;
  const body = line.slice(from, to);
  const marker = '\\n\\nAssistant:';
  const at = body.lastIndexOf(marker) + marker.length;
  let [start, end] = [from + at, to];
  const skip = /^(?:\s|\\[nrt])/;
  while (start < end && skip.test(line.slice(start, end))) start += line[start] === '\\' ? 2 : 1;
  const tail = /(?:\s|\\[nrt])$/;
  for (
    let found = tail.exec(line.slice(start, end));
    found;
    found = tail.exec(line.slice(start, end))
  ) {
    end -= found[0].length;
  }
  return { column: start, text: line.slice(start, end) };
}

/** How many responses of these lines of pairs have a text: empty ones are told as unscored. */
export const answered = (lines) =>
  lines
    .flatMap((line) => ['chosen', 'rejected'].map((field) => rawResponse(line, field).text))
    .filter((text) => text !== '').length;

export function makeFolder(parent, name, files) {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
  return folder;
}

/** Writes at least `bytes` of pairs, none like another: the rows of hh-harmless, numbered. */
export function writeLarge(path, bytes) {
  const lines = harmlessLines();
  const file = openSync(path, 'w');
  let written = 0;
  let rows = 0;
  while (written < bytes) {
    const chunk = lines
      .map((line) => line.replace('Human: ', `Human: (${(rows += 1)}) `))
      .join('\n');
    written += writeSync(file, `${chunk}\n`);
  }
  closeSync(file);
  return { rows, bytes: written };
}

/** The last turns of the first pairs of hh-harmless as columns of text: prompt, chosen and rejected. */
export function harmlessPairs(count) {
  const marker = '\n\nAssistant:';
  return harmlessLines()
    .slice(0, count)
    .map((line) => {
      const pair = JSON.parse(line);
      const last = (text) => text.slice(text.lastIndexOf(marker) + marker.length).trim();
      const prompt = /^\s*Human:\s*([\s\S]*?)(?:\n\nAssistant:|$)/.exec(pair.chosen)[1].trim();
      return { prompt, chosen: last(pair.chosen), rejected: last(pair.rejected) };
    });
}
