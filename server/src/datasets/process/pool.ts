import { ReaderChild } from './child.js';

/** Readers that wait for work; a second audit at the same time starts one more. */
const IDLE = 2;
/** An idle reader is ended after so many ms. */
const PATIENCE = 20_000;
/** A task that was broken off is given so many ms to say so. */
const GRACE = 1000;

const idle: { child: ReaderChild; timer: NodeJS.Timeout }[] = [];
let tasks = 0;

/** A reader for one task. */
export interface Lent {
  readonly child: ReaderChild;
  readonly id: number;
  /** @param ended whether the task came to its end; else it is cancelled */
  giveBack(ended: boolean): void;
}

export function lend(): Lent {
  let child: ReaderChild | undefined;
  while (child === undefined && idle.length > 0) {
    const { child: next, timer } = idle.pop()!;
    clearTimeout(timer);
    if (next.alive) child = next;
  }
  const lent = child ?? new ReaderChild();
  const id = ++tasks;
  return {
    child: lent,
    id,
    giveBack(ended) {
      if (!lent.alive) return;
      if (ended) return keep(lent);
      // Of a task that is broken off only its end is of interest.
      const late = setTimeout(() => lent.kill(), GRACE).unref();
      lent.begin(id, (message) => {
        if (message instanceof Error) clearTimeout(late);
        else if (message.type !== 'events' && message.type !== 'more') {
          clearTimeout(late);
          keep(lent);
        }
      });
      lent.send({ type: 'cancel', id });
      lent.rest(true);
    },
  };
}

function keep(child: ReaderChild): void {
  child.rest();
  if (!child.alive) return;
  if (idle.length >= IDLE) return child.kill();
  const timer = setTimeout(() => {
    idle.splice(
      idle.findIndex((i) => i.child === child),
      1,
    );
    child.kill();
  }, PATIENCE);
  timer.unref();
  idle.push({ child, timer });
}

/** Starts a reader before there is work, where something else takes its time. */
export function warmReader(): void {
  if (idle.length === 0) keep(new ReaderChild());
}

/** Ends those that are idle. */
export function closeReaders(): void {
  for (const { child, timer } of idle.splice(0)) {
    clearTimeout(timer);
    child.kill();
  }
}
