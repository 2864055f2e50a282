import { EndpointError } from './http.js';

const [OPEN, CLOSE] = [0x5b, 0x5d];
/** `[{"index": 0, "embedding": [[…], …]}]`: the list of answers, of rows, and a row. */
const ROW = 3;

/**
 * The wanted rows of llama.cpp's answer to one input. Every token's row is in it (20 MB for 250 tokens of
 * 4,096 numbers), so that it is read as it comes, and of the others nothing is kept.
 * @param positions of tokens
 * @returns a row for each position; empty where the answer has no such row
 * @throws EndpointError for a row that is no list of numbers
 */
export async function pickRows(
  chunks: AsyncIterable<Uint8Array>,
  positions: readonly number[],
  url: string,
): Promise<Float32Array[]> {
  const rows = new Map<number, Float32Array>();
  const wanted = new Set(positions);
  let parts: Buffer[] = [];
  let [depth, row] = [0, -1];
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length;) {
      if (depth < ROW) {
        // Between rows: braces, names and numbers, in which no bracket stands for anything else.
        const byte = bytes[at++];
        if (byte === CLOSE) depth--;
        else if (byte === OPEN && ++depth === ROW) row++;
        continue;
      }
      const end = bytes.indexOf(CLOSE, at);
      const stop = end < 0 ? bytes.length : end;
      if (wanted.has(row)) parts.push(bytes.subarray(at, stop));
      at = stop;
      if (end < 0) break;
      if (wanted.has(row)) rows.set(row, numbersOf(Buffer.concat(parts), url));
      parts = [];
      depth--;
      at++;
    }
  }
  return positions.map((position) => rows.get(position) ?? new Float32Array());
}

function numbersOf(text: Buffer, url: string): Float32Array {
  try {
    return Float32Array.from(JSON.parse(`[${text.toString('latin1')}]`) as number[]);
  } catch {
    const shown = text.subarray(0, 60).toString('latin1');
    throw new EndpointError('down', `${url}/embeddings: expected numbers, found ${shown}`);
  }
}
