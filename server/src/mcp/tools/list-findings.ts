import * as z from 'zod';
import { FINDING_CODES, FINDING_SEVERITIES } from '../../protocol/index.js';
import { pathShape, type McpContext } from '../context.js';
import { countsOf, countsShape, findingShape, listed, reportOf } from '../findings.js';
import { Call } from '../progress.js';
import { Room, structured } from '../results.js';

const line = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31)
  .optional();

/** `list_findings`: pages through the findings of a file. */
export function addListFindings({ server, folders, audits, ignores, version }: McpContext): void {
  server.registerTool(
    'list_findings',
    {
      title: 'List findings',
      description:
        'The findings of a file, in pages and by code, severity or lines, as audit_file last judged it; a file that was not audited, or has changed since, is audited first. Ignored findings are left out.',
      annotations: { readOnlyHint: true, openWorldHint: false },
      inputSchema: {
        path: pathShape,
        codes: z.array(z.enum(FINDING_CODES)).min(1).optional(),
        severities: z.array(z.enum(FINDING_SEVERITIES)).min(1).optional(),
        fromLine: line,
        toLine: line,
        offset: z.number().int().min(0).max(1e9).default(0).describe('Findings passed over.'),
        limit: z.number().int().min(1).max(500).default(50),
      },
      outputSchema: {
        file: z.string(),
        total: z.number().int().describe('Findings that were asked for, on all pages.'),
        counts: countsShape,
        offset: z.number().int(),
        findings: z.array(findingShape).describe('In the order of the file.'),
        leftOut: z.number().int().describe('After these.'),
        nextOffset: z.number().int().nullable(),
        rowsLeftOut: z.number().int().describe('Rows of the file that were not scored.'),
      },
    },
    async (p, extra) => {
      const call = new Call(extra);
      const file = await folders.file(p.path);
      ignores.forget();
      const audited =
        (await audits.known(file)) ?? (await audits.run(file, audits.settings(file), call));
      const report = await reportOf(audited, p, 0, version, call);
      const total = report.summary.findings;
      const findings = await listed(report, p.offset, p.limit, new Room());
      const next = p.offset + findings.length;
      const leftOut = Math.max(0, total - next);
      return structured({
        file: file.shown,
        total,
        counts: countsOf(report),
        offset: p.offset,
        findings,
        leftOut,
        nextOffset: leftOut > 0 && findings.length > 0 ? next : null,
        rowsLeftOut: audited.rowsLeftOut,
      });
    },
  );
}
