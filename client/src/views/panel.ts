import { messageOf, unawaited } from '../../../server/src/errors.js';
import { Uri, window, type Disposable, type ViewColumn, type WebviewPanel } from 'vscode';
import {
  type AuditSummary,
  type EvaluationResult,
  type FromView,
  type HostToView,
  type PageName,
  type PersistedState,
  type ResponseRef,
  type ToView,
  type ViewAnswer,
  type ViewRequest,
  type ViewRequestName,
  type ViewRequests,
  type ViewToHost,
} from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { decodeSamples } from './columns.js';
import { Feed } from './feed.js';
import { reveal, revealPlace } from '../documents/reveal.js';
import { isUrl } from '../training/watch.js';
import { saveImage } from './save.js';
import { viewHtml } from './view-html.js';
import type { ViewStates } from './view-states.js';
import { request } from '../server/request.js';

export interface PanelHost {
  readonly context: Context;
  readonly states: ViewStates;
  readonly extension: Uri;
  openDetail(ref: ResponseRef): Promise<void>;
  exportReport(uri: string): Promise<void>;
  startAudit(uri: string): Promise<AuditSummary | undefined>;
  cancelAudit(uri: string): Promise<void>;
  /** The last result of these files. */
  evaluated(uris: readonly string[]): Promise<EvaluationResult | undefined>;
  evaluate(uris: readonly string[]): Promise<void>;
  /** Tells what a training's log says, until disposed. */
  watch(log: string, tell: (message: ToView['watch']) => void): Disposable;
}

const baseName = (uri: string): string => Uri.parse(uri).path.split('/').at(-1) ?? uri;

function titleOf(page: PageName, uris: readonly string[]): string {
  if (page === 'detail') return 'QRM Lens: Distribution';
  const names = uris.map(baseName).join(' ↔ ');
  return `QRM Lens: ${names}${page === 'dashboard' ? '' : ` (${page})`}`;
}

/** A webview with one of the pages, over one document or two. */
export class ViewPanel {
  private readonly disposables: { dispose(): void }[] = [];
  private feeds = new Map<string, Feed>();
  private ready = false;
  private shown: ResponseRef | undefined;
  private watching: Disposable | undefined;
  /** The revision of the audit whose samples were sent last. */
  private sampled: number | undefined;

  constructor(
    private readonly host: PanelHost,
    readonly panel: WebviewPanel,
    readonly page: PageName,
    private uris: readonly string[],
    onClosed: (panel: ViewPanel) => void,
  ) {
    const { webview } = panel;
    webview.options = {
      enableScripts: true,
      localResourceRoots: [Uri.joinPath(host.extension, 'dist')],
    };
    panel.iconPath = Uri.joinPath(host.extension, 'client', 'media', 'icon.png');
    // What fails is told to the page.
    webview.onDidReceiveMessage((m: ViewToHost) => this.receive(m), null, this.disposables);
    panel.onDidDispose(
      () => {
        this.feeds.forEach((feed) => feed.stop());
        this.watching?.dispose();
        this.disposables.forEach((d) => d.dispose());
        host.states
          .forget(page, this.uris)
          .catch((error: unknown) => host.context.log.warn(messageOf(error)));
        onClosed(this);
      },
      null,
      this.disposables,
    );
    this.disposables.push(
      host.context.onChanged((summary) => {
        this.feeds.get(summary.uri)?.update(summary);
        if (this.page === 'policy' && this.shows(summary.uri)) this.follow(summary);
      }),
    );
    webview.html = viewHtml(webview, host.extension, page, panel.title);
  }

  static create(
    host: PanelHost,
    page: PageName,
    uris: readonly string[],
    viewColumn: ViewColumn,
    onClosed: (panel: ViewPanel) => void,
  ): ViewPanel {
    const title = titleOf(page, uris);
    const panel = window.createWebviewPanel(
      `qrmLens.${page}`,
      title,
      { viewColumn, preserveFocus: true },
      { retainContextWhenHidden: true },
    );
    return new ViewPanel(host, panel, page, uris, onClosed);
  }

  get documents(): readonly string[] {
    return this.uris;
  }

  shows(uri: string): boolean {
    return this.uris.includes(uri);
  }

  private post(message: HostToView): void {
    unawaited(this.panel.webview.postMessage(message), (error) =>
      this.host.context.log.warn(messageOf(error)),
    );
  }

  /** Other documents, or the first after `ready`. */
  async open(uris: readonly string[], state?: PersistedState): Promise<void> {
    this.uris = uris;
    this.panel.title = titleOf(this.page, uris);
    if (!this.ready) return;
    this.feeds.forEach((feed) => feed.stop());
    this.feeds = new Map();
    if (this.page === 'evaluation') return this.showEvaluation(state);
    if (this.page === 'watch') return this.watch(state);
    const client = await this.host.context.server();
    const audits: AuditSummary[] = [];
    for (const uri of uris) {
      const summary = await request(client, 'summary', { uri });
      // After a reload nothing is audited: begin, the store has the scores.
      const known = summary ?? (await this.host.startAudit(uri));
      if (known !== undefined && known !== null) audits.push(known);
    }
    const names = audits.map((a) => baseName(a.uri));
    this.post({ type: 'open', page: this.page, audits, names, ...(state && { state }) });
    if (this.page === 'detail') return this.showDetail();
    if (this.page === 'policy') {
      for (const summary of audits) this.follow(summary);
      return;
    }
    for (const summary of audits) {
      const feed = new Feed(this.host.context, (message) => this.post(message));
      this.feeds.set(summary.uri, feed);
      feed.update(summary);
    }
  }

  private async showEvaluation(state?: PersistedState): Promise<void> {
    const { page, uris } = this;
    const names = uris.map(baseName);
    this.post({ type: 'open', page, audits: [], names, ...(state && { state }) });
    const result = (await this.host.evaluated(uris)) ?? null;
    const files = result?.files.map((path) => Uri.file(path).toString()) ?? [];
    this.post({ type: 'evaluation', result, uris: files, asked: uris });
  }

  /** From the log's beginning. */
  private watch(state?: PersistedState): void {
    const { page, uris } = this;
    this.watching?.dispose();
    const names = uris.map(baseName);
    this.post({ type: 'open', page, audits: [], names, uris, ...(state && { state }) });
    const [log] = uris;
    if (log === undefined) return;
    this.watching = this.host.watch(log, (message) => this.post({ type: 'watch', ...message }));
  }

  /** The response of the detail page. */
  async show(ref: ResponseRef): Promise<void> {
    this.shown = ref;
    if (!this.shows(ref.uri)) await this.open([ref.uri]);
    else await this.showDetail();
  }

  private async showDetail(): Promise<void> {
    const ref = this.shown;
    if (!this.ready || ref === undefined) return;
    const client = await this.host.context.server();
    const result = await request(client, 'detail', ref);
    if (ref === this.shown) this.post({ type: 'detail', result });
  }

  /** Progress of an audit whose samples the policy page shows; the samples once they are scored. */
  private follow(summary: AuditSummary): void {
    this.post({ type: 'summary', summary });
    if (summary.state !== 'done' || summary.revision === this.sampled) return;
    this.sampled = summary.revision;
    unawaited(this.showPolicy(summary.uri), (error) =>
      this.host.context.log.warn(`policy: ${messageOf(error)}`),
    );
  }

  private async showPolicy(uri: string): Promise<void> {
    const client = await this.host.context.server();
    const samples = await request(client, 'policy', { uri });
    this.post({ type: 'policy', samples: decodeSamples(samples) });
  }

  /** The cursor moved to a response in the text. */
  select(ref: ResponseRef): void {
    this.post({ type: 'select', ...ref });
  }

  private async receive(message: ViewToHost): Promise<void> {
    try {
      if (message.type === 'request') await this.answer(message);
      else await (this.handlers[message.type] as (m: typeof message) => Promise<void>)?.(message);
    } catch (error) {
      const text = messageOf(error);
      this.host.context.log.warn(`${this.page}: ${text}`);
      this.post({ type: 'error', message: text });
      if (message.type === 'request') this.post({ type: 'answer', id: message.id });
    }
  }

  private async answer({ id, name, params }: ViewRequest): Promise<void> {
    const ask = this.answers[name] as (
      p: typeof params,
    ) => Promise<NonNullable<ViewAnswer['answer']> | null>;
    this.post({ type: 'answer', id, answer: await ask(params) });
  }

  private readonly answers: {
    readonly [N in ViewRequestName]: (
      params: ViewRequests[N]['params'],
    ) => Promise<ViewRequests[N]['answer']>;
  } = {
    problems: async (params) => request(await this.host.context.server(), 'problems', params),
    texts: async (params) => request(await this.host.context.server(), 'texts', params),
    contributions: async (params) =>
      request(await this.host.context.server(), 'contributions', params),
    export: async (params) => (await saveImage(params, this.uris[0])) ?? null,
  };

  private readonly handlers: {
    readonly [T in keyof FromView]: (message: FromView[T]) => Promise<void>;
  } = {
    state: ({ state }) => this.host.states.keep(state),
    ready: async ({ state }) => {
      const { page, uris } = this;
      const later = await this.host.states.later({ page, uris }, state);
      this.ready = true;
      return this.open(uris.length > 0 ? uris : urisOf(later ?? state), later);
    },
    revealPlace: ({ uri, place }) => revealPlace(uri, { row: place.line, ...place }, true),
    reveal: (message) => reveal(this.host.context, message, message.focus),
    openDetail: (message) => this.host.openDetail(message),
    revealRow: ({ uri, spot }) => revealPlace(uri, spot, true),
    evaluate: () => this.host.evaluate(this.uris),
    revealRollout: ({ source, line }) => {
      const [log] = this.uris;
      // A log that a server sends has no place on this machine.
      if (log === undefined || isUrl(log)) return Promise.resolve();
      const at = line - 1;
      const spot = { row: at, line: at, column: 0, endLine: at, endColumn: 0 };
      return revealPlace(Uri.file(source).toString(), spot, true);
    },
    follow: ({ on }) => {
      if (on) return this.open(this.uris);
      this.watching?.dispose();
      return Promise.resolve();
    },
    audit: async ({ uri }) => {
      await this.host.startAudit(uri);
    },
    cancel: ({ uri }) => this.host.cancelAudit(uri),
    exportReport: ({ uri }) => this.host.exportReport(uri),
  };
}

/** Of a state that the editor kept: whatever it may hold. */
export function urisOf(state: { readonly uris?: unknown } | undefined): readonly string[] {
  const uris: unknown = state?.uris;
  return Array.isArray(uris) ? uris.filter((u): u is string => typeof u === 'string') : [];
}
