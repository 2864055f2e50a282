import { Uri, window, workspace } from 'vscode';
import type { ImageExport } from '../../../server/src/protocol/index.js';

const NAMES = { png: 'PNG image', svg: 'SVG image', csv: 'CSV table' } as const;

/** Asks for a place and writes what a page exported; undefined when the user thought better of it. */
export async function saveImage(m: ImageExport, near: string | undefined) {
  const name = `${m.name.replace(/[^\w.-]+/g, '-').slice(0, 80)}.${m.format}`;
  const target = await window.showSaveDialog({
    ...(near?.startsWith('file:') && { defaultUri: Uri.joinPath(Uri.parse(near), '..', name) }),
    filters: { [NAMES[m.format]]: [m.format] },
  });
  if (target === undefined) return undefined;
  const base64 = /^data:image\/png;base64,(.*)$/s.exec(m.data)?.[1];
  if (m.format === 'png' && base64 === undefined) throw new Error('the page gave no PNG image');
  const bytes = m.format === 'png' ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(m.data);
  await workspace.fs.writeFile(target, bytes);
  return target.fsPath;
}
