import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  MessageType,
  ShowDocumentRequest,
  ShowMessageNotification,
  type ExecuteCommandParams,
} from 'vscode-languageserver';
import { messageOf, unawaited } from '../errors.js';
import { nameOf } from '../live/uris.js';
import { detail } from '../live/view-data.js';
import { CLIENT_COMMANDS, type IgnoreParams, type ResponseParams } from '../protocol/index.js';
import { hover } from './features/hover.js';
import { handlersOf } from './handlers.js';
import { knownAudit } from './answers/known.js';
import { ignoreFinding } from './answers/ignore.js';
import type { ServerContext } from './context.js';

/** Commands of lenses and actions, for clients without commands of their own. */
export function serveCommands(server: ServerContext): void {
  const { connection, workspace, features } = server;
  const tell = (message: string) =>
    unawaited(
      connection.sendNotification(ShowMessageNotification.type, {
        type: MessageType.Info,
        message: `QRM Lens: ${message}`,
      }),
      (error) => connection.console.warn(`${message} (${messageOf(error)})`),
    );
  /** Answers with the distribution as JSON: a server has no clipboard. */
  const copy = async (p: ResponseParams): Promise<unknown> => {
    const {
      detail: shown,
      reason,
      ...model
    } = await detail(await knownAudit(workspace, p.uri), await workspace.engine.service(), p);
    if (shown === null) throw new Error(reason ?? 'there is no distribution');
    const { row, kind, expectation, quantiles, gate, attributeQuantiles } = shown;
    return { row, kind, expectation, ...model, quantiles, gate, attributeQuantiles };
  };

  /** A page of the response in Markdown, opened where the client opens documents; answers with its path. */
  const open = async (p: ResponseParams): Promise<{ path: string }> => {
    const audit = await knownAudit(workspace, p.uri);
    const { line, column } = audit.spot(p.response);
    const look = { theme: 'dark', pictures: false, markdown: true } as const;
    const at = { line, character: column };
    const page = await hover(audit, workspace.engine.current, at, look);
    const { value = '' } = (page?.contents ?? {}) as { value?: string };
    const name = `${basename(nameOf(p.uri))}, line ${line + 1}`;
    const json = JSON.stringify(await copy(p), null, 2);
    const folder = await mkdtemp(join(tmpdir(), 'qrm-lens-'));
    const path = join(folder, `line-${line + 1}.md`);
    await writeFile(path, `# ${name}\n\n${value}\n\n\`\`\`json\n${json}\n\`\`\`\n`);
    if (features.showsDocuments)
      await connection.sendRequest(ShowDocumentRequest.type, { uri: pathToFileURL(path).href });
    else tell(`the distribution is in ${path}`);
    return { path };
  };

  handlersOf(connection)(
    'workspace/executeCommand',
    async ({ command, arguments: given = [] }: ExecuteCommandParams) => {
      const [argument] = given as unknown[];
      switch (command) {
        case CLIENT_COMMANDS.ignore: {
          const result = await ignoreFinding(workspace, argument as IgnoreParams);
          tell(`ignored in ${result.path}`);
          return result;
        }
        case CLIENT_COMMANDS.copyDistribution:
          return copy(argument as ResponseParams);
        case CLIENT_COMMANDS.openDetail:
          return open(argument as ResponseParams);
      }
      throw new Error(
        `unknown command ${command}; expected ${Object.values(CLIENT_COMMANDS).join(', ')}`,
      );
    },
  );
}
