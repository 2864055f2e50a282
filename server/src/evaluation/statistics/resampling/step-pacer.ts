/** Steps (a few nanoseconds each) between two rests: some milliseconds. */
const SLICE = 1 << 20;

/** A pacer that counts steps in place of looking at the clock: whoever does many of them lets others run now and then. */
export class StepPacer {
  private work = 0;

  /** @param tick throws when the work is of no use any more */
  constructor(private readonly tick?: () => Promise<void>) {}

  /** Whether it is time for a rest, after so many steps more. */
  due(steps: number): boolean {
    this.work += steps;
    return this.work >= SLICE;
  }

  async rest(): Promise<void> {
    this.work = 0;
    await this.tick?.();
  }
}
