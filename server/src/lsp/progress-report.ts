import type { Connection, WorkDoneProgressReporter } from 'vscode-languageserver';
import type { LiveAudit } from './live-audit.js';
import { duration } from './rate.js';

/** A run shorter than this shows no progress. */
const PATIENCE_MS = 700;
const EVERY_MS = 400;

/**
 * Work-done progress of a run: percentage, rate and time left. On the client's token where it gave
 * one, else on one of the server's own, where the client allows that.
 */
export function reportProgress(
  connection: Connection,
  audit: LiveAudit,
  name: string,
  token: string | number | undefined,
  ownToken: boolean,
): () => void {
  let reporter: WorkDoneProgressReporter | undefined;
  let ended = false;
  const begin = (r: WorkDoneProgressReporter) => {
    if (ended) return;
    reporter = r;
    const { fraction } = audit.progress();
    r.begin(`QRM Lens: ${name}`, fraction === null ? undefined : 0, undefined, false);
  };
  const timer = setTimeout(
    () => {
      if (token !== undefined) begin(connection.window.attachWorkDoneProgress(token));
      else if (ownToken)
        void connection.window.createWorkDoneProgress().then(begin, () => undefined);
    },
    token === undefined ? PATIENCE_MS : 0,
  );
  const ticks = setInterval(() => {
    if (reporter === undefined) return;
    const { fraction, secondsLeft, rows } = audit.progress();
    const { rate } = audit.summary();
    const parts = [
      `${rows.toLocaleString('en')} rows`,
      ...(rate > 0 ? [`${rate.toFixed(1)} responses/s`] : []),
      ...(secondsLeft !== null && secondsLeft > 0 ? [`${duration(secondsLeft)} left`] : []),
    ];
    if (fraction === null) reporter.report(parts.join(', '));
    else reporter.report(Math.round(100 * fraction), parts.join(', '));
  }, EVERY_MS);
  return () => {
    ended = true;
    clearTimeout(timer);
    clearInterval(ticks);
    reporter?.done();
  };
}
