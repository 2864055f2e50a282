import { percent } from '../../protocol/index.js';
import { attributeCells, coverageRange } from './attribute-cells.js';
import { error, table } from './card-format.js';
import type { Accuracy, TrainingFigures } from '../pipeline/figures/figures.js';

export interface CardTexts {
  readonly licence?: string;
  /** Markdown that the config's owner adds: what the data is, who rated it, what was found by reading. */
  readonly notes?: string;
}

/** The model card in Markdown, with the figures of this run and no other. */
export function modelCard(figures: TrainingFigures, texts: CardTexts = {}): string {
  const { model, settings: s, attributes } = figures;
  const front = texts.licence ? `---\nlicense: ${texts.licence.toLowerCase()}\n---\n\n` : '';
  return `${front}# ${model.name}

A quantile reward model (QRM, Dorka 2024), trained by \`qrm train\`. All figures below are of that run.

${texts.notes ? `${texts.notes.trim()}\n\n` : ''}## What it computes

- Backbone: ${model.backbone}, frozen, ${model.layers} of its ${model.totalLayers} layers and the final norm; features for
  training in ${model.precision}.
- ${attributes.length} attributes, each with ${s.levels.length} quantiles at the levels ${s.levels[0]!.toFixed(3)} to ${s.levels.at(-1)!.toFixed(3)}. Labels are scaled to [0, 1]:
  0 is worst, 1 is best, and so is the unit of every score.
- Gate: ${s.gate}.
- Verbosity adjustment: ${verbosityInWords(figures)}.
- Heads: linear quantile regression, pinball loss with L1, ${s.components > 0 ? `on ${s.components} principal components of the features, the first` : 'features'} scaled to a standard deviation of ${s.featureScale}${s.bandwidth > 0 ? `, weights smoothed over ${s.bandwidth} level` : ''};
  every rater's label is a sample of its own.

## Data

${table(
  ['file', 'records', 'used', 'too long', 'left out', 'SHA-256'],
  figures.files.map((f) => [
    f.file,
    String(f.records),
    String(f.used),
    String(f.tooLong),
    String(f.problems),
    `\`${f.sha256.slice(0, 16)}\``,
  ]),
)}

${(100 * s.heldOut).toFixed(0)} % of the prompts are held out by a hash of the prompt (seed ${s.seed}), in every file alike: no prompt is in
training and test. Choices were made by ${s.folds}-fold cross-validation on training prompts.

## Held-out figures of the attributes

Baseline: the best constant quantiles of the training labels. A ratio below 1 is better than they are.

${table(
  ...attributeCells(attributes, {
    attribute: 'name',
    'trained on': 'trainedOn',
    'judged on': 'judgedOn',
    labels: 'labels',
    'pinball loss': 'pinball',
    constant: 'constant',
    ratio: 'ratio',
    'cross-validated ratio': 'crossValidatedRatio',
    'rank correlation': 'rankCorrelation',
    AUROC: 'auroc',
    crossings: 'crossings',
  }),
)}

Rank correlation: Spearman's, of the expectation with the raters' mean. Crossings: share of neighbouring levels in
the wrong order; displays and tail statistics sort them.
${byResponse(figures)}${dropped(figures)}${parts(figures)}
### Coverage

Share of held-out labels at or below each predicted quantile (within 0.01), with its 95 % interval. Where labels
take few values no model can have the level itself; what a quantile must meet is that the share of labels below it is
at most the level, the share at or below it at least the level. "Miss" is by how much the worst level fails that.

${table(
  ['level', ...attributes.map((a) => a.name)],
  [
    ...s.levels.map((level, k) => [
      level.toFixed(2),
      ...attributes.map((a) => {
        const [low, high] = coverageRange(a, k);
        return `${a.coverage[k]!.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
      }),
    ]),
    ['miss', ...attributes.map((a) => a.quantileMiss.toFixed(3))],
    ['values', ...attributes.map((a) => String(a.values))],
  ],
)}

## Preference pairs

Share of pairs whose chosen response has the higher expectation, one standard error behind ±. Held-out pairs are
ranked by the model as it is; training pairs by heads and gates of the other folds.

${table(
  [
    'source',
    'held-out pairs',
    'accuracy',
    'training pairs',
    'cross-fitted accuracy',
    'largest gate weights',
  ],
  figures.sources.map((x) => [
    x.source,
    String(x.heldOut?.pairs ?? 0),
    share(x.heldOut),
    String(x.training?.pairs ?? 0),
    share(x.training),
    largest(x.gate, attributes),
  ]),
)}

${means(figures)}
${figures.notes.map((n) => `- ${n}\n`).join('')}
## What it must not be used for

- As a safety filter, or to decide about people: it is a ranking aid with the error rates above.
- On text unlike the files above (other languages, other lengths, other tasks) without a check of one's own.
- As the only reward of a policy's training: what it misses is found by optimisation.
`;
}

function share(a: Accuracy | undefined): string {
  return a ? `${percent(a.accuracy)} ${error(a.accuracy, a.pairs)}` : '';
}

function largest(gate: readonly number[], attributes: TrainingFigures['attributes']): string {
  return gate
    .map((w, m) => ({ w, name: attributes[m]!.name }))
    .sort((a, b) => b.w - a.w)
    .slice(0, 3)
    .filter(({ w }) => w >= 0.05)
    .map(({ w, name }) => `${name} ${w.toFixed(2)}`)
    .join(', ');
}

function means({ sources }: TrainingFigures): string {
  const mean = (pick: (s: TrainingFigures['sources'][number]) => Accuracy | undefined): string => {
    const found = sources.flatMap((s) => pick(s)?.accuracy ?? []);
    return found.length > 0 ? percent(found.reduce((a, b) => a + b, 0) / found.length) : '-';
  };
  if (sources.length === 0) return 'No pairs were given.';
  return `Mean over the sources: ${mean((s) => s.heldOut)} held out, ${mean((s) => s.training)} cross-fitted.`;
}

function byResponse({ attributes }: TrainingFigures): string {
  const names = attributes.filter((a) => a.byResponse).map((a) => a.name);
  if (names.length === 0) return '';
  return `\nOf ${names.join(', ')} every response counts alike, however many raters it has; of the others every label.\n`;
}

/** Attributes that are put together from several sources, each source by itself. */
function parts({ attributes }: TrainingFigures): string {
  const all = attributes.flatMap((a) => a.parts);
  if (all.length === 0) return '';
  const cells = table(
    ...attributeCells(all, {
      attribute: 'name',
      source: 'source',
      'trained on': 'trainedOn',
      'judged on': 'judgedOn',
      labels: 'labels',
      'pinball loss': 'pinball',
      "source's constant": 'constant',
      ratio: 'ratio',
      'rank correlation': 'rankCorrelation',
      AUROC: 'auroc',
    }),
  );
  return `
### Attributes of several sources

Labels of one meaning are one attribute. Each source by itself, against the best constant quantiles of that source alone:
what tells the sources apart counts above and does not count here.

${cells}
`;
}

function dropped({ dropped: d }: TrainingFigures): string {
  if (d.length === 0) return '';
  return `\nFitted and left out: ${d.map(({ name, reason }) => `${name} (${reason})`).join('; ')}.\n`;
}

function verbosityInWords({ settings, attributes }: TrainingFigures): string {
  if (settings.verbosity === 'none') return 'none (T is the identity)';
  const list = attributes
    .filter((a) => a.name !== settings.verbosity)
    .map((a) => `${a.name} ${a.penalty}`);
  return `the multiples of ${settings.verbosity} that are taken off: ${list.join(', ')}`;
}
