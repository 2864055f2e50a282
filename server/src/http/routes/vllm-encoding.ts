import { HttpError } from '../errors.js';

/** How a client wants its numbers. */
export interface EncodingBody {
  readonly encoding_format?: string | null;
  readonly embed_dtype?: string | null;
  readonly endianness?: string | null;
  readonly dimensions?: number | null;
}

export const encodingProperties = {
  encoding_format: { type: ['string', 'null'], description: 'float or base64' },
  embed_dtype: { type: ['string', 'null'], description: 'of base64: float32, float16, bfloat16' },
  endianness: { type: ['string', 'null'], description: 'of base64: native, little, big' },
  dimensions: { type: ['integer', 'null'] },
};

/** What makes numbers of numbers: a list, or base64. @throws HttpError 400 for another form */
export function encoderOf(body: EncodingBody): (values: ArrayLike<number>) => number[] | string {
  const { encoding_format: format, embed_dtype: dtype, endianness, dimensions } = body;
  if (dimensions != null)
    throw new HttpError(400, 'dimensions: a reward has no other than its own');
  const form = format ?? 'float';
  if (form === 'float') return (values) => Array.from(values);
  const write = WRITERS.get(dtype ?? 'float32');
  if (form !== 'base64' || write === undefined || !ENDS.includes(endianness ?? 'native'))
    throw new HttpError(
      400,
      `encoding_format: expected float, or base64 with embed_dtype ${[...WRITERS.keys()].join(', ')} ` +
        `and endianness ${ENDS.join(', ')}`,
    );
  return (values) => {
    const bytes = Buffer.concat(Array.from(values, write));
    // Written in the order that nearly every machine calls its own.
    if (endianness === 'big') swap(bytes, dtype === undefined || dtype === 'float32' ? 4 : 2);
    return bytes.toString('base64');
  };
}

const ENDS = ['native', 'little', 'big'];

const float32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const two = (bits: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(bits);
  return bytes;
};

const bfloat16 = (value: number): Buffer => {
  const bits = float32(value).readUInt32LE();
  // To the nearest, ties to even.
  return two(((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff);
};

const WRITERS: ReadonlyMap<string, (value: number) => Buffer> = new Map([
  ['float32', float32],
  ['bfloat16', bfloat16],
  ['float16', (value: number) => two(halfBits(value))],
]);

/** IEEE 754 binary16, to the nearest, ties to even; beyond 65504 infinity. */
function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -30)));
  const units = roundEven(size / 2 ** (exponent - 10));
  // A carry into the next exponent is where it belongs by itself.
  return sign | (exponent === -14 && units < 1024 ? units : ((exponent + 14) << 10) + units);
}

function roundEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

function swap(bytes: Buffer, size: 2 | 4): void {
  if (size === 2) bytes.swap16();
  else bytes.swap32();
}
