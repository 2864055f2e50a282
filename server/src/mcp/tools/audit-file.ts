import * as z from 'zod';
import { plainRanked } from '../../audit/report/index.js';
import { USUAL_ROWS } from '../audits.js';
import {
  mappingOf,
  mappingShape,
  modelNameShape,
  pathShape,
  thresholdsOf,
  thresholdsShape,
  type McpContext,
} from '../context.js';
import { modelOf, modelShape } from '../figures.js';
import {
  countsOf,
  countsShape,
  findingShape,
  listed,
  reportOf,
  responseShape,
} from '../findings.js';
import { Call } from '../progress.js';
import { Room, structured } from '../results.js';

const ranked = z.object({ ...responseShape, findings: z.array(z.string()) });

/** `audit_file`: scores a file, and tells its findings and riskiest responses. */
export function addAuditFile({ server, folders, audits, ignores, version }: McpContext): void {
  server.registerTool(
    'audit_file',
    {
      title: 'Audit a file',
      description:
        'Scores every response of a file of preference pairs, completions or chats with a quantile reward model, and tells the findings (low left tails, inverted and ambiguous pairs, duplicates, rows that cannot be read …) with file and line, and the riskiest responses. What was scored before costs nothing.',
      annotations: { readOnlyHint: true, openWorldHint: false },
      inputSchema: {
        path: pathShape,
        rows: z
          .number()
          .int()
          .min(1)
          .max(1_000_000)
          .default(USUAL_ROWS)
          .describe('Rows that are scored; those beyond are counted.'),
        riskiest: z.number().int().min(0).max(100).default(10),
        findings: z
          .number()
          .int()
          .min(0)
          .max(500)
          .default(30)
          .describe('Listed; list_findings has more.'),
        thresholds: thresholdsShape,
        mapping: mappingShape,
        model: modelNameShape,
      },
      outputSchema: {
        file: z.string(),
        model: modelShape,
        rows: z.number().int(),
        rowsLeftOut: z.number().int().describe('Rows of the file that were not scored.'),
        responses: z.number().int(),
        scored: z.number().int(),
        fromStore: z.number().int().describe('Scored at an earlier time.'),
        pairs: z.number().int(),
        chosenPreferred: z
          .number()
          .nullable()
          .describe('Share of the pairs in which the model prefers chosen.'),
        thresholds: z.array(z.string()),
        notes: z.array(z.string()).describe('What to know of the model before the figures.'),
        counts: countsShape,
        riskiest: z.array(ranked).describe('Lowest left tail first.'),
        riskiestLeftOut: z.number().int(),
        findings: z.array(findingShape).describe('In the order of the file.'),
        findingsLeftOut: z.number().int(),
      },
    },
    async (p, extra) => {
      const call = new Call(extra);
      const file = await folders.file(p.path);
      ignores.forget();
      const audited = await audits.run(
        file,
        {
          model: p.model,
          rows: p.rows,
          thresholds: thresholdsOf(p.thresholds),
          mapping: mappingOf(p.mapping),
        },
        call,
      );
      const report = await reportOf(audited, {}, p.riskiest, version, call);
      const { summary } = report;
      const room = new Room();
      const riskiest = room.fit(report.ranked.map((i) => ranked.parse(plainRanked(report, i))));
      const findings = p.findings === 0 ? [] : await listed(report, 0, p.findings, room);
      return structured({
        file: file.shown,
        model: modelOf(audited.info),
        rows: audited.rows,
        rowsLeftOut: audited.rowsLeftOut,
        responses: summary.responses,
        scored: summary.scored,
        fromStore: audited.fromStore,
        pairs: summary.pairs,
        chosenPreferred: summary.preferred,
        thresholds: report.thresholdsInWords,
        notes: report.notes,
        counts: countsOf(report),
        riskiest,
        riskiestLeftOut: report.ranked.length - riskiest.length,
        findings,
        findingsLeftOut: summary.findings - findings.length,
      });
    },
  );
}
