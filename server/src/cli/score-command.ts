import { createHash } from 'node:crypto';
import { take } from '../audit/index.js';
import { visible } from '../audit/report/index.js';
import { placeOf } from '../datasets/index.js';
import { measure, type MeasureOptions, type QrmSpec } from '../qrm/index.js';
import { LazyEvaluator } from '../session/lazy-evaluator.js';
import { scoreRows, type ScoredEvent } from '../session/score-rows.js';
import { ScoreService } from '../session/score-service.js';
import { contentHash } from '../store/index.js';
import { noneExists, open, type CommonOptions } from './common.js';
import { EXIT } from './errors.js';
import { expandFiles } from './files.js';
import { weights } from './options.js';
import { Appender } from './output.js';
import { count, Progress, Share } from './progress.js';
import { readDone, rowKey } from './score-output.js';
import { withSession, type Session } from './session.js';

type ScoredRow = ScoredEvent & { type: 'row' };
const hex = (hash: Uint8Array) => Buffer.from(hash).toString('hex');

export async function scoreCommand(paths: string[], o: CommonOptions): Promise<number> {
  const files = expandFiles(paths);
  if (noneExists(files)) return EXIT.unreadable;
  return withSession(o, (session) => score(files, o, session));
}

async function score(files: readonly string[], o: CommonOptions, session: Session) {
  const { evaluator, store, signal, say } = session;
  const { info } = evaluator;
  const settings: MeasureOptions = {
    tau: o.tau,
    lambda: o.lambda,
    cvarLevel: o.cvarLevel,
    weights: o.weights === undefined ? undefined : weights(o.weights, info.spec.attributes),
  };
  const run = createHash('sha256')
    .update(JSON.stringify([info.modelHash, settings]))
    .digest('hex')
    .slice(0, 16);
  const done = o.out === undefined ? new Set<string>() : await readDone(o.out, run);
  if (done.size > 0) say(`${count(done.size)} responses are in ${o.out} already`);
  const service = new ScoreService(LazyEvaluator.of(evaluator), store);
  const output = new Appender(o.out);
  const bar = new Progress(o.quiet ?? false);
  const share = new Share(files, o.limit);
  let [responses, stored, bad] = [0, 0, 0];
  try {
    for (const [n, file] of files.entries()) {
      const events = take(open(file, o, signal), o.limit);
      const skip = (row: ScoredRow['row']) =>
        row.conversations.every((c) =>
          c.targets.every((t) => done.has(rowKey(file, row.index, hex(contentHash(c.turns, t))))),
        );
      for await (const event of scoreRows(events, { service, signal, skip })) {
        if (event.type === 'problem') {
          const { place, code, message } = event.problem;
          const at = `${file}:${place.line + 1}:${place.column + 1}`;
          process.stderr.write(`${visible(`${at} ${message} (${code})`)}\n`);
          if (code === 'unreadable') bad++;
          continue;
        }
        const lines = outputLines(event, file, run, settings, info.spec, done);
        if (lines !== '') await output.write(lines);
        responses += event.targets.length;
        stored += event.targets.filter((t) => t.fromStore).length;
        bar.step(share.at(n, event.row.place.end), responses, stored);
      }
    }
  } finally {
    bar.end();
    output.close();
  }
  return bad > 0 ? EXIT.unreadable : EXIT.ok;
}

/** A JSON line for each response of the row that the output does not hold yet. */
function outputLines(
  event: ScoredRow,
  file: string,
  run: string,
  settings: MeasureOptions,
  spec: QrmSpec,
  done: ReadonlySet<string>,
): string {
  let out = '';
  for (const { conversation: c, target, hash, result } of event.targets) {
    if (done.has(rowKey(file, event.row.index, hex(hash)))) continue;
    const conversation = event.row.conversations[c];
    const p = placeOf(event.row, c, target);
    const head = {
      run,
      file,
      row: event.row.index,
      kind: conversation?.kind,
      label: conversation?.label,
      turn: target,
      line: p.line + 1,
      column: p.column + 1,
      start: p.start,
      end: p.end,
      hash: hex(hash),
    };
    if (!result.ok) {
      out += `${JSON.stringify({ ...head, error: result.error })}\n`;
      continue;
    }
    const { sorted, ...m } = measure(result.score, spec.levels, settings);
    const gate = Object.fromEntries(spec.attributes.map((name, n) => [name, result.score.gate[n]]));
    const { tokens, truncatedTokens } = result.score;
    out += `${JSON.stringify({ ...head, ...m, gate, quantiles: [...sorted], tokens, truncatedTokens })}\n`;
  }
  return out;
}
