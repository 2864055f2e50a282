import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CancellationToken } from 'vscode-languageserver';
import { dataFiles } from '../datasets/index.js';
import { unpackedText } from '../datasets/input/unpack.js';
import { holdsRows, readDataset } from '../datasets/process/index.js';
import type { DatasetEvent } from '../datasets/types.js';
import { listModels } from '../model/bundle/models.js';
import { byteSize, type AuditParams, type AuditSummary } from '../protocol/index.js';
import { DiskAudit } from '../live/disk/disk-audit.js';
import { deviceFindings, doctorReport } from './answers/doctor.js';
import { exportReport } from './answers/export.js';
import { hubCost, hubModels, pullModel } from './answers/hub-models.js';
import { hear, serve } from './handlers.js';
import { knownAudit } from './answers/known.js';
import { ignoreFinding } from './answers/ignore.js';
import { OpenAudit } from '../live/text/open-audit.js';
import { paced } from '../pace.js';
import { auditState, reportProgress, type ProgressState } from './progress/progress-report.js';
import { policySamples } from './answers/policy-samples.js';
import { rows } from './answers/rows.js';
import type { ServerContext } from './context.js';
import { nameOf, pathOf } from '../live/uris.js';
import { columns, contributions, detail, findings, problems, texts } from '../live/view-data.js';
import { cancelled, isAbort, messageOf } from '../errors.js';

/** Extensions of VS Code get no document above 50 MiB. */
const MAX_TEXT = 50e6;

function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(cancelled());
  if (token.isCancellationRequested) abort();
  token.onCancellationRequested(abort);
  return controller.signal;
}

/** The server's own requests (protocol/requests.ts). */
export function serveRequests(server: ServerContext): void {
  const { connection, workspace, features, version, script } = server;
  const progress = (
    title: string,
    token: string | number | undefined,
    state: () => ProgressState,
  ) => reportProgress(connection, { title, token, ownToken: features.progress }, state);
  const audit = async (p: AuditParams, signal: AbortSignal): Promise<AuditSummary> => {
    for (;;) {
      const found = await workspace.require(p.uri);
      try {
        const summary = await runAudit(found, p, signal);
        if (!(await workspace.replaced(found))) return summary;
      } catch (error) {
        if (signal.aborted || !(await workspace.replaced(found))) throw error;
      }
    }
  };
  const runAudit = async (
    found: OpenAudit | DiskAudit,
    p: AuditParams,
    signal: AbortSignal,
  ): Promise<AuditSummary> => {
    const own = server.progress.own(found);
    const done = progress(`QRM Lens: ${basename(nameOf(p.uri))}`, p.workDoneToken, () =>
      auditState(found, workspace.engine.status()),
    );
    try {
      if (p.lines !== undefined && found instanceof OpenAudit)
        await found.runLines(p.lines, signal);
      else await found.run(signal);
      await found.settled();
      return found.summary();
    } finally {
      own();
      done();
    }
  };

  serve(connection, {
    audit: (p, token) => audit(p, signalOf(token)),
    cancel: ({ uri }) => workspace.audit(uri)?.cancel(),
    auditFolder: async (p, token) => {
      const folder = pathOf(p.uri);
      if (folder === undefined)
        throw new Error(`${p.uri}: only folders of this machine can be audited`);
      const signal = signalOf(token);
      const audits: AuditSummary[] = [];
      const failed: { uri: string; error: string }[] = [];
      const warn = (error: string) => void failed.push({ uri: p.uri, error });
      for await (const path of dataFiles(folder, new Set(), warn)) {
        const uri = pathToFileURL(path).href;
        try {
          if (!(await holdsRows(path, await workspace.mappings.of(uri)))) continue;
          audits.push(await audit({ uri, workDoneToken: p.workDoneToken }, signal));
        } catch (error) {
          if (isAbort(error)) throw error;
          failed.push({ uri, error: messageOf(error) });
        }
      }
      return { audits, failed };
    },
    summary: async ({ uri }) => (await workspace.madeAudit(uri))?.summary() ?? null,
    columns: async (p) => columns(await knownAudit(workspace, p.uri), p),
    findings: async (p) => findings(await knownAudit(workspace, p.uri), p),
    problems: async (p) => problems(await knownAudit(workspace, p.uri), p),
    texts: async (p) => texts(await knownAudit(workspace, p.uri), p),
    spot: ({ uri, epoch, response }) => {
      const found = workspace.audit(uri);
      const here = found?.epoch === epoch && found.ledger?.alive(response) === true;
      return here ? { ...found.spot(response), row: found.rowNumber(response) } : null;
    },
    detail: async (p) =>
      detail(await knownAudit(workspace, p.uri), await workspace.engine.service(), p),
    policy: async ({ uri }) => policySamples(await knownAudit(workspace, uri)),
    contributions: async (p) =>
      contributions(await knownAudit(workspace, p.uri), await workspace.engine.service(), p),
    locate: ({ uri, line, column }) => {
      const found = workspace.audit(uri);
      const response = found?.locate(line, column);
      return found === undefined || response === undefined
        ? null
        : { epoch: found.epoch, response };
    },
    rows: async (p) => rows(p, await workspace.mappings.of(p.uri), workspace.audit(p.uri)),
    unpack: async ({ uri }, token) => {
      const path = pathOf(uri);
      if (path === undefined) throw new Error(`${uri}: only files of this machine can be read`);
      return { text: await unpackedText(path, MAX_TEXT, signalOf(token)) };
    },
    exportReport: async (p, token) => {
      const found = await knownAudit(workspace, p.uri);
      const name = nameOf(p.uri);
      const open = (): AsyncIterable<DatasetEvent> =>
        found instanceof OpenAudit
          ? paced(readDataset(found.source(), found.reading))
          : paced(readDataset({ path: name }, found instanceof DiskAudit ? found.reading : {}));
      let fraction = 0;
      const message = `Writing ${basename(p.path)}`;
      const done = progress(`QRM Lens: ${message}`, p.workDoneToken, () => ({ fraction, message }));
      try {
        const told = (share: number) => (fraction = share);
        const context = { name, open, version, script, signal: signalOf(token), progress: told };
        return await exportReport(found, p.format, p.path, context);
      } finally {
        done();
      }
    },
    ignore: (p) => ignoreFinding(workspace, p),
    doctor: async () => {
      const { engine } = workspace;
      const stats = engine.current?.store?.stats?.();
      return { markdown: await doctorReport(engine.status(), stats) };
    },
    devices: deviceFindings,
    models: async () =>
      (await listModels()).map((m) => ({
        name: m.name,
        path: m.path,
        embedded: m.kind === 'embedded',
        description:
          m.problem ??
          `${m.attributes} attributes, ${m.precision}, ${byteSize(m.bytes)}${m.licence === undefined ? '' : `, ${m.licence}`}`,
      })),
    clearFindings: ({ uris }) => ({ uris: workspace.clear(uris) }),
    hubModels,
    hubCost: ({ name }, token) => hubCost(name, workspace.engine.trusted, signalOf(token)),
    pullModel: async (p, token) => {
      let state = { fraction: 0, message: p.name };
      const done = progress(`QRM Lens: ${p.name}`, p.workDoneToken, () => state);
      try {
        const onProgress = (now: typeof state) => (state = now);
        return await pullModel(p.name, workspace.engine.trusted, {
          signal: signalOf(token),
          onProgress,
        });
      } finally {
        done();
      }
    },
    clearScores: async () => ({ entries: await workspace.engine.clearScores() }),
  });
  hear(connection, 'visibleRanges', ({ uri, ranges }) => workspace.setVisible(uri, ranges));
}
