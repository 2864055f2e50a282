import { env, Uri, window, workspace, type Disposable } from 'vscode';
import { inform } from './tell.js';
import { type IgnoreParams, plural, type ResponseRef } from '../../server/src/protocol/index.js';
import type { Audits } from './audits.js';
import { auditOpenChat } from './dialogs/chat.js';
import { clean } from './dialogs/clean.js';
import type { Context } from './context.js';
import { showDoctor } from './dialogs/doctor.js';
import { DIALOG_ENDINGS, isDataPath } from './documents/documents.js';
import { selectDevice } from './dialogs/pickers.js';
import { selectModel } from './dialogs/select-model.js';
import { selectedLines } from './documents/selection.js';
import type { Training } from './training/train.js';
import { pickLog } from './training/watch.js';
import type { Views } from './views/views.js';
import { request } from './server/request.js';
import { command } from './register.js';
import { target } from './documents/active.js';

async function pickFile(title: string): Promise<Uri | undefined> {
  return (await window.showOpenDialog({ title, filters: { Datasets: DIALOG_ENDINGS } }))?.[0];
}

/** @throws Error for a file that is no data set */
async function dataFile(argument: unknown, title: string): Promise<Uri | undefined> {
  const uri = target(argument) ?? (await pickFile(title));
  if (uri === undefined || isDataPath(uri) || uri.scheme !== 'file') return uri;
  throw new Error(
    `${uri.fsPath} is no dataset; expected JSON Lines, JSON, CSV, Parquet or Markdown`,
  );
}

const isRef = (value: unknown): value is ResponseRef =>
  typeof (value as Partial<ResponseRef> | undefined)?.response === 'number';

export function registerCommands(
  context: Context,
  audits: Audits,
  views: Views,
  training: Training,
): Disposable[] {
  const on = (name: string, run: (...args: unknown[]) => unknown) => command(context, name, run);
  const here = async (): Promise<ResponseRef | undefined> => {
    const editor = window.activeTextEditor;
    if (editor === undefined) return undefined;
    const { line, character } = editor.selection.active;
    return views.locate(editor.document.uri.toString(), line, character);
  };

  return [
    on('auditFile', async (argument) => {
      const uri = target(argument) ?? (await pickFile('Audit a file'));
      if (uri === undefined) return;
      const summary = await audits.file(uri);
      if (summary === undefined) return;
      const found = Object.values(summary.counts).reduce((sum, n) => sum + n, 0);
      const answer = await window.showInformationMessage(
        `QRM Lens: ${plural(summary.scored, 'response')} scored, ${plural(found, 'finding')}.`,
        'Open Dashboard',
      );
      if (answer !== undefined) views.openDashboard([uri.toString()]);
    }),
    on('clean', () => clean()),
    on('auditSelection', async () => {
      const editor = window.activeTextEditor;
      if (editor === undefined) throw new Error('no text editor is active');
      await audits.file(editor.document.uri, selectedLines(editor.selections));
    }),
    on('auditFolder', async (argument) => {
      const uri =
        argument instanceof Uri
          ? argument
          : (await window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false }))?.[0];
      if (uri === undefined) return;
      const result = await audits.folder(uri);
      if (result === undefined) return;
      const scored = result.audits.reduce((sum, a) => sum + a.scored, 0);
      for (const { uri: failed, error } of result.failed) context.log.warn(`${failed}: ${error}`);
      const failed =
        result.failed.length > 0 ? `, ${result.failed.length} failed (see the log)` : '';
      inform(
        `${plural(result.audits.length, 'file')}, ${plural(scored, 'response')} scored${failed}.`,
      );
    }),
    on('auditChat', async () => {
      const uri = await auditOpenChat();
      if (uri !== undefined && (await audits.file(uri)) !== undefined)
        views.openDashboard([uri.toString()]);
    }),
    on('cancelAudit', async (argument) => {
      const uri = target(argument);
      if (uri !== undefined) await audits.cancel(uri.toString());
    }),
    on('openDashboard', async (argument) => {
      const uri = await dataFile(argument, 'Dashboard of a file');
      if (uri !== undefined) views.openDashboard([uri.toString()]);
    }),
    on('policyPreview', async (argument) => {
      const uri = await dataFile(argument, 'Several responses to each prompt');
      if (uri !== undefined) views.openPolicy(uri.toString());
    }),
    on('evaluate', async (first, all) => {
      const given = Array.isArray(all) ? all.filter((u): u is Uri => u instanceof Uri) : [];
      const here = target(first);
      await views.evaluations.start(
        given.length > 0
          ? given
          : here !== undefined && (first === here || isDataPath(here))
            ? [here]
            : [],
      );
    }),
    on('openDetail', async (argument) => {
      const ref = isRef(argument) ? argument : await here();
      if (ref === undefined) throw new Error('there is no audited response at the cursor');
      await views.openDetail(ref);
    }),
    on('compareFiles', async (first, both) => {
      const given = Array.isArray(both) ? both.filter((u): u is Uri => u instanceof Uri) : [];
      const one = given[0] ?? target(first) ?? (await pickFile('Compare: the first file'));
      const two = given[1] ?? (await pickFile('Compare: the second file'));
      if (one === undefined || two === undefined) return;
      for (const uri of [one, two]) if ((await audits.file(uri)) === undefined) return;
      views.openDashboard([one.toString(), two.toString()]);
    }),
    on('exportReport', async (argument) => {
      const uri = target(argument) ?? (await pickFile('Report of a file'));
      if (uri !== undefined) await audits.exportReport(uri.toString());
    }),
    on('copyDistribution', async (argument) => {
      const ref = isRef(argument) ? argument : await here();
      if (ref === undefined) throw new Error('there is no audited response at the cursor');
      const client = await context.server();
      const { detail, ...rest } = await request(client, 'detail', ref);
      if (detail === null) throw new Error(rest.reason ?? 'there is no distribution');
      const { levels, attributes } = rest;
      const { quantiles, gate, attributeQuantiles, expectation, kind, row } = detail;
      const copied = {
        row,
        kind,
        expectation,
        levels,
        quantiles,
        attributes,
        gate,
        attributeQuantiles,
      };
      await env.clipboard.writeText(JSON.stringify(copied, null, 2));
      window.setStatusBarMessage('QRM Lens: distribution copied', 3000);
    }),
    on('ignoreFinding', async (argument) => {
      const client = await context.server();
      const params = argument as IgnoreParams;
      const { path } = await request(client, 'ignore', params);
      window.setStatusBarMessage(`QRM Lens: ignored in ${workspace.asRelativePath(path)}`, 4000);
    }),
    on('selectModel', () => selectModel(context)),
    on('selectDevice', () => selectDevice(context)),
    on('showLog', () => context.log.show()),
    on('restart', () => context.restart()),
    on('setToken', () => context.setToken()),
    on('doctor', () => showDoctor(context)),
    on('trainModel', (argument) => training.start(argument)),
    on('watchTraining', async (argument) => {
      const log = await pickLog(argument);
      if (log !== undefined) views.openWatch(log);
    }),
    on('clearScores', async () => {
      const yes = 'Clear';
      const answer = await window.showWarningMessage(
        'Remove every stored score? The next audit scores all texts again.',
        { modal: true },
        yes,
      );
      if (answer !== yes) return;
      const client = await context.server();
      const { entries } = await request(client, 'clearScores');
      inform(`${plural(entries, 'score')} removed.`);
    }),
  ];
}
