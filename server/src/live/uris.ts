import { fileURLToPath } from 'node:url';

/** A file's path; undefined where the document is no file of this machine (untitled, virtual). */
export function pathOf(uri: string): string | undefined {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : undefined;
  } catch {
    return undefined;
  }
}

/** For messages and for detection by name; as it is written where its escapes are none. */
export function nameOf(uri: string): string {
  const name = uri.replace(/[?#].*$/, '');
  try {
    return pathOf(uri) ?? decodeURIComponent(name);
  } catch {
    return name;
  }
}
