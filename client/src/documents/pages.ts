import { EventEmitter, Uri, workspace, type Disposable } from 'vscode';
import { readFile } from 'node:fs/promises';

const SCHEME = 'qrm-lens';
/** The doctor's report. */
export const DOCTOR = Uri.from({ scheme: SCHEME, path: 'Doctor.md' });
const changed = new EventEmitter<Uri>();
let doctor = '';

/** A finding's page: its section of docs/findings.md. */
export const findingPage = (code: string): Uri =>
  Uri.from({ scheme: SCHEME, path: `finding/${code}.md` });

export function setDoctor(text: string): void {
  doctor = text;
  changed.fire(DOCTOR);
}

/** Documents of our own: read-only, and nothing to save. */
export const registerPages = (extension: Uri): Disposable =>
  workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: changed.event,
    provideTextDocumentContent: async (uri) => {
      const code = /finding\/([\w-]+)\.md$/.exec(uri.path)?.[1];
      if (code === undefined) return doctor;
      const file = Uri.joinPath(extension, 'docs', 'findings.md').fsPath;
      return sectionOf(await readFile(file, 'utf8'), code);
    },
  });

/** The section with this heading, and what stands before the first one where there is none. */
function sectionOf(page: string, heading: string): string {
  const sections = page.split(/^(?=## )/m);
  const found = sections.find((s) => s.slice(3).split('\n', 1)[0]?.trim() === heading);
  return (found ?? sections[0] ?? '').replace(/^## /, '# ');
}
