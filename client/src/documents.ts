import type { TextDocument, Uri } from 'vscode';

/** Documents that are synchronised with the server. */
export const SELECTOR = [
  { pattern: '**/*.{jsonl,ndjson,json,csv,tsv,md,markdown}' },
  { language: 'jsonl' },
  { scheme: 'untitled', language: 'json' },
  { scheme: 'untitled', language: 'markdown' },
];

const SURE = /\.(jsonl|ndjson|csv|tsv)$/i;
const MAYBE = /\.(json|md|markdown)$/i;
const TELLS =
  /"(?:chosen|rejected|messages|conversations|requests|completions?|responses?)"\s*:|^(?:#{1,6}[^\w\n]*|\*\*|__)?(?:user|human|assistant|copilot|github copilot)\b[*_]*:?/im;
const HEAD_LINES = 60;

/**
 * Is it worth starting the server for? The server looks closely; this only keeps it from running
 * beside every README and settings file.
 */
export function mayHoldData(document: TextDocument): boolean {
  if (document.uri.scheme === 'output' || document.uri.scheme === 'git') return false;
  if (document.languageId === 'jsonl' || SURE.test(document.uri.path)) return true;
  if (!MAYBE.test(document.uri.path)) return false;
  for (let n = 0; n < Math.min(document.lineCount, HEAD_LINES); n++) {
    if (TELLS.test(document.lineAt(n).text.slice(0, 4000))) return true;
  }
  return false;
}

export const isDataPath = (uri: Uri): boolean =>
  /\.(jsonl|ndjson|json|csv|tsv|md|markdown|parquet)(\.(gz|zst))?$/i.test(uri.path);

/** Files that no text editor shows: the audit reads them from disk. */
export const hasNoText = (uri: Uri): boolean => /\.(parquet|gz|zst)$/i.test(uri.path);
