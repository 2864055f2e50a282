import { gzipSync } from 'node:zlib';
import { dataFile, type DataFile } from './generate.js';
import type { Random } from './random.js';

const TOKENS = [
  '"', '""', '"""', ',', ';', '\t', '|', '\n', '\r', '\r\n', '{', '}', '[', ']', ':', '\\', '\\u', '\\u12', '\\ud83d', '\0', '\0\0\0\0',
  '\ufeff', 'null', 'NaN', '-Infinity', '1e999', '123456789012345678901234567890', '//', '/*', "'", 'True', ' ', '#', '## User\n',
  '**User:**', 'User:', '```\n', '~~~', '{"a":1,"a":2}', '"__proto__":', '"constructor":', 'é', '😀', 'sep=;\n', '* * *\n', '---\n', '====\n',
  '{"data":[', '{"columns":[', ']}',
].map((t) => Buffer.from(t)); // prettier-ignore
const BYTES = [[0xff], [0xc3], [0xe6, 0xbc], [0xf0, 0x9f], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xe9], [0x80], [0xf4, 0x90]]; // prettier-ignore

function splice(buf: Buffer, at: number, remove: number, insert: Uint8Array): Buffer {
  return Buffer.concat([buf.subarray(0, at), insert, buf.subarray(at + remove)]);
}

type Mutation = (r: Random, buf: Buffer) => Buffer;

const at = (r: Random, buf: Buffer): number => r.int(0, buf.length);
/** A place near what means something to a reader. */
function marked(r: Random, buf: Buffer): number {
  const from = at(r, buf);
  const found = buf
    .subarray(from)
    .findIndex((b) => b < 0x30 || b === 0x5b || b === 0x5d || b > 0x7a);
  return found < 0 ? from : from + found + r.int(0, 1);
}

const MUTATIONS: readonly Mutation[] = [
  (r, b) => splice(b, marked(r, b), 0, r.pick(TOKENS)),
  (r, b) => splice(b, at(r, b), 0, r.pick(TOKENS)),
  (r, b) => splice(b, marked(r, b), 1, r.pick(TOKENS)),
  (r, b) => splice(b, at(r, b), 0, Buffer.from(r.pick(BYTES))),
  (r, b) => splice(b, at(r, b), r.int(1, 4), Buffer.alloc(0)),
  (r, b) => splice(b, marked(r, b), 1, Buffer.alloc(0)),
  (r, b) => b.subarray(0, at(r, b)),
  (r, b) => b.subarray(r.int(0, Math.min(8, b.length))),
  (r, b) => {
    const out = Buffer.from(b);
    if (out.length > 0) out[r.int(0, out.length - 1)]! ^= 1 << r.int(0, 7);
    return out;
  },
  (r, b) => {
    const from = at(r, b);
    return splice(b, at(r, b), 0, b.subarray(from, from + r.int(1, 60)));
  },
  (r, b) => splice(b, at(r, b), r.int(0, 2), Buffer.from(r.pick([' ', '*', '[', '{"a":', '"', '\n', '#', '`', '|']).repeat(r.int(1, 2000)))),
  (r, b) => Buffer.concat([b, r.pick(TOKENS), dataFile(r).bytes]),
  (_, b) => Buffer.concat([b, b]),
  (r, b) => Buffer.from(b.toString('latin1').replaceAll('\n', r.pick(['\r', '\r\n', '\n\n', ''])), 'latin1'),
  (r, b) => Buffer.from(b.toString('utf8'), r.pick(['latin1', 'utf16le'] as const)),
  (r, b) => splice(b, 0, 0, Buffer.from(r.pick(['\ufeff', '\ufeff\ufeff', ' ', '\n\n', 'version https://git-lfs.github.com/spec/v1\n', '<!DOCTYPE html>', '[', ',']))),
]; // prettier-ignore

const NAMES = ['x.jsonl', 'x.json', 'x.csv', 'x.tsv', 'x.md', 'x', 'x.parquet', 'x.constructor'];

/** A file with up to a few changes, as damage, hands and half-right programs make them. */
export function mutated(r: Random): DataFile {
  let { name, bytes } = dataFile(r);
  for (let n = r.pick([0, 1, 1, 1, 2, 2, 3, 6]); n > 0; n--) bytes = r.pick(MUTATIONS)(r, bytes);
  if (r.chance(0.1)) name = r.pick(NAMES);
  if (r.chance(0.05)) {
    bytes = gzipSync(bytes);
    if (r.chance(0.5)) bytes = r.pick(MUTATIONS.slice(3, 10))(r, bytes);
  }
  return { name, bytes };
}
