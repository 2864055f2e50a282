// Values of columns that JSON has no kind for, as the texts that Python writes of them.
import { isUtf8 } from 'node:buffer';

/** @param scale digits after the point */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(Math.min(-scale, 400)));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const isTime = (ms: number): boolean => Math.abs(ms) <= 8.64e15;

/** `2024-01-02`. @param ms since 1970, UTC; undefined where no calendar has the day */
export const dateText = (ms: number): string | undefined =>
  isTime(ms) ? new Date(ms).toISOString().replace(/T.*/, '') : undefined;

/** `2024-01-02T03:04:05`, with milliseconds where there are some. */
export const timeText = (ms: number): string | undefined =>
  isTime(ms) ? new Date(ms).toISOString().replace(/(?:\.000)?Z$/, '') : undefined;

/** Bytes that are a text, as a text; else the bytes. */
export const textOrBytes = (bytes: Uint8Array): string | Uint8Array =>
  isUtf8(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
    : bytes;
