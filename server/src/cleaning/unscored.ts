import {
  emptyAudit,
  Ledger,
  problemFinding,
  runRules,
  seeksNearDuplicates,
  type Audit,
  type AuditSource,
  type Thresholds,
} from '../audit/index.js';
import type { EvaluatorInfo } from '../engine/types.js';
import { DEFAULT_LAMBDA, DEFAULT_TAU } from '../qrm/index.js';
import { slotsOf } from '../session/slots.js';

/** What a table of responses is of, where no model is asked. */
export const noModel = (): EvaluatorInfo => ({
  spec: { attributes: [], levels: [0.5] },
  modelName: '',
  modelHash: '',
  precision: '',
  executionProvider: '',
  maxTokens: 0,
});

/** An audit of what needs no model: which responses are there, and what could not be read. */
export async function unscoredAudit(
  sources: readonly AuditSource[],
  thresholds: Thresholds,
  onRow: (file: number, end: number) => void,
): Promise<Audit> {
  const tau = DEFAULT_TAU;
  const ledger = new Ledger(noModel(), {
    tau,
    lambda: DEFAULT_LAMBDA,
    sketches: seeksNearDuplicates(thresholds),
  });
  const { table } = ledger;
  const limits = { thresholds, tau };
  const audit = emptyAudit(sources, table, limits, function* ({ problems }) {
    yield* problems;
    for (const finding of runRules({ table, ...limits }))
      if (finding.code !== 'unscored') yield finding;
  });
  for (const [file, source] of sources.entries()) {
    for await (const event of source.open()) {
      if (event.type === 'row') {
        ledger.add(event.row.index, slotsOf(event.row), file);
        onRow(file, event.row.place.end);
      } else {
        audit.problems.push(problemFinding(file, event.problem));
        if (event.problem.code === 'unreadable') audit.unreadable.set(file, event.problem.message);
      }
    }
  }
  return audit;
}
