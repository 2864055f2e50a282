import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Place } from '../../datasets/types.js';
import { commaSeparated } from './data.js';
import { visible } from './escape.js';
import type { Listed, Report } from './model.js';
import { DESCRIPTIONS } from './summary.js';

const LEVEL = { error: 'error', warning: 'warning', info: 'note' } as const;

/** SARIF 2.1.0, a result a line. Columns count UTF-16 code units, as the places of the datasets do. */
export async function* sarifReport(report: Report): AsyncGenerator<string> {
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
    invocations: [
      {
        executionSuccessful: audit.unreadable.size === 0,
        toolExecutionNotifications: [...audit.unreadable].map(([n, why]) => ({
          level: 'error',
          message: { text: visible(`${audit.sources[n]?.path}: ${why}`) },
        })),
      },
    ],
  };
  const schema = 'https://json.schemastore.org/sarif-2.1.0.json';
  yield `{ "$schema": "${schema}", "version": "2.1.0", "runs": [`;
  // Line by line: a string cannot hold the results of a million rows.
  yield `${JSON.stringify(run, null, 2).slice(0, -2)},\n  "results": [`;
  yield* commaSeparated(report.listed(), (item) => JSON.stringify(result(report, item)));
  yield '  ]\n}] }';
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
