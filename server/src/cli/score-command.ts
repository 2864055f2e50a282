import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { scoreRows, take, type ScoredEvent } from '../audit/index.js';
import { measure, type MeasureOptions, type QrmSpec } from '../qrm/index.js';
import { contentHash } from '../store/index.js';
import { open, type CommonOptions } from './common.js';
import { openEvaluator } from './engine.js';
import { EXIT } from './errors.js';
import { expandFiles } from './files.js';
import { weights } from './options.js';
import { modelLine, onInterrupt, openStore, Progress } from './run.js';
import { readDone, rowKey } from './score-output.js';

const hex = (hash: Uint8Array) => Buffer.from(hash).toString('hex');

export async function scoreCommand(paths: string[], o: CommonOptions) {
  const say = (line: string) => void (o.quiet || process.stderr.write(`${line}\n`));
  const files = expandFiles(paths);
  const { signal } = onInterrupt();
  const evaluator = await openEvaluator({
    model: o.model,
    device: o.device,
    precision: o.precision,
  });
  const store = openStore(o.store, say);
  let fd = 1;
  try {
    const { info } = evaluator;
    say(modelLine(info));
    const w = o.weights === undefined ? undefined : weights(o.weights, info.spec.attributes);
    const settings = { tau: o.tau, lambda: o.lambda, weights: w };
    const run = createHash('sha256')
      .update(JSON.stringify([info.modelHash, settings]))
      .digest('hex')
      .slice(0, 16);
    const done = o.out === undefined ? new Set<string>() : await readDone(o.out, run);
    if (done.size > 0) say(`${done.size} responses are in ${o.out} already.`);
    if (o.out !== undefined) fd = openSync(o.out, 'a');
    const bar = new Progress(o.quiet ?? false, o.limit && o.limit * files.length);
    let [rows, responses, stored, bad] = [0, 0, 0, 0];
    try {
      for (const file of files) {
        const events = take(open(file, o, signal), o.limit);
        const skip = (row: (ScoredEvent & { type: 'row' })['row']) =>
          row.conversations.every((c) =>
            c.targets.every((t) => done.has(rowKey(file, row.index, hex(contentHash(c.turns, t))))),
          );
        for await (const event of scoreRows(events, { evaluator, store, signal, skip })) {
          if (event.type === 'problem') {
            const { problem: p } = event;
            say(`${file}:${p.place.line + 1}:${p.place.column + 1} ${p.code}: ${p.message}`);
            if (p.code === 'unreadable') bad++;
            continue;
          }
          const lines = outputLines(event, file, run, settings, info.spec, done);
          if (lines !== '') writeAll(fd, lines);
          responses += event.targets.length;
          stored += event.targets.filter((t) => t.fromStore).length;
          bar.step(++rows, responses, stored);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      say('Interrupted. What was scored is kept: the same command goes on from there.');
      return EXIT.interrupted;
    } finally {
      bar.end();
    }
    return bad > 0 ? EXIT.unreadable : EXIT.ok;
  } finally {
    if (fd !== 1) closeSync(fd);
    await store?.close();
    await evaluator.close();
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

/** A JSON line for each response of the row that the output does not hold yet. */
function outputLines(
  event: ScoredEvent & { type: 'row' },
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
    const p = conversation?.turns[target]?.place ?? event.row.place;
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
