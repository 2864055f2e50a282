import { Uri, workspace, type ExtensionContext } from 'vscode';
import type { ToolSetup } from './tool.js';

/** The secret that engines at `qrmLens.endpoint` ask for. */
export const TOKEN = 'qrmLens.endpointToken';

/**
 * The Node of `qrmLens.server.nodePath`, where it is set. A program named by an untrusted folder is never run; the
 * setting is restricted as well.
 */
export function nodePath(): string | undefined {
  const node = workspace.getConfiguration('qrmLens').get<string>('server.nodePath', '').trim();
  return node !== '' && workspace.isTrusted ? node : undefined;
}

/** How `qrm` runs here: by the extension's own program. */
export function toolSetup({ extensionUri }: ExtensionContext): ToolSetup {
  const cli = Uri.joinPath(extensionUri, 'dist', 'cli.js').fsPath;
  return { cli, runtime: nodePath() };
}

/** The token that the editor keeps, for commands that ask `qrmLens.endpoint`, and no others. */
export async function tokenOf({ secrets }: ExtensionContext): Promise<Record<string, string>> {
  const secret = await secrets.get(TOKEN);
  return secret === undefined ? {} : { QRM_LENS_TOKEN: secret };
}

/** Device, precision and threads of the settings, as options of a command. */
export function engineArguments(of: Uri | undefined): string[] {
  const settings = workspace.getConfiguration('qrmLens', of);
  const text = (name: string): string => settings.get<string>(name, '').trim() || 'auto';
  const threads = settings.get<number>('threads', 0);
  return [
    ...['--device', text('device'), '--precision', text('precision')],
    ...(threads > 0 ? ['--threads', String(threads)] : []),
  ];
}
