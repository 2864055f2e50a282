/** A template that does not end, or whose text or memory has none: said with what it did. */
export class TemplateLimitError extends Error {}

/** Steps that any template may take, and more for each message and character of the conversation. */
const STEPS = 200_000;
const STEPS_PER_MESSAGE = 20_000;
/** A list of more has no place in a prompt. */
const ITEMS = 1_000_000;
/** Milliseconds of one conversation; the steps end first unless something is very slow. */
const TIME = 10_000;
/** Characters of one text beyond eight times the conversation. */
const TEXT = 4 << 20;

/**
 * What rendering one conversation may cost. A step is one expression or statement; texts and lists count
 * by their length, so that a step is never worth more than a constant amount of work and memory.
 */
export class Budget {
  #left: number;
  #untilClock = 1024;
  readonly #longest: number;
  readonly #end = performance.now() + TIME;

  /** @param characters of all messages together */
  constructor(messages: number, characters: number) {
    this.#left = STEPS + STEPS_PER_MESSAGE * messages + characters * 4;
    this.#longest = TEXT + 8 * characters;
  }

  /** @throws TemplateLimitError */
  spend(steps = 1): void {
    this.#left -= steps;
    if (this.#left < 0) throw new TemplateLimitError('it takes too many steps');
    if (--this.#untilClock > 0) return;
    this.#untilClock = 1024;
    if (performance.now() > this.#end) {
      throw new TemplateLimitError(`it takes more than ${TIME / 1000} s`);
    }
  }

  /** Before a text of this length is made. */
  text(length: number): void {
    if (length > this.#longest) throw new TemplateLimitError('its text has no end');
    this.spend(1 + length / 256);
  }

  /** Before a list of this length is made. */
  list(length: number): void {
    if (length > ITEMS) throw new TemplateLimitError(`it makes a list of ${length} items`);
    this.spend(1 + length / 8);
  }
}
