import {
  DiagnosticRefreshRequest,
  type Connection,
  type Diagnostic,
  type DocumentDiagnosticReport,
} from 'vscode-languageserver';
import type { FindingCode } from '../../protocol/index.js';
import { diagnosticsOf, type DiagnosticData, type DiagnosticOptions } from './diagnostics.js';
import type { LiveAudit } from '../../live/live-audit.js';

/**
 * Diagnostics of every audit, each shown once: open documents are pulled where the client can pull,
 * all others are pushed.
 */
export class Publisher {
  private readonly pushed = new Set<string>();
  /** The findings last given to the client, for each document. */
  private readonly given = new Map<string, ReadonlySet<string>>();
  private refreshing = false;
  private refreshAgain = false;

  constructor(
    private readonly connection: Connection,
    /** The client pulls, and pulls again when told that there is news. */
    private readonly pulls: boolean,
    private readonly options: (audit: LiveAudit) => DiagnosticOptions,
    /** Where the findings of a file stand: the text of a compressed one has a name of its own. */
    private readonly shown: (uri: string) => string = (uri) => uri,
  ) {}

  /** The findings of an audit are new. */
  update(audit: LiveAudit, open: boolean): void {
    if (open && this.pulls) {
      this.clear(audit.uri);
      this.refresh();
      return;
    }
    const uri = this.shown(audit.uri);
    this.pushed.add(uri);
    this.send(uri, this.list(audit));
  }

  /** A client that is gone needs none. */
  private send(uri: string, diagnostics: Diagnostic[]): void {
    this.connection.sendDiagnostics({ uri, diagnostics }).catch(() => undefined);
  }

  /** Takes back what was pushed. */
  clear(uri: string): void {
    this.given.delete(uri);
    const shown = this.shown(uri);
    if (!this.pushed.delete(shown)) return;
    this.send(shown, []);
  }

  /** Takes back what was pushed, and lets the client pull that there is nothing any more. */
  retract(uri: string): void {
    this.clear(uri);
    if (this.pulls) this.refresh();
  }

  /** The answer to textDocument/diagnostic. */
  pull(audit: LiveAudit | undefined, previous: string | undefined): DocumentDiagnosticReport {
    if (audit === undefined) return { kind: 'full', items: [] };
    const resultId = `${audit.epoch}.${audit.findingsRevision}`;
    if (previous === resultId) return { kind: 'unchanged', resultId };
    return { kind: 'full', resultId, items: this.list(audit) };
  }

  /** Whether the client was given this finding: over the limit, some are not. */
  gave(uri: string, response: number, code: FindingCode): boolean {
    return this.given.get(uri)?.has(`${response} ${code}`) === true;
  }

  private list(audit: LiveAudit): Diagnostic[] {
    const list = diagnosticsOf(audit, this.options(audit));
    const keys = list.flatMap(({ data }: { data?: Partial<DiagnosticData> }) =>
      data?.response === undefined ? [] : [`${data.response} ${data.code}`],
    );
    this.given.set(audit.uri, new Set(keys));
    return list;
  }

  /** One refresh under way at a time: each makes the client pull every open document. */
  private refresh(): void {
    if (this.refreshing) {
      this.refreshAgain = true;
      return;
    }
    this.refreshing = true;
    this.connection
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
