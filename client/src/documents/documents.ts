import type { TextDocument, Uri } from 'vscode';
import {
  COMPRESSIONS,
  compressionOfName,
  containerOfName,
  CONTAINERS,
  factsOf,
  isDataName,
  isText,
} from '../../../server/src/datasets/formats.js';

/** Documents that are synchronised with the server. */
export const SELECTOR = [
  {
    pattern: `**/*.{${CONTAINERS.filter(isText)
      .flatMap((c) => factsOf(c).endings)
      .join(',')}}`,
  },
  { language: 'jsonl' },
  { scheme: 'untitled', language: 'json' },
  { scheme: 'untitled', language: 'markdown' },
];

const TELLS =
  /"(?:chosen|rejected|messages|conversations|requests|completions?|responses?)"\s*:|^(?:#{1,6}[^\w\n]*|\*\*|__)?(?:user|human|assistant|copilot|github copilot)\b[*_]*:?/im;
const HEAD_LINES = 60;

/**
 * Is it worth starting the server for? The server looks closely; this only keeps it from running
 * beside every README and settings file.
 */
export function mayHoldData(document: TextDocument): boolean {
  if (document.uri.scheme === 'output' || document.uri.scheme === 'git') return false;
  const { path } = document.uri;
  const container = isDataName(path) ? containerOfName(path) : undefined;
  if (document.languageId === 'jsonl') return true;
  if (container === undefined || !isText(container) || compressionOfName(path) !== 'none')
    return false;
  // JSON and Markdown are mostly something else.
  if (container !== 'json' && factsOf(container).holds !== 'prose') return true;
  for (let n = 0; n < Math.min(document.lineCount, HEAD_LINES); n++) {
    if (TELLS.test(document.lineAt(n).text.slice(0, 4000))) return true;
  }
  return false;
}

export const isDataPath = (uri: Uri): boolean => isDataName(uri.path);

/** What a dialog that opens a data set offers. */
export const DIALOG_ENDINGS = [
  ...CONTAINERS.flatMap((c) => factsOf(c).endings),
  ...Object.values(COMPRESSIONS).flatMap(({ endings }) => endings),
];
