/** How work of many steps gives way to an event loop. A server's is a `Pacer`. */
export interface Pace {
  /** The slice is used up. For loops so tight that a promise for each step would cost more than the step. */
  readonly due: boolean;
  /** Lets the event loop turn when the slice is used up. @throws AbortError when cancelled */
  tick(): Promise<void>;
}

/** Of a command line, whose loop nobody else waits for. */
export const UNPACED: Pace = { due: false, tick: () => Promise.resolve() };

/** Steps between two looks at the clock. */
const STRIDE = 255;

/** `step` for 0 ≤ i < n, at a pace. */
export async function times(n: number, step: (i: number) => void, pace: Pace): Promise<void> {
  for (let i = 0; i < n; i++) {
    step(i);
    if ((i & STRIDE) === STRIDE && pace.due) await pace.tick();
  }
}
