import type { AuditSummary, HostToView } from '../../../server/src/protocol/index.js';
import { decodeColumns } from './columns.js';
import type { Context } from '../context.js';
import { request } from '../server/request.js';
import { messageOf } from '../../../server/src/errors.js';

const BATCH = 8192;
const FINDINGS = 20_000;

/** Brings the numbers of one document to a page as they come, each once and in order. */
export class Feed {
  private epoch = -1;
  private next = 0;
  private findingsRevision = -1;
  private latest: AuditSummary | undefined;
  private busy = false;
  private stopped = false;

  constructor(
    private readonly context: Context,
    private readonly post: (message: HostToView) => void,
  ) {}

  update(summary: AuditSummary): void {
    this.latest = summary;
    this.post({ type: 'summary', summary });
    if (this.busy || this.stopped) return;
    this.busy = true;
    this.catchUp()
      .catch((error: unknown) => this.context.log.warn(`dashboard: ${messageOf(error)}`))
      .finally(() => (this.busy = false));
  }

  private async catchUp(): Promise<void> {
    for (;;) {
      const summary = this.latest;
      const client = this.context.running();
      if (summary === undefined || client === undefined || this.stopped) return;
      const { uri, epoch } = summary;
      if (epoch !== this.epoch) {
        this.epoch = epoch;
        this.next = 0;
        this.findingsRevision = -1;
      }
      if (this.next < summary.revision) {
        const asked = { uri, epoch, from: this.next, limit: BATCH };
        const wire = await request(client, 'columns', asked);
        if (wire.epoch !== epoch) return;
        this.next = wire.next;
        this.post({ type: 'columns', batch: decodeColumns(wire) });
      } else if (this.findingsRevision !== summary.findingsRevision) {
        this.findingsRevision = summary.findingsRevision;
        await this.findings(uri, epoch);
      } else return;
    }
  }

  private async findings(uri: string, epoch: number): Promise<void> {
    for (let from = 0; ;) {
      const client = this.context.running();
      if (client === undefined) return;
      const asked = { uri, epoch, from, limit: FINDINGS };
      const batch = await request(client, 'findings', asked);
      if (this.stopped) return;
      this.post({ type: 'findings', batch });
      from += batch.response.length;
      if (batch.response.length === 0 || from >= batch.total) return;
    }
  }

  stop(): void {
    this.stopped = true;
  }
}
