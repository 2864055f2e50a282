import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Place } from '../../datasets/types.js';
import { commaSeparated } from './data.js';
import { SEVERITIES, type Severity } from '../finding.js';
import { strictJson, visible } from './escape.js';
import type { Listed, Report } from './model.js';
import { DESCRIPTIONS } from './summary.js';

const gzipped = promisify(gzip);
const LEVEL = { error: 'error', warning: 'warning', info: 'note' } as const;

export interface SarifOptions {
  /** Results at most, whatever their size; default: as many as code scanning takes. */
  readonly results?: number | undefined;
}

/** What GitHub's code scanning takes of a run; a little is left for what is not results. */
const RESULTS = 25_000;
const GZIPPED = 9.5e6;
/** So many results are under that size whatever they say: an excerpt is short. */
const SURELY_FIT = 5000;

/** SARIF 2.1.0, a result a line. Of too many results the less severe are left out, which is said. Columns count UTF-16 code units, as the places of the datasets do. */
export async function* sarifReport(
  report: Report,
  options: SarifOptions = {},
): AsyncGenerator<string> {
  const { info, audit } = report;
  const run = {
    tool: {
      driver: {
        name: 'QRM Lens',
        semanticVersion: report.version,
        rules: DESCRIPTIONS.map(({ code, description }) => ({
          id: code,
          shortDescription: { text: description },
          help: { text: `${description} See docs/findings.md#${code} of QRM Lens.` },
        })),
      },
    },
    columnKind: 'utf16CodeUnits',
    properties: {
      model: info.modelName,
      modelHash: info.modelHash,
      precision: info.precision,
      thresholds: report.thresholdsInWords,
      ...(report.notes.length > 0 ? { notes: report.notes } : {}),
    },
  };
  const schema = 'https://json.schemastore.org/sarif-2.1.0.json';
  yield `{ "$schema": "${schema}", "version": "2.1.0", "runs": [`;
  // Line by line: a string cannot hold the results of a million rows.
  yield `${strictJson(run, 2).slice(0, -2)},\n  "results": [`;
  const room = new Room(report, options);
  yield* commaSeparated(room.filled(), (line) => line);
  const invocation = {
    executionSuccessful: audit.unreadable.size === 0,
    toolExecutionNotifications: [
      ...[...audit.unreadable].map(([n, why]) => ({
        level: 'error',
        message: { text: visible(`${audit.sources[n]?.path}: ${why}`) },
      })),
      ...room.leftOut().map((text) => ({ level: 'warning', message: { text } })),
    ],
  };
  yield `  ],\n  "invocations": [${strictJson(invocation)}]\n}] }`;
}

/** Which results are taken: the severe first, in each severity the first of the files. */
class Room {
  private readonly left: Record<Severity, number>;
  private readonly taken: Record<Severity, number> = { error: 0, warning: 0, info: 0 };
  private full = false;

  constructor(
    private readonly report: Report,
    private readonly options: SarifOptions,
  ) {
    let room = options.results ?? RESULTS;
    const { bySeverity } = report.summary;
    const share = (severity: Severity) => {
      const n = Math.min(bySeverity[severity], room);
      room -= n;
      return n;
    };
    this.left = { error: share('error'), warning: share('warning'), info: share('info') };
  }

  async *filled(): AsyncGenerator<string> {
    const size = new GzippedSize();
    // Where the size may end the list, the severe come first, or it would end before them.
    const passes = this.report.summary.findings > SURELY_FIT ? SEVERITIES : [undefined];
    for (const severity of passes) yield* this.pass(size, severity);
  }

  private async *pass(size: GzippedSize, of?: Severity): AsyncGenerator<string> {
    if (of !== undefined && (this.full || this.left[of] === 0)) return;
    for await (const item of this.report.listed(of)) {
      const { severity } = item.finding;
      if (this.full || this.left[severity] === 0) continue;
      const line = strictJson(result(this.report, item));
      if (this.options.results === undefined && (await size.add(line)) > GZIPPED) {
        this.full = true;
        continue;
      }
      this.left[severity]--;
      this.taken[severity]++;
      yield line;
    }
  }

  /** In words; nothing where all results were taken. */
  leftOut(): string[] {
    const { bySeverity, findings } = this.report.summary;
    const parts = SEVERITIES.flatMap((severity) => {
      const n = bySeverity[severity] - this.taken[severity];
      return n === 0 ? [] : [`${n} of ${bySeverity[severity]} of severity ${severity}`];
    });
    if (parts.length === 0) return [];
    const why = this.full ? 'code scanning takes 10 MB gzipped' : 'so many results are taken';
    return [
      `Of ${findings} findings not all are listed here (${why}): left out are ${parts.join(', ')}. The formats jsonl and csv hold them.`,
    ];
  }
}

/** How large the lines are when they are compressed; a flush now and then makes it somewhat too large. */
class GzippedSize {
  private bytes = 0;
  private waiting = '';

  async add(line: string): Promise<number> {
    this.waiting += `    ${line},\n`;
    if (this.waiting.length >= 1 << 18) {
      this.bytes += (await gzipped(this.waiting)).length;
      this.waiting = '';
    }
    return this.bytes + (this.waiting.length >> 2);
  }
}

function result(report: Report, { finding, text: excerpt }: Listed) {
  const { table, sources } = report.audit;
  const at = (file: number, place: Place, text?: string) => ({
    physicalLocation: {
      artifactLocation: { uri: uriOf(sources[file]?.path ?? '') },
      region: region(place, text),
    },
  });
  const base = {
    ruleId: finding.code,
    ruleIndex: DESCRIPTIONS.findIndex((r) => r.code === finding.code),
    level: LEVEL[finding.severity],
    message: { text: visible(finding.message) },
  };
  if (!('response' in finding)) {
    const { problem, file } = finding;
    const identity = `${problem.code}:${problem.index ?? ''}:${sources[file]?.path ?? ''}`;
    return {
      ...base,
      locations: [at(file, problem.place)],
      partialFingerprints: {
        'qrmLens/v1': createHash('sha256').update(identity).digest('hex').slice(0, 32),
      },
    };
  }
  const i = finding.response;
  const related = finding.related;
  return {
    ...base,
    locations: [at(table.file.get(i), report.place(i), excerpt)],
    partialFingerprints: { 'qrmLens/v1': `${table.hash(i)}:${finding.code}` },
    ...(related === undefined
      ? {}
      : {
          relatedLocations: [
            {
              id: 1,
              ...at(table.file.get(related), report.place(related)),
              message: { text: visible(table.label(related) || table.kindOf(related)) },
            },
          ],
        }),
  };
}

function region(p: Place, text?: string) {
  return {
    startLine: p.line + 1,
    startColumn: p.column + 1,
    endLine: p.endLine + 1,
    endColumn: p.endColumn + 1,
    byteOffset: p.start,
    byteLength: Math.max(p.end - p.start, 0),
    ...(text === undefined ? {} : { snippet: { text: visible(text) } }),
  };
}

function uriOf(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href;
  return path.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
}
