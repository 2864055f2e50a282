import { commands, window, type Disposable, type TextEditor } from 'vscode';
import { messageOf, unawaited } from '../../../server/src/errors.js';
import type { Context } from '../context.js';
import { themeKind } from '../theme.js';
import { notify } from '../server/request.js';

const QUIET_MS = 60;

/** Tells the server which lines are on screen: those are scored first. */
export function followScreen(context: Context): Disposable[] {
  const timers = new Map<string, NodeJS.Timeout>();
  const told = (error: unknown): void => context.log.warn(messageOf(error));
  const send = (editor: TextEditor) => {
    const uri = editor.document.uri.toString();
    clearTimeout(timers.get(uri));
    timers.set(
      uri,
      setTimeout(() => {
        timers.delete(uri);
        const ranges = editor.visibleRanges.map((r) => ({ from: r.start.line, to: r.end.line }));
        notify(context.running(), 'visibleRanges', { uri, ranges }).catch(told);
      }, QUIET_MS),
    );
  };
  const mark = () => {
    const uri = window.activeTextEditor?.document.uri.toString();
    const audited = uri !== undefined && context.summary(uri) !== undefined;
    unawaited(commands.executeCommand('setContext', 'qrmLens.audited', audited), told);
  };
  return [
    window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => send(textEditor)),
    window.onDidChangeVisibleTextEditors((editors) => editors.forEach(send)),
    window.onDidChangeActiveTextEditor(mark),
    context.onChanged(mark),
    context.onForgotten(mark),
    window.onDidChangeActiveColorTheme(() =>
      notify(context.running(), 'theme', { kind: themeKind() }).catch(told),
    ),
  ];
}
