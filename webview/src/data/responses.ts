import { NO_PARTNER, REMOVED_KIND, type ColumnBatch } from '../../../server/src/protocol/index.js';

/** The figures that charts bin; kept as columns of 32-bit floats, NaN where not known. */
export const MEASURES = ['expectation', 'tail', 'margin'] as const;
export type MeasureName = (typeof MEASURES)[number];

const FLOATS = [
  'expectation',
  'tail',
  'cvar',
  'spread',
  'certaintyEquivalent',
  'beats',
  'margin',
] as const;
const WORDS = ['row', 'line', 'conversation', 'target', 'partner', 'tokens'] as const;
const BYTES = ['kind', 'modes'] as const;

/** Told of every figure that changes, so that binned counts follow without a second pass. */
export type OnChange = (measure: MeasureName, before: number, after: number) => void;

/**
 * All responses of one document in columns, by response number: about 54 bytes each, so that a
 * million costs 54 MB and no garbage.
 */
export class Responses {
  /** One past the highest response number seen. */
  length = 0;
  expectation = new Float32Array(0);
  tail = new Float32Array(0);
  cvar = new Float32Array(0);
  spread = new Float32Array(0);
  certaintyEquivalent = new Float32Array(0);
  beats = new Float32Array(0);
  margin = new Float32Array(0);
  row = new Uint32Array(0);
  line = new Uint32Array(0);
  conversation = new Uint32Array(0);
  target = new Uint32Array(0);
  partner = new Uint32Array(0);
  tokens = new Uint32Array(0);
  kind = new Uint8Array(0);
  modes = new Uint8Array(0);
  /** Pairs scored on both sides, and those whose chosen half is the likelier winner. */
  pairs = 0;
  agreeing = 0;

  constructor(private readonly onChange: OnChange = () => undefined) {}

  apply(batch: ColumnBatch): void {
    let needed = this.length;
    for (const id of batch.ids) if (id >= needed) needed = id + 1;
    this.grow(needed);
    for (let n = 0; n < batch.ids.length; n++) {
      const id = batch.ids[n] as number;
      const removed = batch.kind[n] === REMOVED_KIND;
      this.countPair(this.beats[id] as number, -1);
      for (const name of MEASURES) {
        const before = this[name][id] as number;
        const after = removed ? Number.NaN : (batch[name][n] as number);
        if (!Object.is(before, after)) this.onChange(name, before, after);
      }
      for (const name of FLOATS) this[name][id] = removed ? Number.NaN : (batch[name][n] as number);
      for (const name of WORDS) this[name][id] = batch[name][n] as number;
      for (const name of BYTES) this[name][id] = batch[name][n] as number;
      this.countPair(this.beats[id] as number, 1);
    }
  }

  /** The margin of the pair that the response belongs to, whichever half it is; NaN when none. */
  pairMargin(id: number): number {
    const own = this.margin[id] ?? Number.NaN;
    if (!Number.isNaN(own)) return own;
    const partner = this.partner[id] ?? NO_PARTNER;
    return partner === NO_PARTNER ? Number.NaN : (this.margin[partner] ?? Number.NaN);
  }

  /** P(chosen beats rejected) of the pair that the response belongs to; NaN when none. */
  pairBeats(id: number): number {
    const own = this.beats[id] ?? Number.NaN;
    if (!Number.isNaN(own)) return own;
    const partner = this.partner[id] ?? NO_PARTNER;
    return partner === NO_PARTNER ? Number.NaN : (this.beats[partner] ?? Number.NaN);
  }

  private countPair(beats: number, sign: 1 | -1): void {
    if (Number.isNaN(beats)) return;
    this.pairs += sign;
    if (beats > 0.5) this.agreeing += sign;
  }

  private grow(needed: number): void {
    const room = this.kind.length;
    if (needed > room) {
      const size = Math.max(needed, Math.ceil(room * 1.5), 1024);
      for (const name of FLOATS) this[name] = enlarge(this[name], size, Number.NaN);
      for (const name of WORDS) {
        this[name] = enlarge(this[name], size, name === 'partner' ? NO_PARTNER : 0);
      }
      for (const name of BYTES) this[name] = enlarge(this[name], size, REMOVED_KIND);
    }
    this.length = needed;
  }
}

function enlarge<T extends Float32Array | Uint32Array | Uint8Array>(
  old: T,
  size: number,
  filler: number,
): T {
  const made = new (old.constructor as new (n: number) => T)(size);
  made.fill(filler);
  made.set(old);
  return made;
}
