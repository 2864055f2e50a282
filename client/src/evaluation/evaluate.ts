import {
  ProgressLocation,
  Uri,
  window,
  workspace,
  type ExtensionContext,
  type QuickPickItem,
} from 'vscode';
import type { EvaluateEvent } from '../../../server/src/protocol/index.js';
import { DEFAULT_CVAR_LEVEL, DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import type { Context } from '../context.js';
import { DIALOG_ENDINGS } from '../documents/documents.js';
import { request } from '../server/request.js';
import { engineArguments, tokenOf, toolSetup } from '../tool/setup.js';
import { runTool } from '../tool/tool.js';
import { inform } from '../tell.js';
import { KeptResults } from './kept.js';

/** `QRM Lens: Evaluate…`: how good models are on the files' labels, by `qrm evaluate` in a process of its own. */
export class Evaluations {
  readonly kept: KeptResults;
  private running = false;

  /** @param show opens the view of these files' result */
  constructor(
    private readonly extension: ExtensionContext,
    private readonly context: Context,
    private readonly show: (uris: readonly string[]) => void,
  ) {
    const storage = extension.storageUri ?? extension.globalStorageUri;
    this.kept = new KeptResults(Uri.joinPath(storage, 'evaluations').fsPath);
  }

  /**
   * @param given files or folders; without any, the user is asked
   * @throws Error naming what cannot be evaluated; while an evaluation runs
   */
  async start(given: readonly Uri[]): Promise<void> {
    if (this.running) throw new Error('an evaluation is running already');
    const files = given.length > 0 ? given : await pickFiles();
    if (files.length === 0) return;
    for (const uri of files) check(uri);
    const models = await this.models();
    if (models === undefined) return;
    this.running = true;
    try {
      await this.run(files, models);
    } finally {
      this.running = false;
    }
  }

  private async run(files: readonly Uri[], models: readonly string[]): Promise<void> {
    const uris = files.map(String);
    const out = await this.kept.path(uris);
    const [first] = files;
    const settings = workspace.getConfiguration('qrmLens', first);
    const text = (name: string): string => settings.get<string>(name, '').trim();
    const mapping = settings.get<object>('mapping', {});
    const endpoint = workspace.isTrusted ? text('endpoint') : '';
    const args = [
      'evaluate',
      ...files.map(({ fsPath }) => fsPath),
      ...models.flatMap((model) => ['--model', model]),
      ...(endpoint === '' ? [] : ['--endpoint', endpoint]),
      ...engineArguments(first),
      ...(Object.keys(mapping).length > 0 ? ['--mapping', JSON.stringify(mapping)] : []),
      ...(settings.get<boolean>('store.enabled', true) ? [] : ['--no-store']),
      ...['--tau', String(settings.get<number>('tau', DEFAULT_TAU))],
      ...['--cvar-level', String(settings.get<number>('cvarLevel', DEFAULT_CVAR_LEVEL))],
      ...['--format', 'json', '--out', out],
    ];
    const made = await this.tool(args);
    if (made === undefined) {
      inform('the evaluation was cancelled. Evaluate… goes on from there.');
      return;
    }
    this.show(uris);
    for (const line of made.warned) this.context.log.warn(`evaluate: ${line}`);
    if (made.warned.length === 0) return;
    const answer = await window.showWarningMessage(
      `QRM Lens: ${made.warned[0]}${made.warned.length > 1 ? ` (and ${made.warned.length - 1} more)` : ''}`,
      'Show Log',
    );
    if (answer !== undefined) this.context.log.show();
  }

  private async tool(args: readonly string[]): ReturnType<typeof runTool<EvaluateEvent>> {
    const setup = { ...toolSetup(this.extension), env: await tokenOf(this.extension) };
    const location = ProgressLocation.Notification;
    const title = 'QRM Lens: evaluating';
    return window.withProgress({ location, title, cancellable: true }, (progress, token) => {
      return runTool<EvaluateEvent>(args, { ...setup, token }, (event) => {
        if (event.type === 'note') return this.context.log.info(`evaluate: ${event.text}`);
        // Each model begins anew, while a notification's bar only grows: the share is in words.
        const { stage, fraction, note } = event;
        const percent = fraction === undefined ? '' : `${Math.floor(100 * fraction)} %`;
        return progress.report({ message: [stage, percent, note].filter(Boolean).join(', ') });
      });
    });
  }

  /** Models of the table: those at hand, the one of the settings chosen already. @returns undefined when put off */
  private async models(): Promise<readonly string[] | undefined> {
    const settings = workspace.getConfiguration('qrmLens');
    const own = settings.get<string>('model.path', '').trim();
    const one = own === '' ? [] : [own];
    // Engines elsewhere serve one model.
    if (workspace.isTrusted && settings.get<string>('endpoint', '').trim() !== '') return one;
    const known = await request(await this.context.server(), 'models');
    const items = known
      .filter((m) => workspace.isTrusted || m.embedded)
      .map((m): QuickPickItem & { path: string } => ({
        label: m.name,
        description: m.description,
        detail: m.embedded ? 'comes with the extension' : m.path,
        path: m.path,
        picked: own === '' ? m.embedded && m.name === 'default' : m.path === own,
      }));
    if (own !== '' && !items.some(({ picked }) => picked))
      items.unshift({ label: own, description: 'qrmLens.model.path', path: own, picked: true });
    if (items.length < 2) return one;
    const picked = await window.showQuickPick(items, {
      title: 'QRM Lens: evaluate models',
      placeHolder: 'Several make one table, and are compared on the same items',
      canPickMany: true,
      matchOnDescription: true,
    });
    return picked === undefined || picked.length === 0 ? undefined : picked.map(({ path }) => path);
  }
}

async function pickFiles(): Promise<readonly Uri[]> {
  const title = 'Evaluate on benchmarks or rated responses';
  const chosen = await window.showOpenDialog({
    title,
    canSelectMany: true,
    filters: { Datasets: DIALOG_ENDINGS },
  });
  return chosen ?? [];
}

/** @throws Error for what is not on disk as it is shown */
function check(uri: Uri): void {
  if (uri.scheme !== 'file')
    throw new Error(`${uri.path} is not on disk; expected files or folders of this machine`);
  const open = workspace.textDocuments.find((d) => d.uri.toString() === uri.toString());
  if (open?.isDirty === true)
    throw new Error(`${uri.fsPath} has changes that are not saved; save it first`);
}
