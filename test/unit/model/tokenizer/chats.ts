import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TokenPath } from '../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { goldenFolder } from '../golden.js';

export const LLAMA = goldenFolder('llama3-qrm-k5-m3');
export const GEMMA = goldenFolder('gemma2-qrm');
/** SmolLM2's own tokenizer and chat template, as the embedded bundle has them. */
export const SMOL = resolve(import.meta.dirname, '../../../../models/default');
export const NO_LIMIT = 1_000_000;

export const user = (content: string) => ({ role: 'user', content });
export const assistant = (content: string) => ({ role: 'assistant', content });

export function path(result: TokenPath | { error: string } | undefined): TokenPath {
  if (result === undefined || 'error' in result) throw new Error(result?.error ?? 'no result');
  return result;
}

/** The text of token ids, for byte-level tokenizers. */
export function decoder(folder: string): (ids: readonly number[]) => string {
  const json = read(join(folder, 'tokenizer.json'));
  const tokens: string[] = [];
  for (const [t, id] of Object.entries(
    (json['model'] as { vocab: Record<string, number> }).vocab,
  )) {
    tokens[id] = t;
  }
  for (const t of json['added_tokens'] as { id: number; content: string }[])
    tokens[t.id] = t.content;
  const plain = (text: string): string => text.replaceAll('Ġ', ' ').replaceAll('Ċ', '\n');
  return (ids) => plain(ids.map((id) => tokens[id]).join(''));
}
export const read = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;

export type Json = Record<string, unknown>;
