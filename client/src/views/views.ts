import {
  Uri,
  ViewColumn,
  window,
  workspace,
  type Disposable,
  type ExtensionContext,
  type WebviewPanel,
} from 'vscode';
import { messageOf, unawaited } from '../../../server/src/errors.js';
import { PAGES, type PageName, type ResponseRef } from '../../../server/src/protocol/index.js';
import type { Audits } from '../audits.js';
import type { Context } from '../context.js';
import { Evaluations } from '../evaluation/evaluate.js';
import { urisOf, ViewPanel, type PanelHost } from './panel.js';
import { followLog } from '../training/watch.js';
import { ViewStates } from './view-states.js';
import { request } from '../server/request.js';
import { packedUri } from '../documents/unpacked.js';

const FOLLOW_MS = 120;

const isOfAudits = ({ page }: ViewPanel): boolean => page !== 'evaluation' && page !== 'watch';

/** The views of documents and the detail view of one response, and how they follow the cursor. */
export class Views {
  /** Of whole documents: dashboards, policy previews, evaluations, logs. */
  private readonly views = new Set<ViewPanel>();
  private detail: ViewPanel | undefined;
  private readonly host: PanelHost;
  private followTimer: NodeJS.Timeout | undefined;
  readonly disposables: Disposable[];
  readonly evaluations: Evaluations;

  constructor(
    extension: ExtensionContext,
    private readonly context: Context,
    audits: Audits,
  ) {
    const file = extension.storageUri && Uri.joinPath(extension.storageUri, 'views.json').fsPath;
    this.evaluations = new Evaluations(extension, context, (uris) => this.openEvaluation(uris));
    this.host = {
      context,
      states: new ViewStates(file, (message) => context.log.warn(message)),
      extension: extension.extensionUri,
      openDetail: (ref) => this.openDetail(ref),
      exportReport: (uri) => audits.exportReport(uri),
      startAudit: (uri) => audits.quietly(uri),
      cancelAudit: (uri) => audits.cancel(uri),
      evaluated: (uris) => this.evaluations.kept.read(uris),
      evaluate: (uris) => this.evaluations.start(uris.map((uri) => Uri.parse(uri))),
      watch: (log, tell) => followLog(extension, context, log, tell),
    };
    const serializer = (page: PageName) =>
      window.registerWebviewPanelSerializer(`qrmLens.${page}`, {
        deserializeWebviewPanel: (panel: WebviewPanel, state: { uris?: unknown } | undefined) => {
          this.add(new ViewPanel(this.host, panel, page, urisOf(state), (p) => this.closed(p)));
          return Promise.resolve();
        },
      });
    this.disposables = [
      ...PAGES.map(serializer),
      context.onForgotten((uris) => this.forget(uris)),
      workspace.onDidRenameFiles(({ files }) => this.renamed(files)),
      window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        const active = selections[0]?.active;
        if (active === undefined) return;
        this.follow(textEditor.document.uri.toString(), active.line, active.character);
      }),
    ];
  }

  private add(panel: ViewPanel): void {
    if (panel.page === 'detail') this.detail = panel;
    else this.views.add(panel);
  }

  private closed(panel: ViewPanel): void {
    this.views.delete(panel);
    if (this.detail === panel) this.detail = undefined;
  }

  /** In the column of the views that are open, so that they take no third of the window. */
  private create(page: PageName, uris: readonly string[]): void {
    const open = [...this.views, ...(this.detail ? [this.detail] : [])];
    const column = open.map(({ panel }) => panel.viewColumn).find((c) => c !== undefined);
    const beside = column ?? ViewColumn.Beside;
    this.add(ViewPanel.create(this.host, page, uris, beside, (p) => this.closed(p)));
  }

  /** Shows the dashboard of these documents: the one that is open, else a new one. */
  openDashboard(uris: readonly string[]): void {
    this.openDocuments('dashboard', uris);
  }

  openPolicy(uri: string): void {
    this.openDocuments('policy', [uri]);
  }

  /** A training's log, as a URI or a URL. */
  openWatch(log: string): void {
    this.openDocuments('watch', [log]);
  }

  /** What these files were evaluated to: in their view where it is open. */
  private openEvaluation(uris: readonly string[]): void {
    const same = ({ page, documents }: ViewPanel): boolean =>
      page === 'evaluation' && documents.join(' ') === uris.join(' ');
    const open = [...this.views].find(same);
    if (open === undefined) return this.create('evaluation', uris);
    open.panel.reveal(undefined, true);
    open.open(uris).catch((error: unknown) => this.context.log.warn(messageOf(error)));
  }

  private openDocuments(page: PageName, uris: readonly string[]): void {
    for (const panel of this.views) {
      if (panel.page === page && uris.every((uri) => panel.shows(uri))) {
        panel.panel.reveal(undefined, true);
        return;
      }
    }
    this.create(page, uris);
  }

  /** The documents of the dashboard that the user is in. */
  activeUris(): readonly string[] {
    return [...this.views].find(({ panel }) => panel.active)?.documents ?? [];
  }

  /** Views of documents without an audit would show numbers that nothing stands for. */
  private forget(uris: readonly string[]): void {
    const all = [...this.views, ...(this.detail ? [this.detail] : [])];
    for (const view of all)
      if (isOfAudits(view) && uris.some((uri) => view.shows(uri))) view.panel.dispose();
  }

  /** Files, or folders with what is in them, have another name. */
  private renamed(files: readonly { readonly oldUri: Uri; readonly newUri: Uri }[]): void {
    const now = (uri: string): string => {
      const moved = files.find(({ oldUri }) => `${uri}/`.startsWith(`${oldUri.toString()}/`));
      return moved ? moved.newUri.toString() + uri.slice(moved.oldUri.toString().length) : uri;
    };
    for (const view of this.views) {
      // An evaluation is of the files as they were named; a log is followed by its name.
      if (!isOfAudits(view)) continue;
      const uris = view.documents.map(now);
      if (uris.some((uri, n) => uri !== view.documents[n]))
        unawaited(view.open(uris), (error) => this.context.log.warn(messageOf(error)));
    }
  }

  async openDetail(ref: ResponseRef): Promise<void> {
    if (this.detail === undefined) this.create('detail', [ref.uri]);
    this.detail?.panel.reveal(undefined, true);
    await this.detail?.show(ref);
  }

  async locate(uri: string, line: number, column: number): Promise<ResponseRef | undefined> {
    const client = this.context.running();
    const at = { uri, line, column };
    const found = client && (await request(client, 'locate', at));
    return found ? { uri, ...found } : undefined;
  }

  private known(uri: string): boolean {
    return [...this.views].some((panel) => panel.shows(uri));
  }

  private follow(of: string, line: number, column: number): void {
    const packed = packedUri(Uri.parse(of))?.toString();
    const uri = packed !== undefined && this.known(packed) ? packed : of;
    if (this.detail === undefined && this.views.size === 0) return;
    clearTimeout(this.followTimer);
    this.followTimer = setTimeout(() => {
      const shown = this.locate(uri, line, column).then(async (ref) => {
        if (ref === undefined) return;
        for (const panel of this.views) if (panel.shows(uri)) panel.select(ref);
        await this.detail?.show(ref);
      });
      unawaited(shown, (error) =>
        this.context.log.warn(`following the cursor: ${messageOf(error)}`),
      );
    }, FOLLOW_MS);
  }
}
