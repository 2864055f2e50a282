import { open } from 'node:fs/promises';
import type { ProblemFinding } from '../../audit/index.js';
import type { Place } from '../../datasets/types.js';
import type { LineDocument } from './line-document.js';
import { spotAt } from '../spots.js';
import { pathOf } from '../uris.js';

/** Places as reports have them: with the bytes of the file, which the editor has no use for. */
export interface FilePlaces {
  of(response: number): Place;
  problems(): Iterable<ProblemFinding>;
}

/** A place moved down by whole lines, and on by so many bytes. */
export const placeAt = (place: Place, lines: number, bytes: number): Place => ({
  ...spotAt(place, lines),
  start: place.start + bytes,
  end: place.end + bytes,
});

/** Bytes before each line's beginning. @param tick lets messages in; throws when the text changed */
export async function lineStarts(
  { lines }: LineDocument,
  tick: () => Promise<void>,
): Promise<Float64Array> {
  const starts = new Float64Array(lines.length);
  let bytes = 0;
  for (let line = 0; line < lines.length; line++) {
    starts[line] = bytes;
    bytes += Buffer.byteLength(lines[line] ?? '');
    if ((line & 63) === 63) await tick();
  }
  return starts;
}

/** Bytes of the file that no editor shows: 3 where it begins with a byte order mark, which the text lacks. */
export async function hiddenBytes({ uri, lines }: LineDocument): Promise<number> {
  const path = pathOf(uri);
  if (path === undefined || lines[0]?.startsWith('\ufeff') === true) return 0;
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return 0;
  try {
    const head = Buffer.alloc(3);
    await file.read(head, 0, 3, 0);
    return head.equals(Buffer.from('\ufeff')) ? 3 : 0;
  } catch {
    return 0;
  } finally {
    await file.close();
  }
}
