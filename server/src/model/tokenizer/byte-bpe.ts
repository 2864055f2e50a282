type Json = Readonly<Record<string, unknown>>;

/**
 * GPT-2's printable stand-ins for the 256 bytes: visible Latin-1 characters stand for themselves, the
 * others for U+0100 and on in order (`bytes_to_unicode` in GPT-2's encoder.py).
 */
function byteCharacters(): string[] {
  let other = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(visible ? byte : other++);
  });
}

/**
 * Byte-level BPE on ids: the lowest-ranked pair is merged first, the leftmost of equals. The library does
 * the same on strings; for a pre-token of a megabyte (a run of spaces, base64) it takes half a minute.
 */
export class ByteBpe {
  readonly #utf8 = new TextEncoder();

  private constructor(
    private readonly bytes: Int32Array,
    /** left * size + right -> rank */
    private readonly ranks: ReadonlyMap<number, number>,
    /** rank -> id of the merged token */
    private readonly merged: Int32Array,
    private readonly size: number,
    /** With `ignore_merges`, a pre-token that is a token stays whole. */
    private readonly whole: ReadonlyMap<string, number> | undefined,
  ) {}

  /** Undefined where the model is more than plain BPE over bytes. */
  static of(model: Json): ByteBpe | undefined {
    const plain = ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix'];
    if (model['type'] !== 'BPE' || plain.some((key) => model[key])) return undefined;
    const vocab = new Map(Object.entries(model['vocab'] as Record<string, number>));
    const characters = byteCharacters();
    const bytes = Int32Array.from(characters, (c) => vocab.get(c) ?? -1);
    const merges = model['merges'] as (string | [string, string])[];
    const size = 1 + [...vocab.values()].reduce((a, b) => Math.max(a, b), 0);
    const ranks = new Map<number, number>();
    const merged = new Int32Array(merges.length);
    for (const [rank, merge] of merges.entries()) {
      const [left, right] = typeof merge === 'string' ? merge.split(' ') : merge;
      const [a, b, both] = [vocab.get(left!), vocab.get(right!), vocab.get(`${left}${right}`)];
      if (a === undefined || b === undefined || both === undefined) return undefined;
      // Of a pair listed twice the last rank counts, as in the library's map.
      ranks.set(a * size + b, rank);
      merged[rank] = both;
    }
    if (bytes.includes(-1) && model['unk_token'] != null) return undefined;
    let whole: Map<string, number> | undefined;
    if (model['ignore_merges'] === true) {
      whole = new Map();
      const byteOf = new Map(characters.map((c, byte) => [c, byte]));
      for (const [token, id] of vocab) {
        // Keyed by the bytes as Latin-1, so that a pre-token needs no stand-ins to be found.
        const codes = Array.from(token, (c) => byteOf.get(c));
        if (codes.includes(undefined)) continue;
        whole.set(String.fromCharCode(...(codes as number[])), id);
      }
    }
    return new ByteBpe(bytes, ranks, merged, size, whole);
  }

  /** The ids of one pre-token. */
  encode(word: string): number[] {
    const utf8 = this.#utf8.encode(word);
    if (this.whole !== undefined && utf8.length < 1024) {
      const id = this.whole.get(String.fromCharCode(...utf8));
      if (id !== undefined) return [id];
    }
    // A byte that is no token is dropped before merging, as the Rust library does without `unk_token`.
    const ids = Int32Array.from(utf8, (byte) => this.bytes[byte]!).filter((id) => id >= 0);
    const n = ids.length;
    // A doubly linked list; an id of -1 is a position that was merged into its left neighbour.
    const next = Int32Array.from({ length: n }, (_, i) => i + 1);
    const previous = Int32Array.from({ length: n }, (_, i) => i - 1);
    const heap = new MinHeap();
    const rank = (at: number): number => {
      const right = next[at]!;
      return right >= n ? -1 : (this.ranks.get(ids[at]! * this.size + ids[right]!) ?? -1);
    };
    const offer = (at: number): void => {
      const found = rank(at);
      // Rank first, then position: both fit exactly into a double.
      if (found >= 0) heap.push(found * 2 ** 31 + at);
    };
    for (let at = 0; at + 1 < n; at++) offer(at);
    for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
      const at = key % 2 ** 31;
      const wanted = (key - at) / 2 ** 31;
      if (ids[at] === -1 || rank(at) !== wanted) continue;
      const right = next[at]!;
      ids[at] = this.merged[wanted]!;
      ids[right] = -1;
      next[at] = next[right]!;
      if (next[at]! < n) previous[next[at]!] = at;
      offer(at);
      if (previous[at]! >= 0) offer(previous[at]!);
    }
    const out: number[] = [];
    for (let at = 0; at < n; at = next[at]!) out.push(ids[at]!);
    return out;
  }
}

/** A binary heap of numbers. */
class MinHeap {
  readonly #keys: number[] = [];

  push(key: number): void {
    const keys = this.#keys;
    let at = keys.push(key) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[at] = keys[parent]!;
      at = parent;
    }
    keys[at] = key;
  }

  pop(): number | undefined {
    const keys = this.#keys;
    const top = keys[0];
    const last = keys.pop();
    if (keys.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= keys.length) break;
      if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[at] = keys[child]!;
      at = child;
    }
    keys[at] = last;
    return top;
  }
}
