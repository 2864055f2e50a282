import { count } from '../../protocol/index.js';
import { createHash } from 'node:crypto';
import { take } from '../../audit/index.js';
import { strictJson, visible } from '../../audit/report/index.js';
import type { MeasureOptions } from '../../qrm/index.js';
import { LazyEvaluator } from '../../session/model/lazy-evaluator.js';
import { scoreLine } from '../../session/score-line.js';
import { scoreRows, type ScoredEvent } from '../../session/score-rows.js';
import { ScoreService } from '../../session/score-service.js';
import { contentHash } from '../../store/index.js';
import { complain, noneExists, open, type CommonOptions } from '../common.js';
import { EXIT } from '../errors.js';
import { checkOutputs, expandFiles } from '../files.js';
import { weightsGiven } from '../options/values/shared.js';
import { Appender } from '../output/output.js';
import { FileProgress } from '../output/progress.js';
import { DoneLines, dropRetried, readDone } from '../output/scores.js';
import { withSession, type Session } from '../session.js';

type ScoredRow = ScoredEvent & { type: 'row' };
const hex = (hash: Uint8Array) => Buffer.from(hash).toString('hex');

export async function scoreCommand(paths: string[], o: CommonOptions): Promise<number> {
  const files = await expandFiles(paths, complain, [o.out]);
  if (noneExists(files)) return EXIT.unreadable;
  await checkOutputs([o.out], files);
  return withSession(o, (session) => score(files, o, session));
}

async function score(files: readonly string[], o: CommonOptions, session: Session) {
  const { evaluator, store, signal, say } = session;
  const { info } = evaluator;
  const settings: MeasureOptions = {
    tau: o.tau,
    lambda: o.lambda,
    cvarLevel: o.cvarLevel,
    weights: weightsGiven(o, info.spec),
    pooled: info.spec.pooled,
  };
  const run = createHash('sha256')
    .update(JSON.stringify([info.modelHash, settings]))
    .digest('hex')
    .slice(0, 16);
  const done = o.out === undefined ? new DoneLines() : await readDone(o.out, run);
  if (done.size > 0) say(`${count(done.size)} responses are in ${o.out} already`);
  const service = new ScoreService(LazyEvaluator.of(evaluator), store);
  const output = await Appender.open(o.out, signal);
  const bar = new FileProgress(files, o);
  let [responses, stored, bad] = [0, 0, 0];
  let rows = 0; // also those passed over
  try {
    for (const [n, file] of files.entries()) {
      const before = rows;
      let failed = false;
      const events = take(open(file, o, signal), o.limit);
      // Asked of each row once: a line of the output stands for one response alone.
      const unwritten = new WeakMap<object, boolean[]>();
      const skip = (row: ScoredRow['row']) => {
        const missing = row.conversations.flatMap(({ kind, label, turns, targets }) =>
          targets.map((t) => !done.take({ file, kind, label, hash: hex(contentHash(turns, t)) })),
        );
        unwritten.set(row, missing);
        rows++;
        return !missing.includes(true);
      };
      for await (const event of scoreRows(events, { service, signal, skip })) {
        if (event.type === 'problem') {
          const { place, code, message } = event.problem;
          const at = `${file}:${place.line + 1}:${place.column + 1}`;
          process.stderr.write(`${visible(`${at} ${message} (${code})`)}\n`);
          if (code === 'unreadable') bad++;
          failed ||= code !== 'empty-file';
          continue;
        }
        const missing = unwritten.get(event.row) ?? [];
        const targets = event.targets.filter((_, n) => missing[n] !== false);
        await output.write(
          targets
            .map((t) => ({ run, file, ...scoreLine(event, t, info.spec, settings) }))
            .map((line) => `${strictJson(line)}\n`)
            .join(''),
        );
        for (const { conversation: c, hash } of targets) {
          const { kind = '', label = '' } = event.row.conversations[c] ?? {};
          done.renewed({ file, kind, label, hash: hex(hash) });
        }
        responses += event.targets.length;
        stored += event.targets.filter((t) => t.fromStore).length;
        bar.row(n, event.row.place.end, responses, stored);
      }
      if (failed && rows === before) bad++;
    }
  } finally {
    bar.end();
    await output.close();
    if (o.out !== undefined) await dropRetried(o.out, done);
  }
  if (rows === 0) process.stderr.write('qrm: nothing could be read\n');
  return bad > 0 || rows === 0 ? EXIT.unreadable : EXIT.ok;
}
