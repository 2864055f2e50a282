import { ConfigurationTarget, window, workspace } from 'vscode';
import { type Device } from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { showDoctor } from './doctor.js';

export const settings = () => workspace.getConfiguration('qrmLens');

/** Where a machine's setting goes: the workspace only where it is set there already. */
export function place(name: string): ConfigurationTarget {
  const found = settings().inspect(name);
  return found?.workspaceValue === undefined
    ? ConfigurationTarget.Global
    : ConfigurationTarget.Workspace;
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
