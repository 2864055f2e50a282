import { basename } from 'node:path';
import type { InitOptions, ServerSettings } from '../protocol/index.js';
import type { Detected } from './documents/dataset-files.js';
import { DiskAudit } from '../live/disk/disk-audit.js';
import { Discovery } from './documents/discovery.js';
import { Documents, type OpenDocument } from './documents/documents.js';
import { EngineHost } from '../session/model/engine-host.js';
import { IgnoreStore } from '../live/ignore-store.js';
import { LineDocument } from '../live/text/line-document.js';
import type { AuditEvents, LiveAudit } from '../live/live-audit.js';
import { OpenAudit } from '../live/text/open-audit.js';
import { remap, type RemapHost } from './documents/remap.js';
import { Mappings } from './documents/mappings.js';
import {
  engineSettings,
  findingsDiffer,
  measureOptions,
  measuresDiffer,
  mergeSettings,
  thresholdsOf,
} from './settings.js';
import { isWithin, nameOf, packedUri, pathOf, shownUri } from '../live/uris.js';
import { isAbort, messageOf } from '../errors.js';

export interface WorkspaceEvents extends AuditEvents {
  status(): void;
  cleared(uri: string): void;
  /** Its audit is gone, and its findings with it. */
  dropped(uri: string): void;
  /** Tells the user. */
  warn(message: string): void;
}

/** Documents, audits and settings: what the handlers of the protocol work on. */
export class Workspace {
  settings: ServerSettings;
  readonly engine: EngineHost;
  readonly ignore: IgnoreStore;
  readonly mappings: Mappings;
  private readonly documents = new Documents();

  constructor(
    init: InitOptions,
    version: string,
    private readonly events: WorkspaceEvents,
    /** The setting of a document's own folder; undefined where the editor is not asked. */
    ownMapping: ((uri: string) => Promise<unknown>) | undefined,
  ) {
    this.settings = mergeSettings(init.settings);
    this.ignore = new IgnoreStore((message) => events.log(message));
    this.mappings = new Mappings(
      async (uri) => (await ownMapping?.(uri)) ?? this.settings.mapping,
      (message) => events.warn(message),
    );
    this.engine = new EngineHost({
      settings: () => engineSettings(this.settings),
      trusted: init.trusted ?? true,
      storeFolder: init.storeFolder,
      version,
      onStatus: () => events.status(),
      log: (message) => events.log(message),
    });
  }

  private auditSettings(uri: string) {
    const thresholds = thresholdsOf(this.settings, (message) => this.events.log(message));
    return { thresholds, ignored: this.ignore.of(nameOf(uri)) };
  }

  private readonly context = {
    service: () => this.engine.service(),
    measures: (attributes: readonly string[]) => measureOptions(this.settings, attributes),
    mapping: (uri: string) => this.mappings.of(uri),
  };

  /** The audit of a document, whether its text is open or not. */
  audit(uri: string): LiveAudit | undefined {
    return this.documents.audit(uri);
  }

  openAudit(uri: string): OpenAudit | undefined {
    return this.documents.open(uri)?.audit;
  }

  /** As `openAudit`, once its rows are read: an editor asks once a version and keeps the answer. */
  async readAudit(uri: string): Promise<OpenAudit | undefined> {
    await this.looked(uri);
    await this.openAudit(uri)?.rowsRead;
    return this.openAudit(uri);
  }

  /** As `audit`, once one that was asked for, or is found unasked, is there. */
  async madeAudit(uri: string): Promise<LiveAudit | undefined> {
    await this.looked(uri);
    return this.audit(uri);
  }

  /** Resolves when it is known what an open text is as it stands. */
  private async looked(uri: string): Promise<void> {
    const opened = this.documents.open(uri);
    if (opened !== undefined) await this.discovery.known(opened).catch(() => undefined);
  }

  /** Was another audit put in its place, since edits made another format of the text? */
  async replaced(audit: LiveAudit): Promise<boolean> {
    const opened = this.documents.open(audit.uri);
    if (opened === undefined) return false;
    await this.discovery.known(opened).catch(() => undefined);
    return audit.disposed && !opened.cleared && opened.audit !== audit;
  }

  isOpen(uri: string): boolean {
    return this.documents.open(uri) !== undefined;
  }

  /** Findings of a text that is closed are shown in its views alone. */
  shows(audit: LiveAudit): boolean {
    if (this.documents.open(audit.uri)?.audit === audit) return true;
    // The text of a compressed file has the findings while it is open.
    const onDisk = audit instanceof DiskAudit && this.documents.closed(audit.uri) === audit;
    return onDisk && !this.isOpen(shownUri(audit.uri));
  }

  all(): LiveAudit[] {
    return this.documents.audits();
  }

  didOpen(uri: string, version: number, text: string): void {
    const kept = this.documents.closed(uri);
    this.events.cleared(packedUri(uri) ?? uri);
    const document = new LineDocument(uri, version, text);
    if (kept instanceof OpenAudit && kept.document.sameText(document)) {
      this.documents.opened(kept.document, kept);
      kept.document.version = version;
      this.events.found(kept);
      if (kept.state !== 'done') kept.run().catch(() => undefined);
    } else {
      kept?.dispose();
      const onDisk = kept instanceof DiskAudit && ['running', 'done'].includes(kept.state);
      this.documents.opened(document, undefined, onDisk);
    }
    this.discovery.discover(this.documents.open(uri) as OpenDocument);
  }

  private excludes(uri: string): boolean {
    const path = `/${nameOf(uri).replaceAll('\\', '/')}`;
    return this.settings.exclude.some((name) => name !== '' && path.endsWith(`/${name}`));
  }

  private readonly discovery = new Discovery({
    isOpen: (opened) => this.documents.open(opened.document.uri) === opened,
    detect: (document) => this.mappings.detect(document),
    auto: (uri) => (this.excludes(uri) ? 'off' : this.settings.autoAudit),
    attach: (opened, found) => this.attach(opened, found),
    detach: (opened) => {
      opened.audit?.dispose();
      opened.audit = undefined;
      this.events.dropped(opened.document.uri);
    },
    log: (message) => this.events.log(message),
  });

  private attach(opened: OpenDocument, { format, mapping }: Detected): OpenAudit {
    const { uri } = opened.document;
    if (opened.audit !== undefined) {
      opened.audit.dispose();
      this.events.cleared(uri);
    }
    opened.audit = new OpenAudit(
      opened.document,
      format.container,
      basename(nameOf(uri)),
      this.context,
      this.events,
      this.auditSettings(uri),
      mapping,
    );
    if (opened.visible !== undefined) opened.audit.setVisible(opened.visible);
    return opened.audit;
  }

  didChange(uri: string, version: number, changes: Parameters<LineDocument['apply']>[0][]): void {
    const opened = this.documents.open(uri);
    if (opened === undefined) return;
    const edits = changes.map((change) => {
      const edit = opened.document.apply(change);
      opened.document.version = version;
      // Each edit moves the rows before the next one counts its lines.
      opened.audit?.edited([edit]);
      this.discovery.edited(opened, edit);
      return edit;
    });
    if (edits.length === 0) opened.document.version = version;
  }

  didClose(uri: string): void {
    this.events.cleared(uri);
    const packed = this.documents.closed(packedUri(uri) ?? '');
    if (packed instanceof DiskAudit) this.events.found(packed);
    this.documents.close(uri);
  }

  setVisible(uri: string, ranges: readonly { from: number; to: number }[]): void {
    const opened = this.documents.open(uri);
    if (opened === undefined) return;
    opened.visible = ranges;
    opened.audit?.setVisible(ranges);
  }

  /**
   * The audit of a document, made if there is none: of its text where that is open, else of its file.
   * @throws Error in plain words when it is neither, or no dataset
   */
  async require(uri: string): Promise<OpenAudit | DiskAudit> {
    const opened = this.documents.open(uri);
    if (opened !== undefined) return this.discovery.require(opened);
    const path = pathOf(uri);
    if (path === undefined)
      throw new Error(`${uri}: only the text of an open editor can be audited here, not a file`);
    const known = this.documents.closed(uri);
    if (known instanceof DiskAudit) return known;
    known?.dispose();
    const disk = new DiskAudit(uri, path, this.context, this.events, this.auditSettings(uri));
    this.documents.onDisk(disk);
    return disk;
  }

  /** Lets go of the audits of these files and folders; gives the documents that had one. */
  clear(uris: readonly string[]): string[] {
    const gone = this.all().filter(({ uri }) => uris.some((u) => isWithin(uri, u)));
    for (const audit of gone) {
      audit.dispose();
      const opened = this.documents.open(audit.uri);
      if (opened === undefined) this.documents.forget(audit.uri);
      else {
        opened.audit = undefined;
        opened.asked = false;
        opened.cleared = true;
      }
      this.events.dropped(audit.uri);
    }
    return [...new Set(gone.map(({ uri }) => uri))];
  }

  /** New settings: thresholds only judge anew, the rest also scores or measures anew. */
  configure(value: unknown): void {
    const old = this.settings;
    this.settings = mergeSettings(value);
    if (measuresDiffer(old, this.settings)) {
      for (const audit of this.all()) if (audit.state !== 'waiting') this.restart(audit);
    }
    if (findingsDiffer(old, this.settings)) this.judge();
    this.mappings.forget();
    remap(this.mappings, this.remapHost).catch((error: unknown) =>
      this.events.log(`qrmLens.mapping: ${messageOf(error)}`),
    );
  }

  private readonly remapHost: RemapHost = {
    all: () => this.all(),
    isOpen: (audit) => this.isOpen(audit.uri),
    detect: (document) => this.mappings.detect(document),
    forget: (audit) => {
      if (this.documents.closed(audit.uri) !== audit) return;
      this.documents.forget(audit.uri);
      audit.dispose();
    },
    look: async () => {
      for (const [uri, opened] of this.documents.allOpen()) {
        if (opened.audit === undefined && (await this.mappings.of(uri)) === undefined) continue;
        opened.stale = true;
        this.discovery.discover(opened);
      }
    },
    again: async (disk) => {
      if (this.documents.closed(disk.uri) !== disk) return;
      await disk.again().catch((error: unknown) => {
        if (!isAbort(error)) this.events.log(`${disk.uri}: ${messageOf(error)}`);
      });
    },
  };

  private restart(audit: LiveAudit): void {
    audit.configure(this.auditSettings(audit.uri));
    if (audit instanceof OpenAudit) return audit.restart();
    // A file is read again only when asked for.
    if (audit.state === 'running') audit.cancel();
  }

  /** Findings of all audits anew: thresholds or ignored findings changed. */
  judge(): void {
    for (const audit of this.all()) audit.configure(this.auditSettings(audit.uri));
  }

  async dispose(): Promise<void> {
    for (const audit of this.all()) audit.dispose();
    await this.engine.dispose();
  }
}
