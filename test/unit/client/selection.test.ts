import { describe, expect, it } from 'vitest';
import { selectedLines } from '../../../client/src/documents/selection.js';

const at = (line: number, character: number) => ({ line, character });

describe('the lines of a selection', () => {
  it('leave out a last line of which nothing is selected', () => {
    expect(selectedLines([{ start: at(3, 0), end: at(6, 0) }])).toEqual([{ from: 3, to: 5 }]);
  });

  it('hold a line of which a part is selected', () => {
    expect(selectedLines([{ start: at(3, 7), end: at(6, 1) }])).toEqual([{ from: 3, to: 6 }]);
  });

  it('are the line of the cursor when nothing is selected, wherever it stands', () => {
    const cursors = [at(4, 0), at(9, 12)].map((place) => ({ start: place, end: place }));
    expect(selectedLines(cursors)).toEqual([
      { from: 4, to: 4 },
      { from: 9, to: 9 },
    ]);
  });
});
