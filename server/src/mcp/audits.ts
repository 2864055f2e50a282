import { stat } from 'node:fs/promises';
import { auditDataset, type Audit, type Thresholds } from '../audit/index.js';
import { countedFile, readDataset } from '../datasets/process/index.js';
import type { FieldMapping } from '../datasets/index.js';
import type { DatasetEvent } from '../datasets/types.js';
import type { EvaluatorInfo } from '../engine/types.js';
import { UsageError } from '../errors.js';
import type { IgnoreStore } from '../live/ignore-store.js';
import { paced } from '../pace.js';
import { DEFAULT_CVAR_LEVEL, DEFAULT_LAMBDA, DEFAULT_TAU } from '../qrm/index.js';
import type { AllowedFile } from './folders.js';
import type { Models } from './models.js';
import type { Call } from './progress.js';

/** Audits that are kept: numbers and places, no text. */
const KEPT = 8;
/** Rows that are scored where a call does not say: a minute or two of the embedded model. */
export const USUAL_ROWS = 1000;

/** How distributions are read; the same for every tool. */
export const MEASURES = {
  tau: DEFAULT_TAU,
  lambda: DEFAULT_LAMBDA,
  cvarLevel: DEFAULT_CVAR_LEVEL,
} as const;

/** What decides what an audit finds. */
export interface AuditSettings {
  readonly model?: string;
  /** Rows that are scored; the others are counted. */
  readonly rows: number;
  readonly thresholds: Thresholds;
  readonly mapping?: FieldMapping;
}

/** A file that was audited. */
export interface Audited {
  readonly file: AllowedFile;
  readonly settings: AuditSettings;
  readonly audit: Audit;
  readonly info: EvaluatorInfo;
  readonly rows: number;
  /** Rows of the file beyond `AuditSettings.rows`. */
  readonly rowsLeftOut: number;
  readonly fromStore: number;
  /** Size and time of the file when it was read. */
  readonly stamp: string;
}

/** The last audits by file. */
export class Audits {
  private readonly kept = new Map<string, Audited>();

  constructor(
    private readonly models: Models,
    private readonly ignores: IgnoreStore,
  ) {}

  /** The audit of a file as it is now; undefined where there is none. */
  async known(file: AllowedFile): Promise<Audited | undefined> {
    const known = this.kept.get(file.path);
    return known?.stamp === (await stampOf(file.path)) ? known : undefined;
  }

  /** The settings that a file was last audited with, whatever has become of it. */
  settings(file: AllowedFile): AuditSettings {
    return this.kept.get(file.path)?.settings ?? { rows: USUAL_ROWS, thresholds: {} };
  }

  /** @throws UsageError when no row can be read, naming file and line; AbortError; what the model throws */
  async run(file: AllowedFile, settings: AuditSettings, call: Call): Promise<Audited> {
    const stamp = await stampOf(file.path);
    const audited = await this.models.use(settings.model, call.signal, call.tell, (service) =>
      this.audit(file, settings, call, service.evaluator, service.store, stamp),
    );
    this.kept.delete(file.path);
    this.kept.set(file.path, audited);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT) break;
      this.kept.delete(oldest);
    }
    return audited;
  }

  private async audit(
    file: AllowedFile,
    settings: AuditSettings,
    call: Call,
    evaluator: Parameters<typeof auditDataset>[1]['evaluator'],
    store: Parameters<typeof auditDataset>[1]['store'],
    stamp: string,
  ): Promise<Audited> {
    const { signal } = call;
    const counted = await countedFile(file.path, settings.mapping);
    const { mapping } = counted;
    const seen = { rows: 0, leftOut: 0, fromStore: 0 };
    const first = counted.source;
    let begun = false;
    const open = (): AsyncIterable<DatasetEvent> => {
      // A stream can be read once; whoever comes for the texts reads the file.
      const source = begun ? { path: file.path } : first;
      const counting = !begun;
      begun = true;
      return cut(
        paced(readDataset(source, { mapping, signal: counting ? signal : undefined }), signal),
        settings.rows,
        counting ? () => void seen.leftOut++ : undefined,
      );
    };
    const { audit, progress } = auditDataset([{ path: file.shown, open }], {
      ...MEASURES,
      evaluator,
      store,
      thresholds: settings.thresholds,
      // Asked each time: what is ignored meanwhile is gone from the next list.
      ignored: (hash, code) => this.ignores.of(file.path)(hash, code),
      signal,
    });
    for await (const { rows, responses, fromStore, row } of progress) {
      seen.rows = rows;
      seen.fromStore = fromStore;
      const part = rows / settings.rows;
      const whole = row === undefined ? null : counted.fraction(row.place.end, row.index);
      // Of a compressed file all is read long before all is scored.
      const read = whole === null || whole >= 1 ? 0 : whole;
      call.tell(`${rows} rows, ${responses} responses scored`, Math.max(part, read));
    }
    if (seen.rows === 0) throw new UsageError(why(file, audit));
    const { info } = evaluator;
    return {
      file,
      settings,
      audit,
      info,
      rows: seen.rows,
      rowsLeftOut: seen.leftOut,
      fromStore: seen.fromStore,
      stamp,
    };
  }
}

/** The first `limit` rows and every problem; the rows after them are counted. */
async function* cut(
  events: AsyncIterable<DatasetEvent>,
  limit: number,
  leftOut: (() => void) | undefined,
): AsyncGenerator<DatasetEvent> {
  let rows = 0;
  for await (const event of events) {
    if (event.type === 'problem' || rows < limit) yield event;
    else if (leftOut === undefined) return;
    else leftOut();
    if (event.type === 'row') rows++;
  }
}

async function stampOf(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return `${size} ${mtimeMs}`;
}

/** Why a file has no row, with the place of the first thing that is wrong. */
function why({ shown }: AllowedFile, { problems, unreadable }: Audit): string {
  const [first] = problems;
  if (first === undefined) return `${shown}: ${unreadable.get(0) ?? 'no row was found'}`;
  const { line, column } = first.problem.place;
  return `${shown}:${line + 1}:${column + 1}: no row could be read: ${first.problem.message}`;
}
