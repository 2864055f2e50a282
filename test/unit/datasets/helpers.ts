import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Place, Turn } from '../../../server/src/datasets/types.js';
import {
  readDataset,
  type DatasetEvent,
  type DatasetProblem,
  type DatasetRow,
  type DatasetSource,
  type ReadOptions,
} from '../../../server/src/datasets/index.js';

/** A file of the repository. */
export const repositoryPath = (name: string): string =>
  fileURLToPath(new URL(`../../../${name}`, import.meta.url));
export const fixturePath = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/datasets/${name}`, import.meta.url));
export const fixture = (name: string): Buffer => readFileSync(fixturePath(name));

export interface Read {
  events: DatasetEvent[];
  rows: DatasetRow[];
  problems: DatasetProblem[];
}

export async function readAll(source: DatasetSource, options?: ReadOptions): Promise<Read> {
  const read: Read = { events: [], rows: [], problems: [] };
  for await (const event of readDataset(source, options)) {
    read.events.push(event);
    if (event.type === 'row') read.rows.push(event.row);
    else read.problems.push(event.problem);
  }
  return read;
}

export const ofText = (
  text: string | Buffer,
  name = 'data.jsonl',
  options?: ReadOptions,
): Promise<Read> => readAll({ bytes: Buffer.from(text as string), name }, options);

/** A stream cut at the given sizes, which repeat. */
export async function* chunked(
  bytes: Buffer,
  sizes: readonly number[],
): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

export const turnsOf = (rows: readonly DatasetRow[]): Turn[] =>
  rows.flatMap((row) => row.conversations.flatMap((c) => c.turns));

/** An independent view of the file: offset of a line and column in the decoded text, without its BOM. */
export class TextView {
  private readonly starts: number[] = [0];
  readonly text: string;
  constructor(readonly bytes: Buffer) {
    this.text = bytes.toString('utf8').replace(/^\uFEFF/, '');
    for (const m of this.text.matchAll(/\r\n|\n|\r/g)) this.starts.push(m.index + m[0].length);
  }
  /** What the bytes of a place say. */
  slice(p: Place): string {
    return this.bytes.toString('utf8', p.start, p.end);
  }
  /** What lines and columns of a place say: found without the byte offsets. */
  sliceByColumns(p: Place): string {
    return this.text.slice(this.starts[p.line]! + p.column, this.starts[p.endLine]! + p.endColumn);
  }
}
