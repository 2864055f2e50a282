import { detectFormat, readDataset, type DatasetEvent, type DatasetSource } from '../../server/src/datasets/index.js'; // prettier-ignore
import type { Kind, Outcome } from './kind.js';
import { mutated } from './mutate.js';
import { misplaced, plain } from './places.js';
import type { Random } from './random.js';

async function read(source: DatasetSource, maxRowBytes?: number): Promise<DatasetEvent[]> {
  const events: DatasetEvent[] = [];
  for await (const event of readDataset(source, maxRowBytes === undefined ? {} : { maxRowBytes }))
    events.push(event);
  return events;
}

async function* chunked(bytes: Buffer, random: Random): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const size = random.pick([1, 2, 3, 7, 60, 1000]);
    yield bytes.subarray(at, at + size);
    at += size;
    await Promise.resolve();
  }
}

function differing(a: readonly DatasetEvent[], b: readonly DatasetEvent[]): string {
  const at = a.findIndex((event, i) => JSON.stringify(event) !== JSON.stringify(b[i]));
  const i = at < 0 ? a.length : at;
  return `event ${i}: ${(JSON.stringify(a[i]) ?? 'none').slice(0, 250)} and ${(JSON.stringify(b[i]) ?? 'none').slice(0, 250)}`;
}

/** Reads a file as the program does, and holds what it says against the file. */
export async function readCase(name: string, bytes: Buffer, random: Random): Promise<Outcome> {
  // What it throws is what reading throws; the reader says it as a problem.
  const format = await detectFormat({ bytes, name }).catch(() => undefined);
  const maxRowBytes = random.chance(0.1) ? 100 : undefined;
  const events = await read({ bytes, name }, maxRowBytes);
  const rows = events.filter((e) => e.type === 'row').length;
  const codes = new Set(events.flatMap((e) => (e.type === 'problem' ? [e.problem.code] : [])));
  const counted = [
    format?.container ?? 'no format',
    rows > 0 ? (codes.size > 0 ? 'rows and problems' : 'rows') : codes.size > 0 ? 'problems' : 'nothing',
    ...[...codes].map((code) => `problem ${code}`),
  ]; // prettier-ignore
  const failed = (failure: string): Outcome => ({ counted, failure });
  if (rows === 0 && codes.size === 0) {
    // A list without elements holds nothing, and that is all there is to say.
    if (!/^\s*(?:\ufeff)?\s*(?:\[\s*\]\s*|\{[^]*\}\s*)*$/.test(bytes.toString('utf8')))
      return failed('neither a row nor a problem');
  }
  // How much of a damaged stream comes out depends on how it goes in.
  if (format?.container !== 'parquet' && bytes.length < 20_000 && plain(bytes) !== undefined) {
    const pieces = await read({ stream: chunked(bytes, random), name }, maxRowBytes);
    if (JSON.stringify(pieces) !== JSON.stringify(events))
      return failed(`read in chunks, the file gives other events: ${differing(pieces, events)}`);
  }
  const wrong = misplaced(bytes, format?.container, events);
  return wrong === undefined ? { counted } : failed(wrong);
}

export const data: Kind = {
  name: 'data',
  inputs: (random) => {
    const { name, bytes } = mutated(random);
    return new Map([[name, bytes]]);
  },
  run: async (inputs, random) => {
    const [[name, bytes]] = [...inputs] as [[string, Buffer]];
    return readCase(name, bytes, random);
  },
};
