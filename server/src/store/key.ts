import { createHash } from 'node:crypto';

/** A message as it enters a key: structurally the engine's ChatMessage (the store stands alone). */
export interface KeyMessage {
  readonly role: string;
  readonly content: string;
  readonly tool_calls?: readonly unknown[];
  readonly tool_call_id?: string;
  readonly name?: string;
  /** What the message holds besides text. */
  readonly unread?: { readonly digest?: string };
}

/** What a message is besides role and text; empty for most. */
function rest({ tool_calls, tool_call_id, name, unread }: KeyMessage): string {
  const all = [tool_calls, tool_call_id, name, unread?.digest];
  return all.some((x) => x !== undefined) ? JSON.stringify(all) : '';
}

/** Bytes of a key. 128 bits: two different texts never meet, even over billions of entries. */
export const KEY_BYTES = 16;

/**
 * The identity of a text, without the model: SHA-256 of the messages up to and including the target,
 * first 16 bytes. Each field is preceded by its length, so no two lists of messages read the same.
 * Lone surrogates hash by their UTF-16 code units: two different broken texts stay different.
 */
export function contentHash(messages: readonly KeyMessage[], target: number): Buffer {
  const hash = createHash('sha256');
  for (let i = 0; i <= target; i++) {
    const message = messages[i];
    if (message === undefined) throw new RangeError(`target ${target}: only ${i} messages`);
    hash.update(`${message.role.length}:${message.content.length}:`);
    hash.update(message.role, 'utf16le');
    hash.update(message.content, 'utf16le');
    const more = rest(message);
    if (more !== '') hash.update(`+${more.length}:`).update(more, 'utf16le');
  }
  return hash.digest().subarray(0, KEY_BYTES);
}

/** The key of a score: the content and the model that scored it (EvaluatorInfo.modelHash). */
export function scoreKey(modelHash: string, content: Uint8Array): Buffer {
  return createHash('sha256')
    .update(`${modelHash.length}:${modelHash}`)
    .update(content)
    .digest()
    .subarray(0, KEY_BYTES);
}
