import { dirname, join } from 'node:path';
import {
  auditDataset,
  IGNORE_FILE,
  readIgnored,
  type Finding,
  type FindingCode,
} from '../audit/index.js';
import { makeReport, ranks, render, visible, type Format } from '../audit/report/index.js';
import { writeLines } from '../files/write.js';
import { noneExists, open, type CommonOptions } from './common.js';
import { EXIT } from './errors.js';
import { expandFiles } from './files.js';
import { thresholds, weights } from './options.js';
import { print } from './output.js';
import { Progress, Share } from './progress.js';
import { withSession, type Session } from './session.js';

export interface AuditCommandOptions extends CommonOptions {
  format: Format;
  top: number;
  select?: ReadonlySet<FindingCode>;
  ignore?: ReadonlySet<FindingCode>;
  failOn?: (findings: readonly Finding[]) => boolean;
}

export async function auditCommand(paths: string[], o: AuditCommandOptions, version: string) {
  const files = expandFiles(paths);
  if (noneExists(files)) return EXIT.unreadable;
  return withSession(o, (session) => audit(files, o, version, session));
}

async function audit(
  files: readonly string[],
  o: AuditCommandOptions,
  version: string,
  { evaluator, store, signal, say }: Session,
): Promise<number> {
  const listed = readIgnored([
    ...new Set(['.', ...files.map(dirname)].map((d) => join(d, IGNORE_FILE))),
  ]);
  const { attributes } = evaluator.info.spec;
  const { audit, progress } = auditDataset(
    // The second reading, for the texts, is not cut short by the signal of the first.
    files.map((path) => ({ path, open: () => open(path, o) })),
    {
      evaluator,
      store,
      signal,
      ignored: listed,
      wanted: (code) => (o.select?.has(code) ?? true) && !o.ignore?.has(code),
      tau: o.tau,
      lambda: o.lambda,
      cvarLevel: o.cvarLevel,
      limit: o.limit,
      weights: o.weights === undefined ? undefined : weights(o.weights, attributes),
      thresholds: thresholds(o),
    },
  );
  const bar = new Progress(o.quiet ?? false);
  const share = new Share(files, o.limit);
  try {
    for await (const p of progress) {
      bar.step(share.at(p.file, p.row?.place.end ?? 0), p.responses, p.fromStore);
    }
  } finally {
    bar.end();
  }
  const report = await makeReport(audit, evaluator.info, {
    top: ranks(o.format) ? o.top : 0,
    cvarLevel: o.cvarLevel,
    limit: o.limit,
    version,
    weighted: o.weights !== undefined,
  });
  const lines = render(o.format, report, terminal(o.out));
  if (o.out === undefined) for await (const line of lines) await print(`${line}\n`);
  else await writeLines(lines, o.out);
  if (o.out !== undefined) say(`Report: ${o.out}`);
  for (const [n, why] of audit.unreadable) {
    process.stderr.write(`qrm: ${visible(`${files[n]}: ${why}`)}\n`);
  }
  if (audit.unreadable.size > 0) return EXIT.unreadable;
  return o.failOn?.([...audit.findings()]) ? EXIT.findings : EXIT.ok;
}

/** NO_COLOR and FORCE_COLOR as https://no-color.org and Node have them. */
function terminal(out?: string) {
  const tty = out === undefined && process.stdout.isTTY;
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const forced = out === undefined && Boolean(FORCE_COLOR) && FORCE_COLOR !== '0';
  return {
    columns: (tty && process.stdout.columns) || 110,
    colour: (tty || forced) && !NO_COLOR,
  };
}
