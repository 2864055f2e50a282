// Files that are no data set, whatever their name says, told by their first bytes.
import { FORMAT_TITLES } from '../formats.js';

const starts = (head: Buffer, ...bytes: readonly number[]): boolean =>
  head.length >= bytes.length && bytes.every((b, i) => head[i] === b);
const ascii = (head: Buffer, text: string, at = 0): boolean =>
  head.toString('latin1', at, at + text.length) === text;

/** An encoding that is not UTF-8, by its byte order mark or by where the NUL bytes of ASCII stand. */
function wideEncoding(head: Buffer): string | undefined {
  if (starts(head, 0xff, 0xfe, 0, 0) || starts(head, 0, 0, 0xfe, 0xff)) return 'UTF-32';
  if (starts(head, 0xff, 0xfe) || starts(head, 0xfe, 0xff)) return 'UTF-16';
  if (starts(head, 0x2b, 0x2f, 0x76)) return 'UTF-7';
  if (starts(head, 0x84, 0x31, 0x95, 0x33)) return 'GB18030';
  const size = Math.min(head.length, 4096) & ~3;
  if (size < 8) return undefined;
  const nul = [0, 0, 0, 0];
  for (let i = 0; i < size; i++) if (head[i] === 0) nul[i & 3]!++;
  const quarter = size / 4;
  const all = (n: number): boolean => n > quarter * 0.6;
  const none = (n: number): boolean => n < quarter * 0.1;
  const [a, b, c, d] = nul as [number, number, number, number];
  if ((none(a) && all(b) && all(c) && all(d)) || (all(a) && all(b) && all(c) && none(d)))
    return 'UTF-32';
  if ((none(a) && all(b) && none(c) && all(d)) || (all(a) && none(b) && all(c) && none(d)))
    return 'UTF-16';
  return undefined;
}

/** Formats by the bytes they begin with. */
const MAGIC: readonly (readonly [string, string])[] = [
  ['PK\x03\x04', 'a ZIP archive (or an Excel workbook)'],
  ['BZh', 'a bzip2 file'],
  ['\xfd7zXZ\0', 'an xz file'],
  ["7z\xbc\xaf'\x1c", 'a 7z archive'],
  ['\x04\x22\x4d\x18', 'an LZ4 file'],
  // One compression is taken off before this looks.
  ['\x1f\x8b\x08', 'gzip inside of a compressed file'],
  ['\x28\xb5\x2f\xfd', 'zstd inside of a compressed file'],
  [
    'FEA1',
    'a file of Feather’s first version (pyarrow.feather.write_feather writes the second, which is Arrow)',
  ],
  ['Obj\x01', 'an Avro file'],
  ['ORC', 'an ORC file'],
  ['\x89HDF', 'an HDF5 file'],
  ['SQLite format 3\0', 'an SQLite database'],
  ['%PDF-', 'a PDF'],
  ['\x89PNG', 'a picture'],
  ['\xff\xd8\xff', 'a picture'],
  ['GIF8', 'a picture'],
  ['\x7fELF', 'a program'],
  ['\xd0\xcf\x11\xe0', 'a document of Microsoft Office'],
];
const EXPECTED = `expected ${FORMAT_TITLES}, plain or compressed with gzip or zstd`;

/**
 * What a file is that cannot be read as data, as a message; undefined when nothing speaks against it.
 * @param markdown the name says Markdown or text: HTML and the like may stand in it
 */
export function foreignFile(head: Buffer, markdown: boolean): string | undefined {
  const encoding = wideEncoding(head);
  if (encoding !== undefined)
    return `the file is ${encoding}; expected UTF-8 (save it anew as UTF-8)`;
  const text = head.toString('latin1', 0, 1024).replace(/^\xef\xbb\xbf/, '');
  if (/^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\//.test(text)) {
    const size = /^size (\d{1,18})\r?$/m.exec(text)?.[1];
    const data = size === undefined ? '' : ` of ${size} bytes`;
    return `found a Git LFS pointer, expected the data that it stands for: the file${data} is not here yet (git lfs pull fetches it)`;
  }
  if (/^\/annex\/objects\//.test(text) || /^(?:\.\.\/)*\.git\/annex\/objects\//.test(text))
    return 'found a git-annex pointer, expected the data that it stands for (git annex get fetches it)';
  if (ascii(head, 'ustar', 257)) return `found a tar archive; ${EXPECTED}`;
  const magic = MAGIC.find(([bytes]) => ascii(head, bytes));
  // Letters alone may begin a text.
  const binary =
    magic !== undefined && (!/^\w+$/.test(magic[0]) || /[\0-\x08\x0e-\x1a]/.test(text));
  if (binary) return `found ${magic[1]}; ${EXPECTED}`;
  if (markdown) return undefined;
  if (/^\s{0,64}<(?:!doctype html|html|head|body)\b/i.test(text))
    return `found a page of HTML (was a link saved in place of its file?); ${EXPECTED}`;
  if (/^\s{0,64}<\?xml\b/i.test(text)) return `found XML; ${EXPECTED}`;
  return undefined;
}
