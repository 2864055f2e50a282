import { messageOf } from '../../../server/src/errors.js';
import { commands, Uri, window, type CustomReadonlyEditorProvider, type Disposable } from 'vscode';
import type { WebviewPanel } from 'vscode';
import type { Context } from '../context.js';
import { parquetHtml } from './parquet-html.js';
import { request } from '../server/request.js';
import { activeTab } from './active.js';

const PAGE = 50;
const VIEW = 'qrmLens.parquet';

interface Shown {
  readonly panel: WebviewPanel;
  from: number;
  marked: number | undefined;
  /** Rows of the file, once they are known. */
  total?: number;
}

/** Parquet has no text: its rows as a page without any script, with the way to their audit. */
export class ParquetEditor implements CustomReadonlyEditorProvider {
  private readonly shown = new Map<string, Shown>();

  constructor(private readonly context: Context) {}

  static register(context: Context): Disposable[] {
    const editor = new ParquetEditor(context);
    return [
      window.registerCustomEditorProvider(VIEW, editor, {
        supportsMultipleEditorsPerDocument: false,
      }),
      commands.registerCommand('qrmLens.parquetPage', (uri: string, from: number) => {
        const shown = editor.shown.get(uri);
        if (shown === undefined || !Number.isFinite(from)) return undefined;
        shown.from = Math.max(0, Math.trunc(from));
        shown.marked = undefined;
        return editor.render(uri);
      }),
      commands.registerCommand('qrmLens.parquetGoTo', (uri: string) => editor.goTo(uri)),
      commands.registerCommand('qrmLens.showRows', async (argument: unknown) => {
        const uri = argument instanceof Uri ? argument : activeTab();
        if (uri !== undefined) await commands.executeCommand('vscode.openWith', uri, VIEW);
      }),
      commands.registerCommand('qrmLens.showParquetRow', (uri: Uri, row: number) =>
        editor.reveal(uri, row),
      ),
      context.onChanged(({ uri, state }) => {
        if (state === 'running' || !editor.shown.has(uri)) return;
        editor.render(uri).catch((error: unknown) => context.log.warn(messageOf(error)));
      }),
    ];
  }

  openCustomDocument(uri: Uri) {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor(document: { uri: Uri }, panel: WebviewPanel): Promise<void> {
    const uri = document.uri.toString();
    panel.webview.options = {
      enableScripts: false,
      localResourceRoots: [],
      enableCommandUris: [
        'qrmLens.parquetPage',
        'qrmLens.parquetGoTo',
        'qrmLens.auditFile',
        'qrmLens.openDashboard',
      ],
    };
    this.shown.set(uri, { panel, from: 0, marked: undefined });
    panel.onDidDispose(() => this.shown.delete(uri));
    await this.render(uri);
  }

  private async goTo(uri: string): Promise<void> {
    const total = this.shown.get(uri)?.total;
    const asked = await window.showInputBox({
      title: 'QRM Lens: Go to Row',
      prompt: total === undefined ? 'Number of the row' : `Number of the row, 1 to ${total}`,
      validateInput: (text) => {
        const row = Number(text);
        return Number.isInteger(row) && row >= 1 && row <= (total ?? Infinity)
          ? undefined
          : `expected a whole number of at least 1${total === undefined ? '' : ` and at most ${total}`}`;
      },
    });
    if (asked !== undefined) await this.reveal(Uri.parse(uri), Number(asked) - 1);
  }

  private async reveal(uri: Uri, row: number): Promise<void> {
    await commands.executeCommand('vscode.openWith', uri, VIEW);
    const shown = this.shown.get(uri.toString());
    if (shown === undefined) return;
    shown.from = Math.floor(row / PAGE) * PAGE;
    shown.marked = row;
    await this.render(uri.toString());
  }

  private async render(uri: string): Promise<void> {
    const shown = this.shown.get(uri);
    if (shown === undefined) return;
    try {
      const client = await this.context.server();
      const asked = { uri, from: shown.from, limit: PAGE };
      const page = await request(client, 'rows', asked);
      const summary = await request(client, 'summary', { uri });
      if (page.total !== null) shown.total = page.total;
      shown.panel.webview.html = parquetHtml({ uri, page, summary, size: PAGE, ...shown });
    } catch (error) {
      const message = messageOf(error);
      shown.panel.webview.html = parquetHtml({ uri, error: message, size: PAGE, ...shown });
    }
  }
}
