import { fit, pad, visible } from '../../audit/report/escape.js';
import {
  count,
  decimals,
  type EvaluationResult,
  type RatedResult,
  type RowResult,
  type SuiteResult,
} from '../../protocol/index.js';
import {
  comparisonWords,
  disagreementWords,
  distributionWords,
  percent,
  publishedFor,
  warnings,
  withInterval,
} from '../words.js';

/** The table for a terminal. */
export function* textReport(result: EvaluationResult): Generator<string> {
  for (const suite of result.suites) yield* suiteText(suite, result.settings.replicates);
  for (const rated of result.rated) yield* ratedText(rated);
  const words = disagreementWords(result);
  if (words.length > 0) yield '';
  for (const line of words) yield line;
}

/** Columns aligned: the first to the left, figures to the right. */
function* table(rows: readonly (readonly string[])[]): Generator<string> {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((r) => [...(r[c] ?? '')].length)));
  for (const row of rows)
    yield row
      .map((cell, c) => (c === 0 ? pad(cell, widths[c]!) : cell.padStart(widths[c]!)))
      .join('  ')
      .trimEnd();
}

const name = (text: string): string => fit(visible(text), 60);

function* suiteText(suite: SuiteResult, replicates: number): Generator<string> {
  yield `${suite.title}: ${count(suite.items)} items, ${count(suite.prompts)} prompts; percent right, 95 % intervals by prompt (${count(replicates)} resamples)`;
  const first = suite.rows[0]!;
  yield '';
  const own = !Number.isNaN(first.total.value);
  yield* table([
    ['', ...(own ? [first.total.name] : []), 'all items', ...first.sections.map((s) => s.name)],
    ...suite.rows.map((row) => [
      name(row.name),
      ...(own ? [withInterval(row.total)] : []),
      withInterval(row.accuracy),
      ...row.sections.map((s) => percent(s.value)),
    ]),
    ...publishedFor(suite).map(({ model, total, parts, source }) => [
      `${model} [${source}]`,
      ...(own ? [total.toFixed(1)] : []),
      own ? '' : `(${total.toFixed(1)})`,
      ...first.sections.map((_, s) => parts[s]?.toFixed(1) ?? ''),
    ]),
  ]);
  if (first.subsets.length > 1) {
    yield '';
    yield* table([
      [
        'subset',
        'items',
        ...suite.rows.map((_, n) => (suite.rows.length === 1 ? 'right' : `(${n + 1})`)),
      ],
      ...first.subsets.map((s, n) => [
        name(s.name),
        count(s.items),
        ...suite.rows.map((row) => withInterval(row.subsets[n]!)),
      ]),
    ]);
    if (suite.rows.length > 1)
      yield suite.rows.map((row, n) => `(${n + 1}) ${name(row.name)}`).join('  ');
  }
  const notes = warnings(suite);
  if (notes.length > 0) yield '';
  for (const note of notes) yield `Note: ${visible(note)}`;
  const compared = comparisonWords(suite);
  if (compared.length > 0) yield '';
  for (const line of compared) yield visible(line);
  for (const row of suite.rows) yield* rowText(row);
  yield '';
}

function* rowText(row: RowResult): Generator<string> {
  yield '';
  yield `${visible(row.name)} (${row.kind})`;
  const lengths = row.length.filter((l) => l.items > 0);
  yield `  Length: right where chosen is ${lengths.map((l) => `${l.chosen} ${percent(l.accuracy)} (${count(l.items)})`).join(', ')}`;
  if (row.reliability !== undefined) {
    const { ece, bias } = row.reliability;
    const how = bias < -0.005 ? 'too sure' : bias > 0.005 ? 'not sure enough' : 'about right';
    yield `  P(chosen beats rejected): expected calibration error ${decimals(ece)}, ${how} by ${decimals(Math.abs(bias))} on average`;
  }
  for (const words of distributionWords(row)) yield `  ${words}`;
  if (row.judge !== undefined) {
    const j = row.judge;
    const orders = Number.isNaN(j.consistent)
      ? ''
      : `, ${percent(j.first)} % of verdicts for the response shown first, both orders agree on ${percent(j.consistent)} %`;
    yield `  Judge: ${count(j.games)} questions, ${count(j.unparsed)} answers not understood${orders}; ${count(j.promptTokens)} + ${count(j.completionTokens)} tokens, ${count(j.cached)} answers from the cache`;
  }
}

function* ratedText({ name: model, attributes }: RatedResult): Generator<string> {
  yield `Rated responses, by ${visible(model)}`;
  yield '';
  yield* table([
    ['attribute', 'by', 'responses', 'labels', 'rank corr.', 'of reward', 'AUROC', 'pinball', 'constant', 'coverage miss'], // prettier-ignore
    ...attributes.map((a) => [
      name(a.attribute),
      a.predictedBy,
      count(a.figures.responses),
      count(a.figures.labels),
      decimals(a.figures.rankCorrelation),
      decimals(a.rewardRankCorrelation),
      a.figures.auroc === undefined ? '' : decimals(a.figures.auroc),
      decimals(a.figures.pinball),
      decimals(a.figures.baseline),
      decimals(a.figures.quantileMiss),
    ]),
  ]);
  yield '';
  yield 'pinball: mean pinball loss of labels scaled to [0, 1]; constant: of the best constant quantiles, which a model must beat; coverage miss: by how much the worst level misses what defines a quantile (0: calibrated)';
  if (attributes.some((a) => a.predictedBy === 'reward'))
    yield 'by reward: the model has no head of that name, so pinball and coverage are those of its reward, in another unit than the labels';
}
