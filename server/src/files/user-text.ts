import { readFileSync } from 'node:fs';

/**
 * The text of a small file that somebody wrote by hand. Editors and shells on Windows begin such files
 * with a byte order mark, and PowerShell's `>` writes UTF-16: neither is part of the text.
 */
export function decodeUserText(bytes: Uint8Array): string {
  const [a, b] = bytes;
  const utf16 = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : '';
  // A decoder leaves the mark out.
  return new TextDecoder(utf16 === '' ? 'utf-8' : utf16).decode(bytes);
}

/** @throws what reading the file throws */
export const readUserText = (path: string): string => decodeUserText(readFileSync(path));
