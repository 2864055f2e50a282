import { Uri, workspace, type ExtensionContext } from 'vscode';
import { TOKEN } from './server.js';
import type { ToolSetup } from './tool.js';

/** How `qrm` runs here: by the extension's own program. */
export function toolSetup({ extensionUri }: ExtensionContext): ToolSetup {
  const cli = Uri.joinPath(extensionUri, 'dist', 'cli.js').fsPath;
  const node = workspace.getConfiguration('qrmLens').get<string>('server.nodePath', '').trim();
  return {
    cli,
    // A program named by an untrusted folder is never run; the setting is restricted as well.
    runtime: node === '' || !workspace.isTrusted ? undefined : node,
  };
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
