import { finish, mix } from './murmur.js';

/** Of each UTF-16 unit: 0 parts words, 1 is part of one, 2 is one (scripts without spaces, and what needs two units). */
let kinds: Uint8Array | undefined;
function kindsOfUnits(): Uint8Array {
  const made = new Uint8Array(1 << 16);
  const alone =
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
  for (let unit = 0; unit < made.length; unit++) {
    const text = String.fromCharCode(unit);
    if ((unit >= 0xd800 && unit < 0xe000) || alone.test(text)) made[unit] = 2;
    else if (/[\p{L}\p{M}\p{N}]/u.test(text)) made[unit] = 1;
  }
  return made;
}

/** Tells the hash of each word of a text, whatever its case and what stands between words. */
export function eachWord(text: string, tell: (hash: number) => void): void {
  kinds ??= kindsOfUnits();
  const plain = text.normalize('NFKC').toLowerCase();
  let [hash, length] = [0, 0];
  for (let at = 0; at < plain.length; at++) {
    const unit = plain.charCodeAt(at);
    const kind = kinds[unit];
    if (kind !== 1 && length > 0) {
      tell(finish(hash, length));
      hash = length = 0;
    }
    if (kind === 1) {
      hash = mix(hash, unit);
      length++;
    } else if (kind === 2) tell(finish(mix(0, unit), 1));
  }
  if (length > 0) tell(finish(hash, length));
}
