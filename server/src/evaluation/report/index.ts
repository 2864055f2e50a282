import type { EvaluationResult } from '../../protocol/index.js';
import { csvReport, jsonReport, markdownReport } from './data.js';
import { htmlReport } from './html.js';
import { textReport } from './text.js';

export const EVALUATION_FORMATS = ['text', 'json', 'csv', 'html', 'markdown'] as const;
export type EvaluationFormat = (typeof EVALUATION_FORMATS)[number];

/** The report as lines. */
export function renderEvaluation(
  format: EvaluationFormat,
  result: EvaluationResult,
): Iterable<string> {
  switch (format) {
    case 'text':
      return textReport(result);
    case 'json':
      return jsonReport(result);
    case 'csv':
      return csvReport(result);
    case 'markdown':
      return markdownReport(result);
    case 'html':
      return htmlReport(result);
  }
}
