import { csvReport, jsonReport } from './data.js';
import { htmlReport } from './html.js';
import { textReport } from './text.js';
import type { PolicyReport } from './words.js';

export { conclusions, difference, notes, short, title, type PolicyReport } from './words.js';
export { bar, textPlot } from './plot.js';

export const POLICY_FORMATS = ['text', 'html', 'json', 'csv'] as const;
export type PolicyFormat = (typeof POLICY_FORMATS)[number];

/** Lines without their ends. */
export function render(
  format: PolicyFormat,
  report: PolicyReport,
  terminal: { columns: number; colour: boolean },
): Generator<string> {
  switch (format) {
    case 'text':
      return textReport(report, terminal);
    case 'html':
      return htmlReport(report);
    case 'json':
      return jsonReport(report);
    case 'csv':
      return csvReport(report);
  }
}
