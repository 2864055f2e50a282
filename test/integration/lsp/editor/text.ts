import type { Range, TextEdit } from 'vscode-languageserver-protocol/node.js';

/** The text of a range; columns in UTF-16 units, as JavaScript's strings have them. */
export function textAt(text: string, { start, end }: Range): string {
  const lines = text.split(/\r\n|\r|\n/);
  if (start.line === end.line)
    return (lines[start.line] ?? '').slice(start.character, end.character);
  return [
    (lines[start.line] ?? '').slice(start.character),
    ...lines.slice(start.line + 1, end.line),
    (lines[end.line] ?? '').slice(0, end.character),
  ].join('\n');
}

/** Applies edits as an editor does: all ranges are of the text before. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const starts = [0];
  for (const m of text.matchAll(/\r\n|\r|\n/g)) starts.push(m.index + m[0].length);
  const offset = (p: Range['start']) => (starts[p.line] ?? text.length) + p.character;
  return [...edits]
    .sort((a, b) => offset(b.range.start) - offset(a.range.start))
    .reduce(
      (t, e) => t.slice(0, offset(e.range.start)) + e.newText + t.slice(offset(e.range.end)),
      text,
    );
}
