import { basename } from 'node:path';
import type { LiveAudit } from '../../live/live-audit.js';
import { auditState, type ProgressState } from './progress-report.js';
import { nameOf } from '../../live/uris.js';
import type { StatusParams } from '../../protocol/index.js';

/** Progress of the audits that nobody asked for: a file was opened, a text edited, a model changed. */
export class AuditProgress {
  private readonly shown = new Map<LiveAudit, () => void>();
  private readonly asked = new Map<LiveAudit, number>();

  /** @param show begins a progress and gives the function that ends it */
  constructor(
    private readonly show: (title: string, state: () => ProgressState) => () => void,
    private readonly status: () => StatusParams,
  ) {}

  /** A request shows the progress of this audit itself, until the function it gets is called. */
  own(audit: LiveAudit): () => void {
    this.asked.set(audit, (this.asked.get(audit) ?? 0) + 1);
    this.end(audit);
    return () => {
      const left = (this.asked.get(audit) ?? 1) - 1;
      if (left > 0) this.asked.set(audit, left);
      else this.asked.delete(audit);
      this.changed(audit);
    };
  }

  /** To be told of every change of an audit. */
  changed(audit: LiveAudit): void {
    if (audit.state !== 'running' || audit.disposed) return this.end(audit);
    if (this.shown.has(audit) || this.asked.has(audit)) return;
    const title = `QRM Lens: ${basename(nameOf(audit.uri))}`;
    this.shown.set(
      audit,
      this.show(title, () => auditState(audit, this.status())),
    );
  }

  private end(audit: LiveAudit): void {
    this.shown.get(audit)?.();
    this.shown.delete(audit);
  }
}
