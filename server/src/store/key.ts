import * as crypto from 'node:crypto';

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
  if (
    tool_calls === undefined &&
    tool_call_id === undefined &&
    name === undefined &&
    unread?.digest === undefined
  )
    return '';
  return JSON.stringify([tool_calls, tool_call_id, name, unread?.digest]);
}

/** Bytes of a key. 128 bits: two different texts never meet, even over billions of entries. */
export const KEY_BYTES = 16;

/** The first bytes of SHA-256. Most texts are short: making a hash object of each takes longer than its hash. */
function sha256(bytes: Uint8Array): Buffer {
  // Early Node 20 has no `hash`.
  const { hash } = crypto as { hash?: typeof crypto.hash };
  if (hash === undefined)
    return crypto.createHash('sha256').update(bytes).digest().subarray(0, KEY_BYTES);
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key.write(hash('sha256', bytes, 'binary'), 'binary');
  return key;
}

/** Bytes that are kept between two texts. */
const ROOM = 1 << 16;
let room = Buffer.allocUnsafe(ROOM);

/** Bytes of a message's longest part besides its texts: two lengths and their signs. */
const LENGTHS = 48;

/**
 * The identity of a text, without the model: SHA-256 of the messages up to and including the target,
 * first 16 bytes. Each field is preceded by its length, so no two lists of messages read the same.
 * Lone surrogates hash by their UTF-16 code units: two different broken texts stay different.
 */
export function contentHash(messages: readonly KeyMessage[], target: number): Buffer {
  let at = 0;
  for (let i = 0; i <= target; i++) {
    const message = messages[i];
    if (message === undefined) throw new RangeError(`target ${target}: only ${i} messages`);
    const { role, content } = message;
    const more = rest(message);
    const need = at + 2 * (role.length + content.length + more.length) + LENGTHS;
    if (need > room.length) {
      const wider = Buffer.allocUnsafe(2 * need);
      room.copy(wider, 0, 0, at);
      room = wider;
    }
    at += room.write(`${role.length}:${content.length}:`, at, 'latin1');
    at += room.write(role, at, 'utf16le');
    at += room.write(content, at, 'utf16le');
    if (more === '') continue;
    at += room.write(`+${more.length}:`, at, 'latin1');
    at += room.write(more, at, 'utf16le');
  }
  const hash = sha256(room.subarray(0, at));
  if (room.length > ROOM) room = Buffer.allocUnsafe(ROOM);
  return hash;
}

/** What stands before the content in what `scoreKey` hashes; of one model all keys of a run are. */
let model = { hash: '', bytes: Buffer.alloc(0) };

/** The key of a score: the content and the model that scored it (EvaluatorInfo.modelHash). */
export function scoreKey(modelHash: string, content: Uint8Array): Buffer {
  if (model.hash !== modelHash || model.bytes.length === 0)
    model = { hash: modelHash, bytes: Buffer.from(`${modelHash.length}:${modelHash}`) };
  const { bytes } = model;
  bytes.copy(room);
  room.set(content, bytes.length);
  return sha256(room.subarray(0, bytes.length + content.length));
}
