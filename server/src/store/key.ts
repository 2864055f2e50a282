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
/** The messages that stand in `room`, and where each ends: those of one row share their beginning. */
const held: { messages: KeyMessage[]; ends: number[] } = { messages: [], ends: [] };

/** Bytes of a message's longest part besides its texts: two lengths and their signs. */
const LENGTHS = 48;
/** A shorter text is written by hand sooner than by a call. */
const SHORT = 16;

function writeNumber(n: number, at: number): number {
  if (n >= 10) at = writeNumber(Math.floor(n / 10), at);
  room[at] = 48 + (n % 10);
  return at + 1;
}

function writeText(text: string, at: number): number {
  if (text.length > SHORT) return at + room.write(text, at, 'utf16le');
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    room[at++] = unit & 0xff;
    room[at++] = unit >> 8;
  }
  return at;
}

function writeMessage(message: KeyMessage, from: number): number {
  const { role, content } = message;
  const more = rest(message);
  const need = from + 2 * (role.length + content.length + more.length) + LENGTHS;
  if (need > room.length) {
    const wider = Buffer.allocUnsafe(2 * need);
    room.copy(wider, 0, 0, from);
    room = wider;
  }
  let at = writeNumber(role.length, from);
  room[at++] = COLON;
  at = writeNumber(content.length, at);
  room[at++] = COLON;
  at = writeText(content, writeText(role, at));
  if (more === '') return at;
  room[at++] = PLUS;
  at = writeNumber(more.length, at);
  room[at++] = COLON;
  return writeText(more, at);
}

const COLON = 0x3a;
const PLUS = 0x2b;

/**
 * The identity of a text, without the model: SHA-256 of the messages up to and including the target,
 * first 16 bytes. Each field is preceded by its length, so no two lists of messages read the same.
 * Lone surrogates hash by their UTF-16 code units: two different broken texts stay different.
 */
export function contentHash(messages: readonly KeyMessage[], target: number): Buffer {
  const { messages: known, ends } = held;
  let i = 0;
  while (i <= target && i < known.length && messages[i] === known[i]) i++;
  known.length = ends.length = i;
  let at = ends[i - 1] ?? 0;
  for (; i <= target; i++) {
    const message = messages[i];
    if (message === undefined) throw new RangeError(`target ${target}: only ${i} messages`);
    at = writeMessage(message, at);
    known.push(message);
    ends.push(at);
  }
  const hash = sha256(room.subarray(0, at));
  if (room.length > ROOM) {
    room = Buffer.allocUnsafe(ROOM);
    known.length = ends.length = 0;
  }
  return hash;
}

/** What stands before the content in what `scoreKey` hashes, and room for that; of one model all keys of a run are. */
let model = { hash: '', bytes: Buffer.alloc(0), before: 0 };

/** The key of a score: the content and the model that scored it (EvaluatorInfo.modelHash). */
export function scoreKey(modelHash: string, content: Uint8Array): Buffer {
  if (model.hash !== modelHash || model.bytes.length !== model.before + content.length) {
    const before = Buffer.from(`${modelHash.length}:${modelHash}`);
    const bytes = Buffer.concat([before, content]);
    model = { hash: modelHash, bytes, before: before.length };
  } else model.bytes.set(content, model.before);
  return sha256(model.bytes);
}
