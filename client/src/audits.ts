import { Uri, window, workspace } from 'vscode';
import { complain } from './tell.js';
import { unawaited } from '../../server/src/errors.js';
import {
  EXPORT_FORMATS,
  plural,
  type AuditFolderResult,
  type AuditParams,
  type AuditSummary,
  type ExportFormat,
  type ExportParams,
} from '../../server/src/protocol/index.js';
import type { Context } from './context.js';
import { isCancelled, withProgress } from './progress.js';
import { request } from './server/request.js';

const FORMAT_WORDS: Readonly<Record<ExportFormat, string>> = {
  html: 'One page to read and to send',
  sarif: 'SARIF 2.1.0, for code scanning',
  json: 'Findings and the riskiest responses',
  jsonl: 'One finding a line',
  csv: 'Findings for a spreadsheet',
  parquet: 'Every response with its quantiles',
};
/** Audits that the user asked for: with progress, and a way to stop them. */
export class Audits {
  constructor(private readonly context: Context) {}

  /** Without progress of its own: for a view that needs the numbers. */
  async quietly(uri: string): Promise<AuditSummary | undefined> {
    const client = await this.context.server();
    unawaited(request(client, 'audit', { uri }), (error) => {
      if (!isCancelled(error)) complain(error);
    });
    const known = await request(client, 'summary', { uri });
    return known ?? undefined;
  }

  async cancel(uri: string): Promise<void> {
    const client = this.context.running();
    if (client !== undefined) await request(client, 'cancel', { uri });
  }

  /** Undefined when it was cancelled or failed; the user has been told. */
  file(uri: Uri, lines?: AuditParams['lines']): Promise<AuditSummary | undefined> {
    const name = workspace.asRelativePath(uri);
    return withProgress(this.context, `Auditing ${name}`, (client, token, workDoneToken) =>
      request(
        client,
        'audit',
        { uri: uri.toString(), ...(lines && { lines }), workDoneToken },
        token,
      ),
    );
  }

  folder(uri: Uri): Promise<AuditFolderResult | undefined> {
    return withProgress(
      this.context,
      `Auditing ${workspace.asRelativePath(uri)}`,
      (client, token, id) =>
        request(client, 'auditFolder', { uri: uri.toString(), workDoneToken: id }, token),
    );
  }

  async exportReport(uri: string): Promise<void> {
    const items = EXPORT_FORMATS.map((format) => ({
      label: format.toUpperCase(),
      description: FORMAT_WORDS[format],
      format,
    }));
    const chosen = await window.showQuickPick(items, { title: 'QRM Lens: format of the report' });
    if (chosen === undefined) return;
    const { format } = chosen;
    const extension = format === 'sarif' ? 'sarif.json' : format;
    const near = Uri.parse(uri);
    const target = await window.showSaveDialog({
      ...(near.scheme === 'file' && {
        defaultUri: near.with({ path: `${near.path}.qrm.${extension}` }),
      }),
      filters: { [chosen.label]: [format === 'sarif' ? 'json' : format] },
    });
    if (target === undefined) return;
    const server = await this.context.server();
    const known = await request(server, 'summary', { uri });
    if (known === null && (await this.file(near)) === undefined) return;
    const title = `Writing ${workspace.asRelativePath(target)}`;
    const result = await withProgress(this.context, title, (client, token, workDoneToken) => {
      const asked: ExportParams = { uri, format, path: target.fsPath, workDoneToken };
      return request(client, 'exportReport', asked, token);
    });
    if (result === undefined) return;
    const open = 'Open';
    const answer = await window.showInformationMessage(
      `QRM Lens: ${plural(result.findings, 'finding')} written to ${workspace.asRelativePath(target)}.`,
      open,
    );
    if (answer !== open) return;
    if (format === 'html') await openExternally(target);
    else await window.showTextDocument(target).then(undefined, () => undefined);
  }
}

async function openExternally(target: Uri): Promise<void> {
  const { env } = await import('vscode');
  await env.openExternal(target);
}
