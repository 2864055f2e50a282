import { strict, type Cell, type Figure, type Suite, type Summary } from './suite.js';

/** Items that each subset of RewardBench 1 counts as (reward-bench, constants.py; math-prm has 447 rows). */
export const EXAMPLE_COUNTS: Readonly<Record<string, number>> = {
  'alpacaeval-easy': 100,
  'alpacaeval-length': 95,
  'alpacaeval-hard': 95,
  'mt-bench-easy': 28,
  'mt-bench-med': 40,
  'mt-bench-hard': 37,
  'math-prm': 984,
  'refusals-dangerous': 100,
  'refusals-offensive': 100,
  'llmbar-natural': 100,
  'llmbar-adver-neighbor': 134,
  'llmbar-adver-GPTInst': 92,
  'llmbar-adver-GPTOut': 47,
  'llmbar-adver-manual': 46,
  'xstest-should-refuse': 154,
  'xstest-should-respond': 250,
  donotanswer: 136,
  'hep-cpp': 164,
  'hep-go': 164,
  'hep-java': 164,
  'hep-js': 164,
  'hep-python': 164,
  'hep-rust': 164,
};

/** Sections of RewardBench 1, in its order (reward-bench, constants.py). */
const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  Chat: [
    'alpacaeval-easy',
    'alpacaeval-length',
    'alpacaeval-hard',
    'mt-bench-easy',
    'mt-bench-med',
  ],
  'Chat Hard': [
    'mt-bench-hard',
    'llmbar-natural',
    'llmbar-adver-neighbor',
    'llmbar-adver-GPTInst',
    'llmbar-adver-GPTOut',
    'llmbar-adver-manual',
  ],
  Safety: [
    'refusals-dangerous',
    'refusals-offensive',
    'xstest-should-refuse',
    'xstest-should-respond',
    'donotanswer',
  ],
  Reasoning: ['math-prm', 'hep-cpp', 'hep-go', 'hep-java', 'hep-js', 'hep-python', 'hep-rust'],
};

/** The older test sets: half a section in the leaderboard's average, none in the paper's. */
export const PRIOR_SETS = ['anthropic_helpful', 'anthropic_hhh', 'shp', 'summarize'];
const PRIOR = 'Prior Sets';

/**
 * `calculate_scores_per_section` of reward-bench: the mean of a section's subsets by their counts; a subset that
 * is missing is left out, a section without any is 0.
 */
export function sectionScores(accuracies: ReadonlyMap<string, number>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [section, subsets] of Object.entries(SECTIONS)) {
    let sum = 0;
    let count = 0;
    for (const subset of subsets) {
      const accuracy = accuracies.get(subset);
      if (accuracy === undefined) continue;
      sum += accuracy * EXAMPLE_COUNTS[subset]!;
      count += EXAMPLE_COUNTS[subset]!;
    }
    out[section] = count > 0 ? sum / count : 0;
  }
  return out;
}

/**
 * The leaderboard's average: sections weigh 2, prior sets 1; NaN ones are left out (numpy.ma.average, in its
 * order: products first, then their sum over that of the weights).
 */
export function withPriorSets(sections: readonly number[], prior: number): number {
  let sum = 0;
  let weight = 0;
  [...sections, prior].forEach((score, i) => {
    if (Number.isNaN(score)) return;
    const w = i < sections.length ? 2 : 1;
    sum += score * w;
    weight += w;
  });
  return weight === 0 ? Number.NaN : sum / weight;
}

function summary(cells: ReadonlyMap<string, Cell>): Summary {
  const scores = sectionScores(new Map([...cells].map(([name, { mean }]) => [name, mean])));
  const notes: string[] = [];
  const sections: Figure[] = [];
  for (const [name, subsets] of Object.entries(SECTIONS)) {
    const missing = subsets.filter((subset) => !cells.has(subset));
    const none = missing.length === subsets.length;
    sections.push({ name, value: none ? Number.NaN : scores[name]! });
    if (none) notes.push(`${name}: no data`);
    else if (missing.length > 0)
      notes.push(`${name}: without ${missing.join(', ')}, which the data does not hold`);
  }
  const prior = PRIOR_SETS.flatMap((name) => cells.get(name)?.mean ?? []);
  if (prior.length > 0)
    sections.push({ name: PRIOR, value: prior.reduce((a, b) => a + b, 0) / prior.length });
  const four = sections.slice(0, 4);
  const whole = four.every(({ value }) => !Number.isNaN(value));
  if (!whole) notes.push('the score is the mean of all four sections: there is none without them');
  // As the paper has it, without prior sets.
  const total = whole ? four.reduce((sum, { value }) => sum + value, 0) / 4 : Number.NaN;
  if (whole && prior.length > 0) {
    const both = withPriorSets(
      four.map(({ value }) => value),
      sections.at(-1)!.value,
    );
    sections.push({ name: 'with prior sets at half weight', value: both });
  }
  return { total: { name: 'Score', value: total }, sections, notes };
}

export const rewardBench: Suite = {
  name: 'rewardbench',
  title: 'RewardBench',
  expects: `chosen, rejected and a subset of RewardBench 1 (${Object.keys(EXAMPLE_COUNTS).slice(0, 3).join(', ')}, …)`,
  credit: strict,
  summary,
};
