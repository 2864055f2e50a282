import { fileURLToPath } from 'node:url';

/** A file's path; undefined where the document is no file of this machine (untitled, virtual). */
export function pathOf(uri: string): string | undefined {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : undefined;
  } catch {
    return undefined;
  }
}

/** For messages and for detection by name. */
export const nameOf = (uri: string): string =>
  pathOf(uri) ?? decodeURIComponent(uri.replace(/[?#].*$/, ''));
