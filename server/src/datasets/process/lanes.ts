import type { PartSize } from '../formats.js';
import type { Cuts } from './cuts.js';
import { Exchange, type Said } from './exchange.js';
import type { Task } from './wire/messages.js';

/** Parts that a reader has been given and not read yet: it need not wait for the next one. */
const GIVEN = 2;

type Reading = Task & { do: 'read' };

/** One of the readers of a file. */
interface Lane {
  readonly exchange: Exchange;
  /** Parts given and not read. */
  given: number;
  /** It knows that there are no more. */
  dismissed: boolean;
}

/**
 * Several readers of one file of JSON Lines, each of which reads a part at a time; their messages come in the order of
 * the file. The first reads the file's beginning and says whether it is such a file; the others begin when rows come
 * whose scores are known, for else it is not reading that takes the time.
 */
export class Lanes {
  private readonly lanes: Lane[] = [];
  /** Who reads each part, by its number. */
  private readonly readers: Lane[] = [];
  /** Number of the part whose messages are given. */
  private part = 0;
  private divided = false;
  /** All parts are given, or none is wanted any more. */
  private over = false;
  private giving: Promise<void> = Promise.resolve();
  /** Messages from before the first row, once there was one. */
  private held: Said[] | undefined;
  /** Records and lines before that part. */
  before: PartSize = { records: 0, lines: 0 };

  /** @param first end of the first part; the others are those of `cuts` @param most readers */
  constructor(
    private readonly path: string,
    private readonly task: Reading,
    first: number,
    private readonly cuts: Cuts,
    private readonly most: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    const lane = this.begin(first);
    lane.given = 1;
    this.readers.push(lane);
  }

  private begin(first = 0): Lane {
    const source = { path: this.path };
    const heard = (said: Said): void => this.heard(lane, said);
    const exchange = new Exchange(source, { ...this.task, first }, this.signal, heard);
    const lane: Lane = { exchange, given: 0, dismissed: false };
    this.lanes.push(lane);
    return lane;
  }

  /** What is done as soon as a message comes, whoever's turn it is. */
  private heard(lane: Lane, said: Said): void {
    if (!('type' in said)) return;
    if (said.type === 'divided') {
      this.divided = true;
      this.supply(lane);
    } else if (said.type === 'parted') {
      lane.given--;
      this.supply(lane);
    } else if (said.type === 'events' && this.divided) {
      const { rows, written } = said.packed;
      if (2 * written <= rows) return;
      while (!this.over && this.lanes.length < this.most) this.supply(this.begin());
    }
  }

  /** Gives a reader its next parts, one reader after the other. */
  private supply(lane: Lane): void {
    this.giving = this.giving.then(async () => {
      while (lane.given < GIVEN && !this.over) {
        const part = await this.cuts.next();
        if (part === undefined) this.over = true;
        else {
          lane.given++;
          this.readers.push(lane);
          lane.exchange.give(part);
        }
      }
      if (!this.over || lane.dismissed) return;
      lane.dismissed = true;
      lane.exchange.give(undefined);
    });
  }

  /** The next message; `whole`: one reader is to read the file, from its beginning. @throws AbortError */
  async next(): Promise<Said | 'whole'> {
    if (this.held !== undefined) return this.held.shift() ?? this.inOrder();
    const held: Said[] = [];
    for (;;) {
      const said = await this.inOrder();
      // What a file is of which no row is understood, is said of all of it.
      if (this.part > 0) return 'whole';
      const rows = 'packed' in said ? said.packed.rows : undefined;
      if (rows === 0 && 'weight' in said) {
        held.push({ ...said, weight: 0 });
        this.taken(said.weight);
        continue;
      }
      this.held = [...held, said];
      return this.next();
    }
  }

  private async inOrder(): Promise<Said> {
    for (;;) {
      const lane = this.readers[this.part];
      if (lane === undefined) {
        const { giving } = this;
        await giving;
        if (giving !== this.giving || this.readers[this.part] !== undefined) continue;
        return this.end();
      }
      const said = await lane.exchange.next();
      if (!('type' in said)) return said;
      if (said.type === 'parted') {
        const { records, lines } = this.before;
        this.before = { records: records + said.records, lines: lines + said.lines };
        this.part++;
        if (this.part === 1 && this.held === undefined) return said;
      } else if (said.type !== 'divided') return said;
    }
  }

  /** All parts are given out and read: each reader says that it is done, which is of no interest any more. */
  private async end(): Promise<Said> {
    if (!this.over) throw new Error('a part of the file is read by nobody');
    for (const { exchange } of this.lanes) await exchange.next();
    return { type: 'done', id: 0 };
  }

  /** So much of the message that was given last is done with. */
  taken(weight: number): void {
    this.readers[this.part]?.exchange.taken(weight);
  }

  async close(): Promise<void> {
    this.over = true;
    await this.cuts.close();
    for (const { exchange } of this.lanes) await exchange.close();
  }
}
