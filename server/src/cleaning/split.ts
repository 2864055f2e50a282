import { createHash } from 'node:crypto';
import type { DatasetRow } from '../datasets/types.js';

/** A part of a split and its share of the prompts. */
export interface Part {
  readonly name: string;
  readonly share: number;
}

/**
 * `train/test` (90 and 10 %), `train=80/valid=10/test=10`, `train=0.8/test=0.2`.
 * @throws Error saying what is expected
 */
export function parseSplit(text: string): Part[] {
  const fail = (): never => {
    throw new Error(
      `found '${text}', expected names with shares, such as train/test or train=80/valid=10/test=10`,
    );
  };
  const parts = text.split('/').map((part) => {
    const [name = '', share] = part.split(/[=:]/);
    if (!/^[\w.-]+$/.test(name)) fail();
    const number = share === undefined ? undefined : Number(share.replace('%', ''));
    if (number !== undefined && !(number > 0)) fail();
    return { name, share: number };
  });
  const names = new Set(parts.map((p) => p.name));
  if (parts.length < 2 || names.size < parts.length) fail();
  const given = parts.filter((p) => p.share !== undefined).length;
  if (given !== 0 && given !== parts.length) fail();
  // Unnamed shares: a tenth for each part after the first.
  const shares = parts.map((p, n) => p.share ?? (n === 0 ? 10 - (parts.length - 1) : 1));
  const sum = shares.reduce((a, b) => a + b, 0);
  return parts.map(({ name }, n) => ({ name, share: shares[n]! / sum }));
}

/** The part of a row, by its prompt alone: rows of one prompt are never parted, in this file or another. */
export function partOfRow(row: DatasetRow, parts: readonly Part[]): number {
  const [first] = row.conversations;
  const end = first?.targets[0] ?? 0;
  const hash = createHash('sha256');
  for (const turn of first?.turns.slice(0, end) ?? [])
    hash.update(`${turn.role}\0${turn.content}\0`);
  const at = hash.digest().readUInt32BE(0) / 2 ** 32;
  let sum = 0;
  for (const [n, { share }] of parts.entries()) {
    sum += share;
    if (at < sum) return n;
  }
  return parts.length - 1;
}
