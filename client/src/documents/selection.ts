interface Place {
  readonly line: number;
  readonly character: number;
}

/**
 * Lines of which something is selected, from 0, both ends included. Whole lines are selected up to
 * column 0 of the next one, which is not meant; an empty selection means its line.
 */
export function selectedLines(
  selections: readonly { readonly start: Place; readonly end: Place }[],
): {
  from: number;
  to: number;
}[] {
  return selections.map(({ start, end }) => ({
    from: start.line,
    to: end.character === 0 && end.line > start.line ? end.line - 1 : end.line,
  }));
}
