import { commands, ConfigurationTarget, Uri, window, workspace, type Disposable } from 'vscode';
import type { Context } from '../context.js';
import { request } from '../server/request.js';

interface Shape {
  readonly label: string;
  readonly description: string;
  readonly roles: readonly string[];
}
const SHAPES: readonly Shape[] = [
  {
    label: 'A pair',
    description: 'one response preferred over another',
    roles: ['chosen', 'rejected', 'prompt'],
  },
  { label: 'One response', description: 'to a prompt', roles: ['response', 'prompt'] },
  { label: 'A conversation', description: 'a list of messages', roles: ['messages'] },
  {
    label: 'Several responses',
    description: 'a list of them, to one prompt',
    roles: ['completions', 'prompt'],
  },
];
const NONE = '(none)';

/** What can be done about a file that is not understood as a data set. */
export function registerMapping(context: Context): Disposable[] {
  return [
    commands.registerCommand('qrmLens.mapFields', (of?: string) => mapFields(of)),
    commands.registerCommand('qrmLens.excludeFile', async (of?: string) => {
      const uri = of === undefined ? window.activeTextEditor?.document.uri : Uri.parse(of);
      if (uri === undefined) return;
      const settings = workspace.getConfiguration('qrmLens', uri);
      const name = workspace.asRelativePath(uri, false);
      const excluded = settings.get<string[]>('exclude', []);
      await settings.update('exclude', [...new Set([...excluded, name])], target());
      const client = await context.server();
      const { uris } = await request(client, 'clearFindings', { uris: [uri.toString()] });
      context.forget(uris);
      window.setStatusBarMessage(`QRM Lens: ${name} is audited only on command`, 4000);
    }),
  ];
}

const target = (): ConfigurationTarget =>
  workspace.workspaceFolders === undefined
    ? ConfigurationTarget.Global
    : ConfigurationTarget.Workspace;

/** Asks which field holds what, of those that the first record has. */
async function mapFields(of: string | undefined): Promise<void> {
  const document = window.visibleTextEditors.find(
    (e) => of === undefined || e.document.uri.toString() === of,
  )?.document;
  const fields = document === undefined ? [] : fieldsOf(firstRecord(document.getText()));
  // Of other containers the setting itself is the place.
  if (document === undefined || fields.length === 0)
    return await commands.executeCommand<void>('workbench.action.openSettings', 'qrmLens.mapping');
  const shape = await window.showQuickPick([...SHAPES], {
    title: 'QRM Lens: what does a record hold?',
  });
  if (shape === undefined) return;
  const mapping: Record<string, string> = {};
  for (const role of shape.roles) {
    const items = role === 'prompt' ? [NONE, ...fields] : fields;
    const title = `QRM Lens: which field is ${role}?`;
    const field = await window.showQuickPick(items, { title });
    if (field === undefined) return;
    if (field !== NONE) mapping[role] = field;
  }
  const folder = workspace.getWorkspaceFolder(document.uri);
  await workspace
    .getConfiguration('qrmLens', document.uri)
    .update('mapping', mapping, folder ? ConfigurationTarget.WorkspaceFolder : target());
}

/** The first line that is a record of JSON; undefined where there is none. */
function firstRecord(text: string): unknown {
  const line = text
    .slice(0, 1_000_000)
    .split('\n')
    .find((l) => l.trim() !== '');
  try {
    return JSON.parse(line ?? '');
  } catch {
    return undefined;
  }
}

/** Dotted paths of what may hold a text or a list of messages, as `qrmLens.mapping` takes them. */
function fieldsOf(record: unknown, depth = 0): string[] {
  if (typeof record !== 'object' || record === null || depth > 2) return [];
  return Object.entries(record)
    .slice(0, 50)
    .flatMap(([key, value]) => [
      ...(typeof value === 'string' || Array.isArray(value) ? [key] : []),
      ...fieldsOf(value, depth + 1).map((path) => `${key}.${path}`),
    ]);
}
