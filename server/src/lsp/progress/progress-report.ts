import type { Connection, WorkDoneProgressReporter } from 'vscode-languageserver';
import { duration, plural } from '../../protocol/index.js';
import type { StatusParams } from '../../protocol/index.js';
import type { LiveAudit } from '../../live/live-audit.js';

/** Work shorter than this shows no progress. */
const PATIENCE_MS = 700;
const EVERY_MS = 200;

export interface ProgressState {
  /** In [0, 1]; null when the whole is not known. */
  readonly fraction: number | null;
  readonly message: string;
}

export interface ProgressOptions {
  readonly title: string;
  /** The client's token, where it gave one. */
  readonly token: string | number | undefined;
  /** Else one of the server's own, where the client allows that. */
  readonly ownToken: boolean;
}

/** Work-done progress, asked for now and then. Gives the function that ends it. */
export function reportProgress(
  connection: Connection,
  { title, token, ownToken }: ProgressOptions,
  state: () => ProgressState,
): () => void {
  let reporter: WorkDoneProgressReporter | undefined;
  let ended = false;
  const tell = () => {
    const { fraction, message } = state();
    if (fraction === null) reporter?.report(message);
    else reporter?.report(Math.round(100 * fraction), message);
  };
  const begin = (r: WorkDoneProgressReporter) => {
    if (ended) return;
    reporter = r;
    r.begin(title, state().fraction === null ? undefined : 0, undefined, false);
    tell();
  };
  const timer = setTimeout(
    () => {
      if (token !== undefined) begin(connection.window.attachWorkDoneProgress(token));
      else if (ownToken) connection.window.createWorkDoneProgress().then(begin, () => undefined);
    },
    token === undefined ? PATIENCE_MS : 0,
  );
  const ticks = setInterval(tell, EVERY_MS);
  return () => {
    ended = true;
    clearTimeout(timer);
    clearInterval(ticks);
    reporter?.done();
  };
}

/** How far an audit is: what is being loaded while nothing can be scored, then rows, rate and time left. */
export function auditState(audit: LiveAudit, status: StatusParams): ProgressState {
  const { fraction, secondsLeft, rows } = audit.progress();
  const { rate, scored } = audit.summary();
  const loading = status.state === 'loading' ? [status.message ?? 'Loading the model'] : [];
  if (scored === 0 && (loading.length > 0 || rows === 0))
    return { fraction: null, message: loading[0] ?? 'Reading' };
  const parts = [
    ...loading,
    plural(rows, 'row'),
    ...(rate > 0 ? [`${rate.toFixed(1)} responses/s`] : []),
    ...(secondsLeft !== null && secondsLeft >= 0.5 ? [`${duration(secondsLeft)} left`] : []),
  ];
  return { fraction, message: parts.join(', ') };
}
