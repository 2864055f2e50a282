import { count } from '../protocol/index.js';
import { csvCell, pad, strictJson, visible } from '../audit/report/index.js';
import { LEAKS, type Comparison, type LeakKind, type RowPlace } from './leaks.js';

export const COMPARISON_FORMATS = ['text', 'json', 'csv'] as const;
export type ComparisonFormat = (typeof COMPARISON_FORMATS)[number];

export interface ComparisonNames {
  /** The data sets as they were named. */
  readonly a: string;
  readonly b: string;
  /** Of each file, in the order in which they were read. */
  readonly files: readonly string[];
  readonly near: number;
}

const WORDS: Readonly<Record<LeakKind, string>> = {
  'contradicting-label': 'the same two responses with the opposite label',
  'shared-response': 'a response and all that stands before it',
  'near-duplicate': 'nearly the same response to nearly the same prompt',
  'shared-prompt': 'the prompt',
  'near-prompt': 'nearly the same prompt',
};
const share = (n: number, of: number): string => (of === 0 ? '–' : `${((100 * n) / of).toFixed(1)} %`); // prettier-ignore

/** @param listed each row that shares something, besides the counts */
export function renderComparison(
  format: ComparisonFormat,
  comparison: Comparison,
  names: ComparisonNames,
  listed: boolean,
): Iterable<string> {
  if (format === 'json') return jsonLines(comparison, names, listed);
  return format === 'csv'
    ? csvLines(comparison, names, listed)
    : textLines(comparison, names, listed);
}

function* textLines(c: Comparison, names: ComparisonNames, listed: boolean): Generator<string> {
  const [a, b] = [visible(names.a), visible(names.b)];
  const wide = Math.max(a.length, b.length);
  for (const [name, side] of [
    [a, c.a],
    [b, c.b],
  ] as const)
    // prettier-ignore
    yield `${pad(name, wide)}  ${count(side.rows)} rows, ${count(side.responses)} responses, ${count(side.prompts)} prompts`;
  yield '';
  yield `Rows of ${b} that share with ${a}:`;
  const lines = LEAKS.filter((kind) => names.near > 0 || !kind.startsWith('near')).map((kind) => [kind, c.counts[kind], WORDS[kind]] as const); // prettier-ignore
  for (const [kind, n, words] of [...lines, ['any', c.leaks.length, 'any of these'] as const])
    yield `  ${kind.padEnd(20)}${count(n).padStart(9)}${share(n, c.b.rows).padStart(9)}   ${words}`;
  if (!listed || c.leaks.length === 0) return;
  yield '';
  const at = ({ file, line }: RowPlace) => `${visible(names.files[file] ?? '')}:${line + 1}`;
  for (const leak of c.leaks) yield `${at(leak)}: ${leak.kinds.join(', ')}: ${at(leak.of)}`;
}

const placed = ({ file, row, line }: RowPlace, { files }: ComparisonNames) => ({
  file: files[file] ?? '',
  row: row + 1,
  line: line + 1,
});

function* jsonLines(c: Comparison, names: ComparisonNames, listed: boolean): Generator<string> {
  const head = strictJson(
    {
      a: { name: names.a, ...c.a },
      b: { name: names.b, ...c.b },
      nearDuplicate: names.near,
      counts: c.counts,
      any: c.leaks.length,
    },
    2,
  );
  if (!listed) return yield head;
  yield `${head.slice(0, -2)},`;
  yield '  "leaks": [';
  for (const [n, leak] of c.leaks.entries())
    yield `    ${strictJson({ kinds: leak.kinds, ...placed(leak, names), of: placed(leak.of, names) })}${n < c.leaks.length - 1 ? ',' : ''}`;
  yield '  ]';
  yield '}';
}

function* csvLines(c: Comparison, names: ComparisonNames, listed: boolean): Generator<string> {
  if (!listed) {
    yield 'leak,rows,share';
    for (const [kind, n] of [...Object.entries(c.counts), ['any', c.leaks.length] as const])
      yield `${kind},${n},${c.b.rows === 0 ? '' : n / c.b.rows}`;
    return;
  }
  yield 'kinds,file,row,line,of_file,of_row,of_line';
  for (const leak of c.leaks) {
    const [at, of] = [placed(leak, names), placed(leak.of, names)];
    yield [leak.kinds.join(' '), at.file, at.row, at.line, of.file, of.row, of.line].map(csvCell).join(','); // prettier-ignore
  }
}
