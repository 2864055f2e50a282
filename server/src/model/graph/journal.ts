import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Written } from './tensor-file.js';

export const JOURNAL = 'conversion.json';
const STATE = 'conversion.state';
/** Writing it takes the disk a moment: no more often than this, in milliseconds. */
const INTERVAL = 2000;

export interface JournalOptions {
  /** What is converted, and how: the notes of another conversion are not taken. */
  readonly key: string;
  /** Milliseconds between notes. Default 2,000. */
  readonly interval?: number;
}

/** How far a conversion came. */
export interface Step extends Written {
  /** Tensors or layers that are done. */
  readonly done: number;
  /** Token ids of the stored beginning (int8). */
  readonly prefix?: readonly number[];
}

/** Notes beside a conversion's file of how far it came, so that one that was killed goes on from there. */
export class Journal {
  #last = Date.now();
  #noted: string | undefined;

  private constructor(
    private readonly folder: string,
    private readonly options: JournalOptions,
    /** Where the conversion before this one stopped. */
    readonly step: Step | undefined,
    /** What goes on from one layer to the next (int8): the residual stream of the calibration's tokens. */
    readonly state: Float32Array | undefined,
  ) {}

  /** @param data the file that is written */
  static async open(data: string, options: JournalOptions): Promise<Journal> {
    const folder = dirname(data);
    try {
      const text = await readFile(join(folder, JOURNAL), 'utf8');
      const found = JSON.parse(text) as { key?: string; step: Step; state?: string };
      const whole = (await stat(data)).size >= found.step.position;
      if (found.key === options.key && whole) {
        const bytes = found.state && (await readFile(join(folder, found.state)));
        const state = bytes
          ? new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
          : undefined;
        return new Journal(folder, options, found.step, state);
      }
    } catch {
      // None, or one that a kill cut short: from the beginning then.
    }
    return new Journal(folder, options, undefined, undefined);
  }

  get due(): boolean {
    return Date.now() - this.#last >= (this.options.interval ?? INTERVAL);
  }

  async note(step: Step, state?: Float32Array): Promise<void> {
    const name = state === undefined ? undefined : `${STATE}.${step.done}`;
    const write = async (file: string, data: string | Float32Array): Promise<void> => {
      await writeFile(join(this.folder, `${file}.new`), data);
      await rename(join(this.folder, `${file}.new`), join(this.folder, file));
    };
    // The state of the step before stays until its notes are replaced.
    if (name !== undefined) await write(name, state!);
    const before = this.#noted;
    await write(JOURNAL, JSON.stringify({ key: this.options.key, step, state: name }));
    if (before !== undefined && before !== name)
      await rm(join(this.folder, before), { force: true });
    this.#noted = name;
    this.#last = Date.now();
  }

  /** When all is written: the folder holds none of this then. */
  async end(): Promise<void> {
    await rm(join(this.folder, JOURNAL), { force: true });
    if (this.#noted !== undefined) await rm(join(this.folder, this.#noted), { force: true });
    if (this.step !== undefined) {
      await rm(join(this.folder, `${STATE}.${this.step.done}`), { force: true });
    }
  }
}
