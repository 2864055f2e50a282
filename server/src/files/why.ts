import { messageOf } from '../errors.js';

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file: a part of its path is no folder',
  EISDIR: 'a folder, expected a file',
  EACCES: 'it may not be read by you',
};

/** Why a file cannot be read, in words that go after its name. @param error of the system */
export const whyUnread = (error: unknown): string =>
  WORDS[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
