import { csvReport, jsonReport, jsonlReport } from './data.js';
import { htmlReport } from './html.js';
import type { Report } from './model.js';
import { sarifReport } from './sarif.js';
import { textReport } from './text.js';

export { makeReport, type Report } from './model.js';
export { pad, visible, width } from './escape.js';

export const FORMATS = ['text', 'json', 'jsonl', 'csv', 'sarif', 'html'] as const;
export type Format = (typeof FORMATS)[number];

/** The report's lines, without their line ends. */
export function render(
  format: Format,
  report: Report,
  terminal: { columns: number; colour: boolean },
): Generator<string> {
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
      return sarifReport(report);
    case 'html':
      return htmlReport(report);
  }
}
