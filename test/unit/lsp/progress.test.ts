import { describe, expect, it } from 'vitest';
import { auditState } from '../../../server/src/lsp/progress/progress-report.js';
import { TableAudit } from './table-audit.js';

const loading = {
  state: 'loading',
  message: 'Preparing default (45 %)',
  queue: 0,
  rate: 0,
} as const;
const idle = { state: 'idle', queue: 0, rate: 0 } as const;

describe('the progress of an audit', () => {
  it('says what is loaded, not how many rows, while nothing is scored', () => {
    const { fraction, message } = auditState(new TableAudit(0), loading);
    expect([fraction, message]).toEqual([null, 'Preparing default (45 %)']);
  });

  it('counts rows beside it once stored scores are there', () => {
    expect(auditState(new TableAudit(2), loading).message).toBe('Preparing default (45 %), 2 rows');
    expect(auditState(new TableAudit(1), idle).message).toBe('1 row');
    expect(auditState(new TableAudit(0), idle).message).not.toMatch(/row/);
  });
});
