import { DiagnosticSeverity, type Diagnostic } from 'vscode-languageserver';
import type { Finding, Severity } from '../../audit/index.js';
import { visible } from '../../audit/report/index.js';
import { CODE_PLACE, FINDING_SEVERITIES, type FindingCode } from '../../protocol/index.js';
import type { LiveAudit } from '../../live/live-audit.js';
import { toRange } from './ranges.js';

const SEVERITY: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
};

/** What a code action needs to know again. */
export interface DiagnosticData {
  readonly epoch: number;
  readonly response: number;
  readonly code: FindingCode;
}

export interface DiagnosticOptions {
  /** At most so many of one document: first those on screen, then the gravest. */
  readonly max: number;
  /** As in `InitOptions`. */
  readonly docs: string;
  readonly visible: readonly { readonly from: number; readonly to: number }[];
  readonly related: boolean;
  /** Of the document in which it stands. */
  readonly uri: string;
}

export function diagnosticsOf(audit: LiveAudit, o: DiagnosticOptions): Diagnostic[] {
  const out: Diagnostic[] = [];
  for (const { problem, severity, message, code } of audit.problems()) {
    if (out.length >= o.max) break;
    const range = toRange({ ...problem.place, column: problem.place.column });
    const made = { ...common(code, severity, message, o), range };
    // Nothing is understood: the file may be no data set at all, which is no fault of it.
    const none = problem.foreign === true && (audit.ledger?.live ?? 0) === 0;
    out.push(none ? { ...made, ...NO_DATASET } : made);
  }
  for (const n of chosen(audit, o, o.max - out.length)) {
    const finding = audit.findings?.at(n);
    if (finding !== undefined) out.push(responseDiagnostic(audit, finding, o));
  }
  return out;
}

/** On a file of which no record is understood. */
const NO_DATASET = {
  severity: DiagnosticSeverity.Hint,
  data: { noDataset: true },
} satisfies Partial<Diagnostic>;

/** Of a template its place is filled in; else the code is a section of the page. */
const pageOf = (docs: string, code: string): string =>
  docs.includes(CODE_PLACE) ? docs.replace(CODE_PLACE, code) : `${docs}#${code}`;

function common(code: string, severity: Severity, message: string, o: DiagnosticOptions) {
  return {
    source: 'QRM Lens',
    code,
    codeDescription: { href: pageOf(o.docs, code) },
    severity: SEVERITY[severity],
    message: visible(message),
  };
}

function responseDiagnostic(
  audit: LiveAudit,
  finding: Extract<Finding, { response: number }>,
  o: DiagnosticOptions,
): Diagnostic {
  const { code, response, related } = finding;
  const data: DiagnosticData = { epoch: audit.epoch, response, code };
  const table = audit.ledger?.table;
  const other =
    related !== undefined && o.related
      ? [
          {
            location: { uri: o.uri, range: toRange(audit.spot(related)) },
            message:
              code === 'duplicate-response'
                ? 'The same response stands here first.'
                : `The other half of the pair (${table?.kindOf(related)}).`,
          },
        ]
      : undefined;
  return {
    ...common(code, finding.severity, finding.message, o),
    range: toRange(audit.spot(response)),
    data,
    ...(other && { relatedInformation: other }),
  };
}

/** Numbers of the findings to show, at most `room`. */
function chosen(audit: LiveAudit, o: DiagnosticOptions, room: number): number[] {
  const { findings } = audit;
  if (findings === undefined || room <= 0) return [];
  if (findings.size <= room) return Array.from({ length: findings.size }, (_, n) => n);
  const shown: number[] = [];
  const groups: number[][] = FINDING_SEVERITIES.map(() => []);
  const onScreen = (n: number): boolean => {
    if (o.visible.length === 0) return false;
    const { line } = audit.spot(findings.response(n));
    return o.visible.some(({ from, to }) => line >= from && line <= to);
  };
  for (let n = 0; n < findings.size; n++) {
    const group = groups[findings.severity(n)] ?? [];
    if (onScreen(n)) shown.push(n);
    else if (group.length < room) group.push(n);
  }
  for (const group of groups) shown.push(...group.slice(0, Math.max(0, room - shown.length)));
  return shown.slice(0, room);
}
