import type { Range } from 'vscode-languageserver';
import type { TextSpot } from '../../protocol/index.js';

export const toRange = (spot: TextSpot): Range => ({
  start: { line: spot.line, character: spot.column },
  end: { line: spot.endLine, character: spot.endColumn },
});
