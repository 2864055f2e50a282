import { QuickPickItemKind, window, workspace, type QuickPickItem, type Uri } from 'vscode';
import {
  byteSize,
  type HubCost,
  type HubModel,
  type HubModels,
} from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { place, settings } from './pickers.js';
import { withProgress } from '../progress.js';
import { request } from '../server/request.js';

type Choice = QuickPickItem & {
  /** What the setting `qrmLens.model.path` becomes. */
  readonly path?: string;
  readonly hub?: HubModel;
  readonly browse?: 'folder' | 'gguf' | 'name';
};

const NAME = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*(@[\w./-]+)?$/;
const separator = (label: string): Choice => ({ label, kind: QuickPickItemKind.Separator });

/**
 * `QRM Lens: Select Model…`: models at hand, known good ones of the hub with what they cost here, and a way to any
 * other. What is not here is downloaded, after the user has seen what that takes. In an untrusted workspace the
 * embedded models are all that is offered, and nothing is asked of the network.
 */
export async function selectModel(context: Context): Promise<void> {
  const client = await context.server();
  const current = settings().get<string>('model.path', '');
  const known = await request(client, 'models');
  const trusted = workspace.isTrusted;
  const here = known
    .filter((m) => trusted || m.embedded)
    .map((m): Choice => ({
      label: m.name,
      description: m.description,
      detail: m.embedded ? 'comes with the extension' : m.path,
      // The embedded default is the empty setting, whatever the version's folder.
      path: m.embedded && m.name === 'default' ? '' : m.path,
    }));
  const others = trusted ? await elsewhere(context) : [];
  const picked = await window.showQuickPick([separator('On this machine'), ...here, ...others], {
    title: trusted
      ? 'QRM Lens: model'
      : 'QRM Lens: model (only the embedded one in an untrusted workspace)',
    placeHolder: current === '' ? 'embedded model' : current,
    matchOnDescription: true,
  });
  const path = picked && (await pathOf(context, picked));
  if (path !== undefined) await settings().update('model.path', path, place('model.path'));
}

async function elsewhere(context: Context): Promise<Choice[]> {
  const hub = await request(await context.server(), 'hubModels');
  return [
    {
      label: '$(folder-opened) A folder…',
      description: 'a bundle or a Hugging Face checkpoint',
      browse: 'folder',
    },
    {
      label: '$(file-binary) A GGUF file…',
      description: 'with its heads inside or beside it',
      browse: 'gguf',
    },
    separator('On the Hugging Face hub'),
    ...hub.models.map((m) => hubChoice(m, hub)),
    {
      label: '$(cloud-download) Another model of the hub…',
      description: 'org/name',
      browse: 'name',
    },
  ];
}

/** Size, licence, memory by precision, and what of it this machine has. */
function hubChoice(hub: HubModel, { memory }: HubModels): Choice {
  const gives =
    hub.levels > 1
      ? `${hub.attributes} attributes × ${hub.levels} levels`
      : hub.attributes > 1
        ? `${hub.attributes} attributes`
        : 'one number';
  const state = hub.cached ? 'downloaded' : byteSize(hub.download, Math.ceil);
  const fits = hub.fits.includes('float32')
    ? 'fits'
    : hub.fits.includes('int8')
      ? 'fits in int8'
      : 'too large';
  return {
    label: `${hub.cached ? '$(check) ' : ''}${hub.name}`,
    description: `${state} · ${gives} · ${hub.licence}`,
    detail: `Memory ${byteSize(hub.int8, Math.ceil)} in int8, ${byteSize(hub.float32, Math.ceil)} in float32: ${fits} (this machine has ${byteSize(memory, Math.floor)})`,
    hub,
  };
}

async function pathOf(context: Context, picked: Choice): Promise<string | undefined> {
  if (picked.path !== undefined) return picked.path;
  if (picked.hub) return picked.hub.cached ? picked.hub.name : download(context, picked.hub.name);
  if (picked.browse === 'name') {
    const name = await window.showInputBox({
      title: 'QRM Lens: a reward model of the Hugging Face hub',
      placeHolder: 'org/name or org/name@revision',
      validateInput: (text) =>
        text === '' || NAME.test(text) ? undefined : 'Expected org/name or org/name@revision',
    });
    return name === undefined || name === '' ? undefined : download(context, name);
  }
  return (await browsed(picked.browse === 'gguf'))?.fsPath;
}

/** Says what the model costs, and brings it where the user agrees. Gives its name, or undefined. */
async function download(context: Context, name: string): Promise<string | undefined> {
  const title = `Asking for ${name}`;
  const cost = await withProgress(context, title, (client, token) =>
    request(client, 'hubCost', { name }, token),
  );
  if (cost === undefined) return undefined;
  const { memory, disk } = await request(await context.server(), 'hubModels');
  const answer = await window.showInformationMessage(
    `Download ${name}?`,
    { modal: true, detail: costInWords(cost, memory, disk) },
    'Download',
  );
  if (answer !== 'Download') return undefined;
  const pulled = await withProgress(context, `Downloading ${name}`, (client, token, id) =>
    request(client, 'pullModel', { name, workDoneToken: id }, token),
  );
  return pulled && name;
}

function costInWords(cost: HubCost, memory: number, disk: number | null): string {
  const free = disk === null ? '' : ` ${byteSize(disk, Math.floor)} are free there.`;
  const have =
    cost.missing < cost.download
      ? ` (${byteSize(cost.missing, Math.ceil)} of it still to come)`
      : '';
  return [
    `Disk: ${byteSize(cost.download, Math.ceil)}${have} in the Hugging Face cache, and about ${byteSize(cost.converted, Math.ceil)} for its conversion to int8.${free}`,
    `Memory while it runs: about ${byteSize(cost.int8, Math.ceil)} in int8, ${byteSize(cost.float32, Math.ceil)} in float32; this machine has ${byteSize(memory, Math.floor)}.`,
    'A download that is cancelled goes on from there the next time.',
  ].join('\n');
}

async function browsed(gguf: boolean): Promise<Uri | undefined> {
  const chosen = await window.showOpenDialog(
    gguf
      ? { filters: { 'GGUF models': ['gguf'] } }
      : { canSelectFolders: true, canSelectFiles: false },
  );
  return chosen?.[0];
}
