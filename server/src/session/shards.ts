import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from '../datasets/index.js';
import type { DatasetEvent } from '../datasets/types.js';
import { streamInOrder } from '../engine/index.js';
import type { Evaluator, EvaluatorInfo, GroupResult, ScoreGroup } from '../engine/types.js';
import { messageOf, UsageError } from '../errors.js';
import { contentHash, decodeScore, scoreKey, type StoredScore } from '../store/index.js';

/** What `qrm score --ray` wrote beside its shards. */
interface Manifest {
  readonly version: number;
  readonly model: {
    readonly name: string;
    readonly hash: string;
    readonly precision: string;
    readonly executionProvider: string;
    readonly maxTokens: number;
    readonly spec: EvaluatorInfo['spec'];
  };
  readonly shards: readonly ShardEntry[];
}

interface ShardEntry {
  readonly path: string;
  readonly shard: string;
  /** The first row of its file that is in it. */
  readonly row: number;
}

/** Shards whose scores are in memory: rows that wait to be looked at lie in the one before too. */
const HELD = 3;

/** The scores of one shard, by content; of a response that has none, why. */
interface Held {
  readonly scores: ReadonlyMap<string, StoredScore>;
  readonly errors: ReadonlyMap<string, string>;
  /** Why the shard could not be read. */
  readonly broken?: string;
}

/**
 * The scores that a cluster made, for an audit of the same files: read alongside, a few shards at a time, however
 * many there are.
 */
export class Shards {
  private readonly held = new Map<string, Held>();
  /** The shards of each file, in its order. */
  private readonly shards = new Map<string, ShardEntry[]>();

  private constructor(
    private readonly folder: string,
    private readonly manifest: Manifest,
    private readonly warn: (message: string) => void,
  ) {
    for (const entry of manifest.shards) {
      const { path } = entry;
      const known = this.shards.get(path);
      if (known === undefined) this.shards.set(path, [entry]);
      else known.push(entry);
    }
  }

  /**
   * @param warn told of shards that cannot be read: they cost their own responses
   * @throws UsageError naming the folder, when it holds no such scores
   */
  static open(folder: string, warn: (message: string) => void): Shards {
    const path = join(folder, 'manifest.json');
    if (!existsSync(path))
      throw new UsageError(`--scores ${folder}: no manifest.json; expected what qrm score --ray wrote to its end`); // prettier-ignore
    try {
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
      if (
        manifest.version !== 1 ||
        !Array.isArray(manifest.shards) ||
        !manifest.model?.spec?.levels
      )
        throw new Error('expected version 1 with model and shards');
      return new Shards(folder, manifest, warn);
    } catch (error) {
      throw new UsageError(`${path}: ${messageOf(error)}`);
    }
  }

  /** The files that were scored. */
  get files(): string[] {
    return [...this.shards.keys()];
  }

  /** An evaluator that scores nothing: it knows what the model was, and why a response has no score. */
  get evaluator(): Evaluator {
    const { name, hash, precision, executionProvider, maxTokens, spec } = this.manifest.model;
    const score = ({ conversations }: ScoreGroup): Promise<GroupResult> =>
      Promise.resolve({
        results: conversations.map(({ messages, targets }) =>
          targets.map((target) => ({
            ok: false as const,
            error: this.errorOf(contentHash(messages, target).toString('hex')),
          })),
        ),
      });
    return {
      info: { spec, modelName: name, modelHash: hash, precision, executionProvider, maxTokens },
      score,
      scoreStream: (groups, options) => streamInOrder(score, groups, options),
      close: () => Promise.resolve(),
    };
  }

  /** In place of the store: what was read of the shards lately. */
  readonly store = {
    get: (key: Uint8Array): StoredScore | undefined => {
      const name = Buffer.from(key).toString('hex');
      for (const { scores } of this.held.values()) {
        const score = scores.get(name);
        if (score !== undefined) return score;
      }
      return undefined;
    },
    putMany: (): Promise<void> => Promise.resolve(),
  };

  /**
   * The events of a file; before a row goes on, the scores of its shard are in memory.
   * @throws Error when no shard is of this file, or those of several files of its name are
   */
  async *alongside(
    path: string,
    events: AsyncIterable<DatasetEvent>,
  ): AsyncGenerator<DatasetEvent> {
    const shards = this.shardsOf(path);
    let n = 0;
    await this.hold(shards[0]);
    for await (const event of events) {
      if (event.type === 'row') {
        while ((shards[n + 1]?.row ?? Infinity) <= event.row.index) await this.hold(shards[++n]);
      }
      yield event;
    }
  }

  private shardsOf(path: string): readonly ShardEntry[] {
    const whole = this.shards.get(path) ?? this.shards.get(resolve(path));
    if (whole !== undefined) return whole;
    // The data lay elsewhere on the cluster.
    const named = this.files.filter((file) => basename(file) === basename(path));
    const only = named.length === 1 ? this.shards.get(named[0] as string) : undefined;
    if (only !== undefined) return only;
    throw new Error(
      named.length === 0
        ? `no scores of it in ${this.folder}`
        : `${this.folder} has scores of ${named.length} files of this name`,
    );
  }

  private async hold(entry: ShardEntry | undefined): Promise<void> {
    if (entry === undefined || this.held.has(entry.shard)) return;
    const held = await this.read(entry);
    this.held.set(entry.shard, held);
    for (const oldest of this.held.keys()) {
      if (this.held.size <= HELD) break;
      this.held.delete(oldest);
    }
  }

  private async read({ shard }: ShardEntry): Promise<Held> {
    const path = join(this.folder, basename(shard));
    const scores = new Map<string, StoredScore>();
    const errors = new Map<string, string>();
    try {
      const rows = await parquetReadObjects({
        file: await asyncBufferFromFile(path),
        columns: ['hash', 'error', 'score'],
        compressors,
        utf8: false,
      });
      for (const { hash, error, score } of rows as Row[]) {
        if (error !== null) {
          errors.set(hash, error);
          continue;
        }
        const decoded = score === null ? undefined : decodeScore(score);
        if (decoded === undefined) throw new Error(`the score of ${hash.slice(0, 12)}… is damaged`);
        const key = scoreKey(this.manifest.model.hash, Buffer.from(hash, 'hex'));
        scores.set(Buffer.from(key).toString('hex'), decoded);
      }
    } catch (error) {
      const broken = `${path}: ${messageOf(error)}; qrm score --ray makes it again once it is removed`;
      this.warn(broken);
      return { scores: new Map(), errors: new Map(), broken };
    }
    return { scores, errors };
  }

  private errorOf(hash: string): string {
    for (const { errors, broken } of [...this.held.values()].reverse()) {
      const error = errors.get(hash) ?? broken;
      if (error !== undefined) return error;
    }
    return `no score in ${this.folder}: the file is not as it was when it was scored`;
  }
}

interface Row {
  readonly hash: string;
  readonly error: string | null;
  readonly score: Uint8Array | null;
}
