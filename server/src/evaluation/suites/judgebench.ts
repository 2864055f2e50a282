import { accuracyOf, strict, type Suite } from './suite.js';

/** The parts that JudgeBench reports, by the beginning of an item's `source`. */
const PARTS: readonly (readonly [string, string])[] = [
  ['mmlu-pro', 'Knowledge'],
  ['livebench-reasoning', 'Reasoning'],
  ['livebench-math', 'Math'],
  ['livecodebench', 'Coding'],
];

export const judgeBenchPart = (source: string): string =>
  PARTS.find(([prefix]) => source.startsWith(prefix))?.[1] ?? source;

/** `A>B`, `B>A`; their written variants `A >> B` too. Undefined where none of both is preferred. */
export function judgeBenchLabel(label: unknown): 'A' | 'B' | undefined {
  const found = /^\s*\[*([AB])\s*>{1,2}\s*([AB])\]*\s*$/.exec(
    typeof label === 'string' ? label : '',
  );
  return found !== null && found[1] !== found[2] ? (found[1] as 'A' | 'B') : undefined;
}

/**
 * A judge's two games: for each game 1 where the right response won, -1 where the wrong one did, 0 for a tie or
 * an answer that was not understood; right when both together prefer the right one.
 */
export const twoGames = (first: number, second: number): number => (first + second > 0 ? 1 : 0);

export const judgeBench: Suite = {
  name: 'judgebench',
  title: 'JudgeBench',
  expects: 'question, response_A, response_B and a label "A>B" or "B>A"',
  credit: strict,
  summary: (cells) => accuracyOf('Overall', cells),
};
