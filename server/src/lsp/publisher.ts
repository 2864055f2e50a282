import {
  DiagnosticRefreshRequest,
  type Connection,
  type DocumentDiagnosticReport,
} from 'vscode-languageserver';
import { diagnosticsOf, type DiagnosticOptions } from './diagnostics.js';
import type { LiveAudit } from './live-audit.js';

/**
 * Diagnostics of every audit, each shown once: open documents are pulled where the client can pull,
 * all others are pushed.
 */
export class Publisher {
  private readonly pushed = new Set<string>();
  private refreshing = false;
  private refreshAgain = false;

  constructor(
    private readonly connection: Connection,
    /** The client pulls, and pulls again when told that there is news. */
    private readonly pulls: boolean,
    private readonly options: (audit: LiveAudit) => DiagnosticOptions,
  ) {}

  /** The findings of an audit are new. */
  update(audit: LiveAudit, open: boolean): void {
    if (open && this.pulls) {
      this.clear(audit.uri);
      this.refresh();
      return;
    }
    this.pushed.add(audit.uri);
    const diagnostics = diagnosticsOf(audit, this.options(audit));
    void this.connection.sendDiagnostics({ uri: audit.uri, diagnostics });
  }

  /** Takes back what was pushed. */
  clear(uri: string): void {
    if (!this.pushed.delete(uri)) return;
    void this.connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  /** The answer to textDocument/diagnostic. */
  pull(audit: LiveAudit | undefined, previous: string | undefined): DocumentDiagnosticReport {
    if (audit === undefined) return { kind: 'full', items: [] };
    const resultId = `${audit.epoch}.${audit.findingsRevision}`;
    if (previous === resultId) return { kind: 'unchanged', resultId };
    return { kind: 'full', resultId, items: diagnosticsOf(audit, this.options(audit)) };
  }

  /** One refresh under way at a time: each makes the client pull every open document. */
  private refresh(): void {
    if (this.refreshing) {
      this.refreshAgain = true;
      return;
    }
    this.refreshing = true;
    void this.connection
      .sendRequest(DiagnosticRefreshRequest.type)
      .catch(() => undefined)
      .finally(() => {
        this.refreshing = false;
        if (!this.refreshAgain) return;
        this.refreshAgain = false;
        this.refresh();
      });
  }
}
