import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeHalf, encodeHalf } from '../../model/checkpoint/half.js';
import { makeFolder } from '../../files/folder.js';
import { exists } from '../../model/files.js';

export type FeatureType = 'float16' | 'float32';

/** What the numbers of a store belong to; another backbone, cut or precision is another store. */
export interface FeatureIdentity {
  /** Fingerprint of the backbone's weights and of its tokenizer; where it runs here, the graph's too. */
  readonly backbone: string;
  readonly layers: number;
  readonly precision: string;
  /** What rounds the numbers: kernels or kind of device, or the engine and what it calls its model. */
  readonly by: string;
  readonly hiddenSize: number;
  readonly type: FeatureType;
}

/** A key is the beginning of a SHA-256: two among 10^8 rows meet with a chance of 10^-23. */
const KEY_BYTES = 16;

/** The key of a templated conversation: its token ids and the two positions whose features are kept. */
export function featureKey(ids: readonly number[], reward: number, gate: number): string {
  const content = Int32Array.from([reward, gate, ...ids]);
  return createHash('sha256')
    .update(content)
    .digest('hex')
    .slice(0, 2 * KEY_BYTES);
}

/**
 * Features on disk by the content of their conversation, written once: `<name>.bin` holds one row after
 * another, the reward feature then the gating feature, [2 hidden], and `<name>.keys` the key of each.
 * Rows are only ever added, first the numbers and then the key, so that a kill at any moment leaves whole
 * rows and a rest that the next opening cuts off. Rows are read where they lie when they are asked for,
 * through the system's page cache: 60,000 rows of 4,096 channels need not fit in memory.
 */
export class FeatureStore {
  private constructor(
    readonly identity: FeatureIdentity,
    private readonly data: FileHandle,
    private readonly keys: FileHandle,
    private readonly places: Map<string, number>,
    private readonly lock: string,
  ) {}

  /**
   * @param folder made where it is missing
   * @throws Error naming the file that belongs to something else, or that another process has open
   */
  static async open(folder: string, identity: FeatureIdentity): Promise<FeatureStore> {
    makeFolder(folder);
    const { text, name } = headerOf(identity);
    const header = join(folder, `${name}.json`);
    const found = await readFile(header, 'utf8').catch(() => undefined);
    if (found === undefined) {
      await writeFile(`${header}.tmp`, text);
      await rename(`${header}.tmp`, header);
    } else if (found !== text) {
      throw new Error(`${header}: does not describe these features; remove ${name}.*`);
    }
    const lock = join(folder, `${name}.lock`);
    await takeLock(lock);
    const data = await open(join(folder, `${name}.bin`), 'a+');
    const keys = await open(join(folder, `${name}.keys`), 'a+');
    const rowBytes = bytesOfRow(identity);
    const whole = Math.min(
      Math.floor((await data.stat()).size / rowBytes),
      Math.floor((await keys.stat()).size / KEY_BYTES),
    );
    await data.truncate(whole * rowBytes);
    await keys.truncate(whole * KEY_BYTES);
    const bytes = Buffer.alloc(whole * KEY_BYTES);
    if (whole > 0) await keys.read(bytes, 0, bytes.length, 0);
    const places = new Map<string, number>();
    for (let row = 0; row < whole; row++) {
      places.set(bytes.toString('hex', row * KEY_BYTES, (row + 1) * KEY_BYTES), row);
    }
    return new FeatureStore(identity, data, keys, places, lock);
  }

  /** Whether the folder has a store of this identity. */
  static isThere(folder: string, identity: FeatureIdentity): Promise<boolean> {
    return exists(join(folder, `${headerOf(identity).name}.json`));
  }

  get size(): number {
    return this.places.size;
  }

  has(key: string): boolean {
    return this.places.has(key);
  }

  /**
   * Adds rows; those whose key is there already are passed over.
   * @param rows [n, 2 hidden]: of each, the reward feature then the gating feature
   */
  async add(keys: readonly string[], rows: Float32Array): Promise<void> {
    const width = 2 * this.identity.hiddenSize;
    const fresh: string[] = [];
    const parts: Uint8Array[] = [];
    keys.forEach((key, i) => {
      if (this.places.has(key)) return;
      this.places.set(key, this.places.size);
      fresh.push(key);
      const row = rows.subarray(i * width, (i + 1) * width);
      const half = this.identity.type === 'float16';
      const stored = half ? encodeHalf(row) : row;
      parts.push(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    });
    if (fresh.length === 0) return;
    await this.data.appendFile(Buffer.concat(parts));
    await this.keys.appendFile(Buffer.from(fresh.join(''), 'hex'));
  }

  /**
   * Copies one half of the rows of `keys` to `into`, [keys, hidden].
   * @throws Error when a key is not there
   */
  async read(
    keys: readonly string[],
    part: 'reward' | 'gating',
    into: Float32Array | Float64Array,
  ): Promise<void> {
    const { hiddenSize: H, type } = this.identity;
    const rowBytes = bytesOfRow(this.identity);
    const order = keys
      .map((key, i) => ({ i, row: this.places.get(key) }))
      .sort((a, b) => (a.row ?? -1) - (b.row ?? -1));
    if (order[0] !== undefined && order[0].row === undefined) {
      throw new Error('a conversation whose features were not computed');
    }
    // Neighbouring rows in one read: what was written together is asked for together.
    for (let from = 0; from < order.length;) {
      let to = from + 1;
      while (
        to < order.length &&
        to - from < READ_ROWS &&
        near(order[to - 1]!.row!, order[to]!.row!)
      ) {
        to++;
      }
      const first = order[from]!.row!;
      const bytes = Buffer.alloc((order[to - 1]!.row! - first + 1) * rowBytes);
      await this.data.read(bytes, 0, bytes.length, first * rowBytes);
      for (const { i, row } of order.slice(from, to)) {
        const at = (row! - first) * rowBytes + (part === 'reward' ? 0 : rowBytes / 2);
        const stored = bytes.subarray(at, at + rowBytes / 2);
        into.set(type === 'float16' ? decodeHalf(halves(stored)) : decodeFloat(stored), i * H);
      }
      from = to;
    }
  }

  async close(): Promise<void> {
    await this.data.close();
    await this.keys.close();
    await rm(this.lock, { force: true });
  }
}

/** What a store's .json says, and what its files are called by it. */
function headerOf(identity: FeatureIdentity): { text: string; name: string } {
  const text = JSON.stringify(identity, Object.keys(identity).sort(), 2);
  const hash = createHash('sha256').update(text).digest('hex');
  return { text, name: `features-${hash.slice(0, 16)}` };
}

/** Two writers would spoil each other's rows. A lock whose process is gone is taken over. */
async function takeLock(lock: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
      if (owner === process.pid || (owner > 0 && isAlive(owner))) {
        throw new Error(`${lock}: another training run (process ${owner}) works in this folder`);
      }
      await rm(lock, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const READ_ROWS = 256;

function near(before: number, after: number): boolean {
  return after - before <= 1;
}

function bytesOfRow({ hiddenSize, type }: FeatureIdentity): number {
  return 2 * hiddenSize * (type === 'float16' ? 2 : 4);
}

function decodeFloat(bytes: Uint8Array): Float32Array {
  const copy = Uint8Array.from(bytes);
  return new Float32Array(copy.buffer);
}

const halves = (bytes: Uint8Array): Uint16Array => new Uint16Array(Uint8Array.from(bytes).buffer);
