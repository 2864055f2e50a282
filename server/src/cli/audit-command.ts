import { once } from 'node:events';
import { createWriteStream, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  auditDataset,
  IGNORE_FILE,
  readIgnored,
  type Finding,
  type Threshold,
} from '../audit/index.js';
import { makeReport, render, visible, type Format } from '../audit/report/index.js';
import { open, type CommonOptions } from './common.js';
import { openEvaluator } from './engine.js';
import { EXIT } from './errors.js';
import { expandFiles } from './files.js';
import { weights } from './options.js';
import { modelLine, onInterrupt, openStore, Progress } from './run.js';

export interface AuditCommandOptions extends CommonOptions {
  format: Format;
  top: number;
  tailThreshold?: Threshold;
  failOn?: (findings: readonly Finding[]) => boolean;
}

export async function auditCommand(paths: string[], o: AuditCommandOptions, version: string) {
  const say = (line: string) => void (o.quiet || process.stderr.write(`${line}\n`));
  const files = expandFiles(paths);
  const ignored = readIgnored([
    ...new Set(['.', ...files.map(dirname)].map((d) => join(d, IGNORE_FILE))),
  ]);
  const { signal } = onInterrupt();
  const evaluator = await openEvaluator({
    model: o.model,
    device: o.device,
    precision: o.precision,
  });
  const store = openStore(o.store, say);
  try {
    say(modelLine(evaluator.info));
    const { audit, progress } = auditDataset(
      // The second reading, for the texts, is not cut short by the signal of the first.
      files.map((path) => ({ path, open: () => open(path, o) })),
      {
        evaluator,
        store,
        signal,
        ignored,
        tau: o.tau,
        lambda: o.lambda,
        limit: o.limit,
        weights:
          o.weights === undefined ? undefined : weights(o.weights, evaluator.info.spec.attributes),
        thresholds: o.tailThreshold === undefined ? {} : { tail: o.tailThreshold },
      },
    );
    const bar = new Progress(o.quiet ?? false, o.limit && o.limit * files.length);
    try {
      for await (const p of progress) bar.step(p.rows, p.responses, p.fromStore);
    } catch (error) {
      if (!signal.aborted) throw error;
      bar.end();
      say('Interrupted. What was scored is kept: the same command goes on from there.');
      return EXIT.interrupted;
    }
    const texts = o.format === 'text' || o.format === 'html' ? 'shown' : 'all';
    const report = await makeReport(audit, evaluator.info, {
      top: o.top,
      texts,
      limit: o.limit,
      version,
    });
    await write(render(o.format, report, terminal(o.out)), o.out);
    bar.end();
    for (const [n, why] of audit.unreadable) say(`Unreadable: ${visible(`${files[n]}: ${why}`)}`);
    if (audit.unreadable.size > 0) return EXIT.unreadable;
    return o.failOn?.(report.findings) ? EXIT.findings : EXIT.ok;
  } finally {
    await store?.close();
    await evaluator.close();
  }
}

function terminal(out?: string) {
  const tty = out === undefined && process.stdout.isTTY;
  return {
    columns: (tty && process.stdout.columns) || 110,
    colour: tty && !process.env['NO_COLOR'],
  };
}

/** To a file by way of a neighbour, so that a report is there whole or not at all. */
async function write(lines: Iterable<string>, out?: string): Promise<void> {
  const part = `${out}.${process.pid}.part`;
  const stream = out === undefined ? process.stdout : createWriteStream(part);
  for (const line of lines) if (!stream.write(`${line}\n`)) await once(stream, 'drain');
  if (out === undefined) return;
  stream.end();
  await once(stream, 'close');
  renameSync(part, out);
}
