import type { Uri } from 'vscode';
import { ConfigurationTarget, window, workspace } from 'vscode';
import { type Device } from '../../server/src/protocol/index.js';
import type { Context } from './context.js';
import { showDoctor } from './doctor.js';
import { request } from './request.js';

const settings = () => workspace.getConfiguration('qrmLens');

/** Where a machine's setting goes: the workspace only where it is set there already. */
function place(name: string): ConfigurationTarget {
  const found = settings().inspect(name);
  return found?.workspaceValue === undefined
    ? ConfigurationTarget.Global
    : ConfigurationTarget.Workspace;
}

export async function selectModel(context: Context): Promise<void> {
  const client = await context.server();
  const models = await request(client, 'models');
  const current = settings().get<string>('model.path', '');
  const items = models.map((m) => ({
    label: m.name,
    description: m.description,
    detail: m.embedded ? 'comes with the extension' : m.path,
    // The embedded default is the empty setting, whatever the version's folder.
    path: m.embedded && m.name === 'default' ? '' : m.path,
  }));
  const browse = [
    { label: '$(folder-opened) A folder…', description: 'a bundle or a Hugging Face checkpoint' },
    { label: '$(file-binary) A GGUF file…', description: 'with its heads beside it' },
  ];
  const picked = await window.showQuickPick(
    [...items, ...browse.map((b) => ({ ...b, detail: undefined, path: undefined }))],
    { title: 'QRM Lens: model', placeHolder: current === '' ? 'embedded model' : current },
  );
  if (picked === undefined) return;
  const path = picked.path ?? (await browsed(picked.label.includes('GGUF')))?.fsPath;
  if (path === undefined) return;
  if (path !== '' && !workspace.isTrusted)
    throw new Error('only the embedded model is used in an untrusted workspace');
  await settings().update('model.path', path, place('model.path'));
}

async function browsed(gguf: boolean): Promise<Uri | undefined> {
  const chosen = await window.showOpenDialog(
    gguf
      ? { filters: { 'GGUF models': ['gguf'] } }
      : { canSelectFolders: true, canSelectFiles: false },
  );
  return chosen?.[0];
}

export async function selectDevice(context: Context): Promise<void> {
  const names: readonly [Device, string][] = [
    ['auto', 'the first of cuda, webgpu, coreml/dml, cpu that truly loads'],
    ['cpu', 'always there'],
    ['cuda', 'NVIDIA'],
    ['webgpu', 'Vulkan, Metal or Direct3D'],
    ['coreml', 'macOS'],
    ['dml', 'Windows, DirectX 12'],
  ];
  const current = settings().get<string>('device', 'auto');
  const items = names.map(([device, description]) => ({
    label: device,
    description: device === current ? `${description} (now)` : description,
    device,
  }));
  const why = {
    label: '$(pulse) Which can be used here?',
    description: 'Doctor',
    device: undefined,
  };
  const picked = await window.showQuickPick([...items, why], {
    title: 'QRM Lens: execution provider',
  });
  if (picked === undefined) return;
  if (picked.device !== undefined) {
    await settings().update('device', picked.device, place('device'));
    return;
  }
  await showDoctor(context);
}
