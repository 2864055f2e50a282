import { commands, Uri, window, workspace, type Disposable } from 'vscode';
import { complain } from '../tell.js';
import { UNPACKED } from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { request } from '../server/request.js';
import { activeTab } from './active.js';
import { isPackedText } from '../../../server/src/datasets/formats.js';

/** The document that shows a compressed file's text; undefined where the file is none, or no text. */
export function unpackedUri(uri: Uri): Uri | undefined {
  if (uri.scheme !== 'file' || !isPackedText(uri.path)) return undefined;
  const at = uri.path.lastIndexOf('.');
  const [path, query] = [uri.path.slice(0, at), uri.path.slice(at + 1)];
  return Uri.from({ scheme: UNPACKED, path, query });
}

/** The compressed file that a document shows. */
export const packedUri = (uri: Uri): Uri | undefined =>
  uri.scheme === UNPACKED ? Uri.file(`${uri.path}.${uri.query}`) : undefined;

/** Compressed files as read-only documents, with the place of every row. */
export function registerUnpacked(context: Context): Disposable[] {
  return [
    workspace.registerTextDocumentContentProvider(UNPACKED, {
      provideTextDocumentContent: async (shown) => {
        const uri = packedUri(shown)?.toString() ?? '';
        return (await request(await context.server(), 'unpack', { uri })).text;
      },
    }),
    commands.registerCommand('qrmLens.openUnpacked', async (argument: unknown) => {
      const file = argument instanceof Uri ? argument : activeTab();
      const shown = file && unpackedUri(file);
      try {
        if (shown === undefined)
          throw new Error(
            `${file?.fsPath ?? 'no file'}: expected a gzip or zstd file of text, such as pairs.jsonl.gz`,
          );
        await window.showTextDocument(shown, { preview: false });
      } catch (error) {
        complain(error);
      }
    }),
  ];
}
