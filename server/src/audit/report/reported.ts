import type { Place } from '../../datasets/types.js';
import type { Finding } from '../finding.js';
import type { Audit } from '../index.js';
import type { Limits } from '../limits.js';

/** An audit to report on: one that has ended, or one whose text moves and whose responses come and go. */
export interface ReportedAudit extends Pick<
  Audit,
  'sources' | 'table' | 'unreadable' | 'thresholds' | 'tau'
> {
  /** Problems that were counted and not kept. */
  readonly moreProblems: number;
  /** How many of them are errors and not warnings; default: all. */
  readonly moreErrors?: number;
  /** All of them, those of responses in the order of the files; asked for several times. */
  findings(): Iterable<Finding> | AsyncIterable<Finding>;
  /** Limits that are known already; default: taken from the table. */
  readonly limits?: Limits;
  /** Where a response stands now, its row's ordinal, and whether it is still there; default as in the table. */
  place?(response: number): Place;
  row?(response: number): number;
  alive?(response: number): boolean;
}
