import {
  makeReport,
  parquetReport,
  ranks,
  render,
  ThreadEncoder,
  type ReportedAudit,
} from '../../audit/report/index.js';
import { writeLines } from '../../files/write.js';
import { identityOf } from '../../datasets/index.js';
import type { DatasetEvent } from '../../datasets/types.js';
import type { ExportFormat, ExportResult } from '../../protocol/index.js';
import type { FilePlaces } from '../../live/text/file-places.js';
import type { LiveAudit } from '../../live/live-audit.js';
import { Pacer } from '../../pace.js';
import { pathOf } from '../../live/uris.js';

const TOP = 200;
/** Findings looked for between two looks at the clock. */
const STRIDE = 63;

export interface ExportContext {
  /** Path or name of the document, for the report. */
  readonly name: string;
  /** Its rows, read again for the texts of the report. */
  readonly open: () => AsyncIterable<DatasetEvent>;
  readonly version: string;
  readonly signal?: AbortSignal;
  /** The server's bundle, to start a thread from; without it Parquet is encoded in this one. */
  readonly script?: URL;
  /** Told now and then how far it is. @param fraction of the work, in [0, 1] */
  readonly progress?: (fraction: number) => void;
}

/**
 * Writes a report of an audit that goes on, at a pace that keeps the server answering.
 * @throws Error when nothing is scored yet, the text changed meanwhile, or the file cannot be written;
 * AbortError. Then no file is left.
 */
export async function exportReport(
  audit: LiveAudit,
  format: ExportFormat,
  path: string,
  context: ExportContext,
): Promise<ExportResult> {
  const { ledger } = audit;
  const { name, version, progress } = context;
  // From here on the text must stay as it is.
  const pace = new ReportPace(audit, context);
  const source = pathOf(audit.uri);
  if (source !== undefined && (await identityOf(source)) === (await identityOf(path)))
    throw new Error(`${path} is the file that is audited; expected the name of another file`);
  if (ledger === undefined) throw new Error(`${name}: nothing is scored yet; audit it first`);
  const { rows } = audit.progress();
  // The rows are read once for the texts of the ranking and once for those of the list.
  const readings = format === 'json' ? 2 : 1;
  let read = 0;
  const places = await audit.filePlaces(() => pace.tick());
  const reported = reportedAudit(audit, pace, places, {
    path: name,
    open: async function* () {
      for await (const event of context.open()) {
        if (event.type === 'row' && (++read & 63) === 0)
          progress?.(Math.min(read / Math.max(1, rows * readings), 1));
        yield event;
      }
    },
  });
  if (format === 'parquet') {
    const told = (n: number) => progress?.(n / ledger.live);
    const { script } = context;
    const bytes = await parquetReport(reported, ledger.info, path, {
      pace,
      progress: told,
      ...(script && { encoder: (head) => new ThreadEncoder(script, head) }),
    });
    return { path, bytes, findings: audit.findings?.size ?? 0 };
  }
  const top = ranks(format) ? TOP : 0;
  const { cvarLevel, weights } = ledger.options;
  const options = {
    top,
    version,
    pace,
    weighted: weights !== undefined,
    ...(cvarLevel !== undefined && { cvarLevel }),
  };
  const report = await makeReport(reported, ledger.info, options);
  const bytes = await writeLines(render(format, report, { columns: 120, colour: false }), path);
  return { path, bytes, findings: report.summary.findings };
}

/** Gives way to messages; ends the report when the text or the model became another one. */
class ReportPace {
  private readonly pacer = new Pacer();
  private readonly stamp: string;

  constructor(
    private readonly audit: LiveAudit,
    private readonly context: Pick<ExportContext, 'name' | 'signal'>,
  ) {
    this.stamp = audit.stamp();
  }

  get due(): boolean {
    return this.pacer.due;
  }

  async tick(): Promise<void> {
    if (!this.pacer.due) return;
    await this.pacer.tick(this.context.signal);
    if (this.audit.stamp() !== this.stamp)
      throw new Error(`${this.context.name} changed while its report was written; export it again`);
  }
}

/** A live audit as reports see one: its own table, without a copy, at the places of now. */
function reportedAudit(
  audit: LiveAudit,
  pace: ReportPace,
  places: FilePlaces,
  source: ReportedAudit['sources'][number],
): ReportedAudit {
  const { ledger, findings } = audit;
  if (ledger === undefined) throw new Error(`${source.path}: nothing is scored yet`);
  return {
    sources: [source],
    table: ledger.table,
    moreProblems: audit.moreProblems(),
    unreadable: new Map(),
    thresholds: audit.thresholds,
    tau: ledger.options.tau,
    ...(findings && { limits: findings.limits }),
    place: (id) => places.of(id),
    row: (id) => audit.rowNumber(id),
    alive: (id) => ledger.alive(id),
    async *findings() {
      for (const problem of places.problems()) {
        yield problem;
        if (pace.due) await pace.tick();
      }
      let seen = 0;
      for (const id of audit.inOrder()) {
        if ((++seen & STRIDE) === 0 && pace.due) await pace.tick();
        for (let n = findings?.first(id) ?? 0; findings?.response(n) === id; n++) {
          const finding = findings.at(n);
          if (finding !== undefined) yield finding;
        }
      }
    },
  };
}
