import { problem } from '../record.js';
import type { DatasetEvent, DatasetProblem } from '../types.js';

/** So many records that are not understood are kept until a row tells that the file is a data set. */
const HELD = 10_000;
/** Of damaged records alone, so many are told one by one. */
const DAMAGED = 10;

/**
 * A file of which no record is understood is no data set: that is said once, not of every record. Where a
 * row comes, everything is told in its order.
 */
export async function* hinted(
  events: AsyncIterable<DatasetEvent>,
  name: string,
): AsyncGenerator<DatasetEvent> {
  let held: DatasetEvent[] | undefined = [];
  let [foreign, damaged, more] = [0, 0, 0];
  let first: DatasetProblem | undefined;
  for await (const event of events) {
    if (held === undefined) {
      yield event;
    } else if (event.type === 'row') {
      yield* held;
      if (more > 0) yield* said(more, foreign + damaged, first, name);
      held = undefined;
      yield event;
    } else {
      const { code, foreign: unknown } = event.problem;
      if (unknown) {
        foreign++;
        first = first?.foreign ? first : event.problem;
      } else if (code === 'malformed-row' || code === 'truncated-line') {
        damaged++;
        first ??= event.problem;
      }
      if (held.length < HELD) held.push(event);
      else more++;
    }
  }
  if (held === undefined) return;
  const several = foreign > 0 ? foreign + damaged > 1 : damaged > DAMAGED;
  if (!several) yield* held;
  else {
    const loss = held.filter((e) => e.type === 'problem' && e.problem.code === 'unreadable');
    yield* said(foreign + damaged, foreign + damaged, first, name);
    yield* loss;
  }
}

function* said(
  count: number,
  of: number,
  first: DatasetProblem | undefined,
  name: string,
): Generator<DatasetEvent> {
  if (first === undefined) return;
  const all =
    count === of
      ? `none of the ${count} records of ${name} is`
      : `${count} more records of ${name} are not`;
  const message = `${all} understood: is it a data set? The first: ${first.message}. Name its fields in a mapping if it is`;
  const made = problem(undefined, first.place, first.code, message);
  yield made.type === 'problem' && first.foreign
    ? { ...made, problem: { ...made.problem, foreign: true } }
    : made;
}
