import { decimals } from '../../../../server/src/protocol/index.js';
import type { Layer } from '../../charts/plot.js';
import type { Role } from '../../charts/theme.js';
import type { Selection } from '../../data/brush.js';
import type { Document } from '../../data/documents.js';

/** What is brushed in each document; undefined: no brush. */
export type Selections = readonly (Selection | undefined)[];

/** The first document has the chart's own colour, one compared with it another. */
export const SECOND: Role = 'other';

/** Where the rule low-left-tail begins to report. */
export function limitRules(documents: readonly Document[], axis: 'x' | 'y'): Layer[] {
  return documents.flatMap((d, n): Layer[] => {
    const limit = d.summary.thresholds.find((t) => t.code === 'low-left-tail');
    if (limit?.value == null || !Number.isFinite(limit.value)) return [];
    const label = `reported at or below ${decimals(limit.value)}`;
    return [
      {
        type: 'rule',
        axis,
        value: limit.value,
        colour: n === 0 ? 'text' : SECOND,
        dash: [4, 3],
        opacity: 0.8,
        label,
        level: n,
      },
    ];
  });
}
