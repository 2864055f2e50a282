import { Uri, window, workspace, type Disposable, type ExtensionContext } from 'vscode';
import { messageOf, unawaited } from '../../../server/src/errors.js';
import type { ToView, WatchMessage } from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { failureOf, startTool } from '../tool/tool.js';
import { engineArguments, toolSetup } from '../tool/setup.js';

/** What is told together: a log of many steps is read faster than it is drawn. */
const TOGETHER_MS = 100;

export const isUrl = (log: string): boolean => /^https?:\/\//i.test(log);

/** A log that the user chooses, as a URI of a file or a folder, or the URL of who serves it. */
export async function pickLog(argument: unknown): Promise<string | undefined> {
  if (argument instanceof Uri) return argument.toString();
  const active = window.activeTextEditor?.document.uri;
  const here =
    active?.scheme === 'file' && /\.(jsonl|ndjson|log)$/i.test(active.path) ? active : undefined;
  const file = '$(file) A log…';
  const folder = '$(folder) A folder of logs…';
  const url = '$(globe) A URL…';
  const items = [
    ...(here
      ? [{ label: `$(graph-line) ${workspace.asRelativePath(here)}`, log: here.toString() }]
      : []),
    { label: file, description: 'JSON Lines of rollouts or of figures, while they are written' },
    { label: folder },
    // Nothing is asked of the network for an untrusted folder.
    ...(workspace.isTrusted
      ? [{ label: url, description: 'JSON Lines or server-sent events' }]
      : []),
  ];
  const title = 'QRM Lens: watch a training';
  const picked = await window.showQuickPick<{ label: string; log?: string }>(items, {
    title,
    placeHolder: 'Where its rollouts are written',
  });
  if (picked === undefined || picked.log !== undefined) return picked?.log;
  if (picked.label === url)
    return window.showInputBox({
      title,
      prompt: 'A URL that answers with JSON Lines or server-sent events',
      validateInput: (text) =>
        isUrl(text) ? undefined : 'expected a URL that begins with http:// or https://',
    });
  const folders = picked.label === folder;
  const chosen = await window.showOpenDialog({
    title,
    canSelectFolders: folders,
    canSelectFiles: !folders,
    ...(!folders && { filters: { Logs: ['jsonl', 'ndjson', 'log'] } }),
  });
  return chosen?.[0]?.toString();
}

/**
 * Follows a log by `qrm watch` in a process of its own, until disposed.
 * @param log as `pickLog` gives it
 */
export function followLog(
  extension: ExtensionContext,
  { log: output }: Context,
  log: string,
  tell: (message: ToView['watch']) => void,
): Disposable {
  let events: WatchMessage[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  let disposed = false;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (events.length > 0) tell({ events });
    events = [];
  };
  const run = async (): Promise<void> => {
    if (isUrl(log) && !workspace.isTrusted)
      throw new Error('a URL is not followed in an untrusted workspace');
    const uri = isUrl(log) ? undefined : Uri.parse(log);
    if (uri !== undefined && uri.scheme !== 'file')
      throw new Error(`${log} is not on disk; expected a file or a folder of this machine`);
    const model = workspace.getConfiguration('qrmLens', uri).get<string>('model.path', '').trim();
    const args = [
      ...['watch', uri?.fsPath ?? log, '--format', 'jsonl', '--quiet'],
      ...(model === '' ? [] : ['--model', model]),
      ...engineArguments(uri),
    ];
    const tool = startTool(args, toolSetup(extension), (line) => {
      const event = JSON.parse(line) as WatchMessage;
      if (event.type === 'note') output.info(`watch: ${event.message}`);
      events.push(event);
      timer ??= setTimeout(flush, TOGETHER_MS);
    });
    stop = () => tool.child.kill('SIGINT');
    const warned = await tool.ended;
    if (disposed) return;
    flush();
    const failed = tool.child.exitCode !== 0;
    tell({ events: [], ended: failed ? { error: failureOf('watch', tool, warned) } : {} });
  };
  unawaited(run(), (error) => tell({ events: [], ended: { error: messageOf(error) } }));
  return {
    dispose: () => {
      disposed = true;
      clearTimeout(timer);
      stop?.();
    },
  };
}
