import type { DiskAudit } from '../../live/disk/disk-audit.js';
import { LiveAudit } from '../../live/live-audit.js';
import type { LineDocument } from '../../live/text/line-document.js';
import { OpenAudit } from '../../live/text/open-audit.js';

/** Closed texts whose audit is kept: their view is still open, or the tab was only changed. */
const KEPT = 3;

/** A text that is open in the editor, with its audit where it is a data set. */
export interface OpenDocument {
  readonly document: LineDocument;
  audit: OpenAudit | undefined;
  visible: readonly { from: number; to: number }[] | undefined;
  /** What the text is was not looked at since it was opened or edited. */
  stale: boolean;
  /** While it is looked at. */
  looking?: Promise<void> | undefined;
  /** Somebody wants its audit, whether it is surely a data set or not. */
  asked: boolean;
  /** Nobody does: its findings were cleared. */
  cleared: boolean;
  /** Its audit was under way or done when the text stopped being a data set. */
  active?: boolean;
}

/** What is known of each document: an open text, the kept audit of one that was closed, or that of a file. */
export class Documents {
  /** In the order in which they came to be what they are. */
  private readonly held = new Map<string, OpenDocument | OpenAudit | DiskAudit>();

  /** A document whose text is open. */
  open(uri: string): OpenDocument | undefined {
    const held = this.held.get(uri);
    return held instanceof LiveAudit ? undefined : held;
  }

  /** The audit of a document whose text is not open. */
  closed(uri: string): OpenAudit | DiskAudit | undefined {
    const held = this.held.get(uri);
    return held instanceof LiveAudit ? held : undefined;
  }

  audit(uri: string): OpenAudit | DiskAudit | undefined {
    return this.open(uri)?.audit ?? this.closed(uri);
  }

  audits(): LiveAudit[] {
    return [...this.held.keys()].flatMap((uri) => this.audit(uri) ?? []);
  }

  *allOpen(): Generator<[string, OpenDocument]> {
    for (const uri of [...this.held.keys()]) {
      const opened = this.open(uri);
      if (opened !== undefined) yield [uri, opened];
    }
  }

  /**
   * A text that was opened, in place of what was known of its document.
   * @param audit of the same text, which was kept
   * @param onDisk its file was audited: the text's audit goes on where that one is given up
   */
  opened(document: LineDocument, audit?: OpenAudit, onDisk = false): OpenDocument {
    const opened: OpenDocument = {
      document,
      audit,
      visible: undefined,
      stale: true,
      // One that was kept may have been asked for.
      asked: audit !== undefined || onDisk,
      cleared: false,
      active: onDisk,
    };
    this.held.set(document.uri, opened);
    return opened;
  }

  onDisk(audit: DiskAudit): void {
    this.held.set(audit.uri, audit);
  }

  /** Cancels and keeps the audit of a text that was closed, and lets go of the oldest that were kept. */
  close(uri: string): void {
    const audit = this.open(uri)?.audit;
    this.held.delete(uri);
    if (audit === undefined) return;
    audit.cancel();
    this.held.set(uri, audit);
    const kept = [...this.held].filter(([, held]) => held instanceof OpenAudit);
    for (const [old, oldest] of kept.slice(0, -KEPT)) {
      (oldest as OpenAudit).dispose();
      this.held.delete(old);
    }
  }

  forget(uri: string): void {
    this.held.delete(uri);
  }
}
