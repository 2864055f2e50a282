import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

/** Bytes of the lists of one result: some tens of thousands of tokens, which is what a client has room for. */
const MOST_BYTES = 96 * 1024;

/** A result as the protocol has it: structured, and the same as JSON for clients that read text alone. */
export function structured(result: Readonly<Record<string, unknown>>): CallToolResult {
  const text = JSON.stringify(result, plainNumbers);
  return {
    content: [{ type: 'text', text }],
    structuredContent: JSON.parse(text) as Record<string, unknown>,
  };
}

/** Six decimals: more than a reward means, fewer than a float32 drags along. What is no number is null. */
const plainNumbers = (_key: string, value: unknown): unknown =>
  typeof value !== 'number' || Number.isInteger(value)
    ? value
    : Number.isFinite(value)
      ? Number(value.toFixed(6))
      : null;

/** Lists that share the room of one result; each says what no longer fits. */
export class Room {
  constructor(private left = MOST_BYTES) {}

  /** Is there room? Then it is taken. A list's first item always fits. */
  takes(item: unknown, first = false): boolean {
    const bytes = Buffer.byteLength(JSON.stringify(item, plainNumbers));
    if (bytes > this.left && !first) return false;
    this.left -= bytes;
    return true;
  }

  /** As many of the first items as fit. */
  fit<T>(items: readonly T[]): T[] {
    const end = items.findIndex((item, n) => !this.takes(item, n === 0));
    return end < 0 ? [...items] : items.slice(0, end);
  }
}
