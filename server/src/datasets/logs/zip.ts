// Logs of Inspect: ZIP archives with a JSON file for each sample.
import { inflateRawSync } from 'node:zlib';
import { fromBufferPromise, openPromise, type Entry, type ZipFile } from 'yauzl';
import { messageOf } from '../../errors.js';
import { Locator } from '../input/bytes.js';
import { decompress } from '../input/compression.js';
import type { Meaning } from '../formats.js';
import { JsonSyntaxError, parseJson } from '../json/tree.js';
import { ordinalPlace } from '../columns/parquet.js';
import { nodeOfValue, plainValue } from '../columns/plain-values.js';
import { problem, rowEvents } from '../record.js';
import { advanced } from '../input/source.js';
import type { DatasetEvent } from '../types.js';

const STORED = 0;
const DEFLATE = 8;
const ZSTD = 93;
const SAMPLE = /^samples\/.+\.json$/;

/** The bytes of an entry. @throws Error saying what is wrong with it */
async function bytesOf(zip: ZipFile, entry: Entry, max: number): Promise<Buffer> {
  const { compressionMethod: method, uncompressedSize: size } = entry;
  if (size > max)
    throw new Error(`the sample has ${size} bytes; expected at most ${max} (maxRowBytes)`);
  if (entry.isEncrypted())
    throw new Error('the sample is encrypted; expected it without a password');
  const stream = await zip.openReadStreamPromise(entry, { decodeFileData: false });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    advanced();
    chunks.push(chunk as Buffer);
  }
  const raw = Buffer.concat(chunks);
  if (method === STORED) return raw;
  if (method === DEFLATE) return inflateRawSync(raw, { maxOutputLength: Math.max(1, size) });
  if (method !== ZSTD)
    throw new Error(`the sample is compressed by method ${method}; expected deflate or zstd`);
  const parts: Uint8Array[] = [];
  let length = 0;
  async function* whole() {
    yield raw as Uint8Array;
  }
  for await (const part of decompress(whole(), 'zstd')) {
    length += part.length;
    if (length > size)
      throw new Error(`the sample is longer than the ${size} bytes that it is said to have`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * The samples of an Inspect log (`.eval`), in the archive's order; one that cannot be read costs itself.
 * @param path of a plain file, else `bytes` are collected: the index of an archive stands at its end
 */
export async function* readZip(
  path: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  o: Meaning & { maxRowBytes: number; firstRow: number },
  signal: AbortSignal | undefined,
): AsyncGenerator<DatasetEvent> {
  let index = 0;
  let zip: ZipFile | undefined;
  try {
    if (path === undefined) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      zip = await fromBufferPromise(Buffer.concat(chunks), { lazyEntries: true });
    } else zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      if (!SAMPLE.test(entry.fileName)) continue;
      const at = ordinalPlace(index);
      if (index >= o.firstRow) {
        try {
          const buf = await bytesOf(zip, entry, o.maxRowBytes);
          const { node } = parseJson(
            new Locator(buf, 0, buf.length, { byte: 0, line: 0, column: 0 }),
          );
          // What stands inside an archive has no place in the file.
          yield* rowEvents(index, at, nodeOfValue(plainValue(node)), o);
        } catch (error) {
          signal?.throwIfAborted();
          const code = error instanceof JsonSyntaxError ? 'malformed-row' : 'unreadable';
          yield problem(index, at, code, `${entry.fileName}: ${messageOf(error)}`);
        }
      }
      index++;
    }
    if (index === 0)
      yield problem(
        undefined,
        ordinalPlace(0),
        'empty-file',
        'the log holds no samples (samples/*.json)',
      );
  } catch (error) {
    signal?.throwIfAborted();
    yield problem(
      undefined,
      ordinalPlace(index),
      'unreadable',
      `${name} cannot be read on: ${messageOf(error)}`,
    );
  } finally {
    zip?.close();
  }
}
