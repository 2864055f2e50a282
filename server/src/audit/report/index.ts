import { EXPORT_FORMATS } from '../../protocol/index.js';
import { csvReport, jsonReport, jsonlReport } from './data.js';
import { htmlReport } from './html/page.js';
import type { Report } from './model.js';
import { sarifReport, type SarifOptions } from './sarif.js';
import { textReport } from './text.js';

export {
  makeReport,
  type Listed,
  type Report,
  type ReportedAudit,
  type ReportOptions,
} from './model.js';
export { plainFinding, plainRanked } from './data.js';
export { UNPACED, type Pace } from './pace.js';
export { parquetReport } from './parquet/write.js';
export { PARQUET_ROLE, parquetThread, ThreadEncoder } from './parquet/thread.js';
export { csvCell, cut, fit, html, pad, strictJson, visible, width } from './escape.js';
export { STYLE } from './html/style.js';

/** Formats of a report: for a terminal, or a file. */
export const REPORT_FORMATS = ['text', ...EXPORT_FORMATS] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];
/** Those that are lines; Parquet is written by `parquetReport`. */
type Lines = Exclude<ReportFormat, 'parquet'>;

/** Does the format show the riskiest responses, besides or instead of the findings? */
export const ranks = (format: ReportFormat): boolean =>
  format === 'text' || format === 'html' || format === 'json';

/** The report's lines, without their line ends. */
export function render(
  format: Lines,
  report: Report,
  terminal: { columns: number; colour: boolean },
  sarif: SarifOptions = {},
): Iterable<string> | AsyncIterable<string> {
  switch (format) {
    case 'text':
      return textReport(report, terminal);
    case 'json':
      return jsonReport(report);
    case 'jsonl':
      return jsonlReport(report);
    case 'csv':
      return csvReport(report);
    case 'sarif':
      return sarifReport(report, sarif);
    case 'html':
      return htmlReport(report);
  }
}
