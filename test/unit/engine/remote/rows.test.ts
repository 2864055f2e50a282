import { describe, expect, it } from 'vitest';
import { pickRows } from '../../../../server/src/engine/remote/rows.js';

// As llama.cpp's server writes it: floats as doubles, in full.
const rows = Array.from({ length: 7 }, (_, row) =>
  Array.from({ length: 5 }, (_, i) => Math.fround((row - 3) * Math.PI ** (i - 2))),
);
const answer = JSON.stringify([{ index: 0, embedding: rows }]);

/** The text cut every `size` bytes. */
async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

const picked = async (text: string, size: number, positions: number[]) =>
  (await pickRows(inPieces(text, size), positions, 'http://engine')).map((row) => [...row]);

describe('pickRows', () => {
  it.each([1, 2, 3, 7, 64, 1 << 16])('finds rows in pieces of %i bytes', async (size) => {
    expect(await picked(answer, size, [0, 2, 6])).toEqual([rows[0], rows[2], rows[6]]);
    expect(await picked(answer, size, [6, 6, 1])).toEqual([rows[6], rows[6], rows[1]]);
  });

  it('reads what is set in lines as well', async () => {
    const spaced = JSON.stringify(JSON.parse(answer), null, 2);
    expect(await picked(spaced, 5, [3])).toEqual([rows[3]]);
  });

  it('gives an empty row where there is none: another pooling has one row, or none', async () => {
    const pooled = JSON.stringify([{ index: 0, embedding: [rows[0]] }]);
    expect(await picked(pooled, 9, [4])).toEqual([[]]);
    expect(await picked('{"error":{}}', 9, [0])).toEqual([[]]);
  });

  it('names what stands in place of numbers', async () => {
    const text = answer.replace('[[', '[[oops,');
    await expect(picked(text, 9, [0])).rejects.toThrow(
      'http://engine/embeddings: expected numbers, found oops,',
    );
    // In a row that nobody asked for it costs nothing.
    expect(await picked(text, 9, [1])).toEqual([rows[1]]);
  });
});
