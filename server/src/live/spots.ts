import type { Place } from '../datasets/types.js';
import type { TextSpot } from '../protocol/index.js';

/** A place moved down by whole lines. */
export const spotAt = (place: Place, lines: number): TextSpot => ({
  line: place.line + lines,
  column: place.column,
  endLine: place.endLine + lines,
  endColumn: place.endColumn,
});

export const contains = (spot: TextSpot, line: number, column: number): boolean =>
  (line > spot.line || (line === spot.line && column >= spot.column)) &&
  (line < spot.endLine || (line === spot.endLine && column <= spot.endColumn));
