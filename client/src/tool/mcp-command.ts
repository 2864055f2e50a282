import { join } from 'node:path';

/** What `qrm mcp` is started with for a workspace. */
export interface McpSurroundings {
  /** Of the extension. */
  readonly folder: string;
  /** The editor's own Node, or the one that `qrmLens.server.nodePath` names. */
  readonly node: string;
  /** False: only the embedded model, whatever the settings name. */
  readonly trusted: boolean;
  /** Folders of the workspace that lie on this machine. */
  readonly roots: readonly string[];
  readonly settings: {
    readonly model: string;
    readonly endpoint: string;
    readonly device: string;
    readonly precision: string;
    readonly threads: number;
    readonly store: boolean;
  };
}

export interface McpCommand {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

/**
 * How the editor starts `qrm mcp`; undefined without a folder, for nothing could be read then.
 * Settings that an untrusted folder may have written are left out there.
 */
export function mcpCommand(at: McpSurroundings): McpCommand | undefined {
  if (at.roots.length === 0) return undefined;
  const { model, endpoint, device, precision, threads, store } = at.settings;
  const own = [
    ...(model === '' ? [] : ['--model', model]),
    ...(endpoint === '' ? [] : ['--endpoint', endpoint]),
    '--device',
    device,
    '--precision',
    precision,
    ...(threads > 0 ? ['--threads', `${threads}`] : []),
    ...(store ? [] : ['--no-store']),
  ];
  return {
    command: at.node,
    args: [
      join(at.folder, 'dist', 'cli.js'),
      'mcp',
      ...at.roots.flatMap((root) => ['--root', root]),
      ...(at.trusted ? own : []),
    ],
    // The editor's program is a Node when it is told so.
    env: { ELECTRON_RUN_AS_NODE: '1' },
  };
}
