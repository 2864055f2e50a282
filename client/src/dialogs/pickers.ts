import { ConfigurationTarget, window, workspace } from 'vscode';
import type { Device, DeviceFinding } from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { showDoctor } from './doctor.js';
import { request } from '../server/request.js';

export const settings = () => workspace.getConfiguration('qrmLens');

/** Where a machine's setting goes: the workspace only where it is set there already. */
export function place(name: string): ConfigurationTarget {
  const found = settings().inspect(name);
  return found?.workspaceValue === undefined
    ? ConfigurationTarget.Global
    : ConfigurationTarget.Workspace;
}

/** What the doctor found earlier; nothing where the server does not answer in time. */
async function findings(context: Context): Promise<readonly DeviceFinding[]> {
  try {
    const wait = new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error('no answer')), 5000),
    );
    const client = await context.server();
    return await Promise.race([request(client, 'devices'), wait]);
  } catch {
    return [];
  }
}

export async function selectDevice(context: Context): Promise<void> {
  const names: readonly [Device, string][] = [
    ['auto', 'the fastest that runs right'],
    ['cpu', 'always there'],
    ['cuda', 'NVIDIA'],
    ['webgpu', 'Vulkan, Metal or Direct3D'],
    ['dml', 'Windows, DirectX 12'],
  ];
  const current = settings().get<string>('device', 'auto');
  const found = await findings(context);
  const items = names.map(([device, description]) => {
    const now = device === current ? `${description} (now)` : description;
    const of = found.find(({ name }) => name === device);
    const state = of && `${of.chosen ? '$(check)' : of.available ? '$(circle-outline)' : '$(x)'} `;
    return {
      label: device,
      description: now,
      ...(of && { detail: `${state ?? ''}${of.reason}` }),
      device,
    };
  });
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
