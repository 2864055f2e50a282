import { fileURLToPath } from 'node:url';
import { UNPACKED } from '../protocol/index.js';
import { isPackedText } from '../datasets/formats.js';

/** The compressed file whose text a document shows; undefined where it shows none. */
export function packedUri(uri: string): string | undefined {
  const found = new RegExp(`^${UNPACKED}:(?://)?(/[^?#]*)\\?(\\w+)$`).exec(uri);
  return found ? `file://${found[1]}.${found[2]}` : undefined;
}

/** Under which a compressed file's text is shown; its own URI where it is none. */
export function shownUri(uri: string): string {
  const found = /^file:\/\/(\/.*)\.(\w+)$/.exec(uri);
  return found === null || !isPackedText(uri) ? uri : `${UNPACKED}:${found[1]}?${found[2]}`;
}

/** A file's path; undefined where the document is no file of this machine (untitled, virtual). */
export function pathOf(uri: string): string | undefined {
  try {
    if (uri.startsWith('file:')) return fileURLToPath(uri);
    const packed = packedUri(uri);
    return packed === undefined ? undefined : fileURLToPath(packed);
  } catch {
    return undefined;
  }
}

/** For messages and for detection by name; as it is written where its escapes are none. */
export function nameOf(uri: string): string {
  const name = uri.replace(/[?#].*$/, '');
  try {
    return (uri.startsWith('file:') ? pathOf(uri) : undefined) ?? decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Is it that document, or in that folder? */
export const isWithin = (uri: string, of: string): boolean =>
  uri === of || uri.startsWith(of.endsWith('/') ? of : `${of}/`);
