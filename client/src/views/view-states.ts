import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PAGES, type PageName, type PersistedState } from '../../../server/src/protocol/index.js';
import { messageOf } from '../../../server/src/errors.js';

/** Views remembered; the least lately changed are forgotten. */
const KEPT = 20;

/** There is one distribution view, and one dashboard of the same documents. */
const keyOf = ({ page, uris }: Pick<PersistedState, 'page' | 'uris'>): string =>
  page === 'detail' ? page : [page, ...uris].join(' ');

const isState = (value: unknown): value is PersistedState => {
  const { page, uris, saved } = (value ?? {}) as Partial<PersistedState>;
  return (
    PAGES.some((name) => name === page) &&
    Array.isArray(uris) &&
    uris.every((uri) => typeof uri === 'string') &&
    typeof saved === 'number'
  );
};

/**
 * The states of the views in a file of the workspace's storage, written as they change. The editor keeps
 * what pages give to `setState` too, but in a browser it writes that once a minute: a reload before
 * would bring back an older view.
 */
export class ViewStates {
  private readonly states = new Map<string, PersistedState>();
  private readonly read: Promise<void>;
  private writing: Promise<void> | undefined;
  private changed = false;

  /** @param file undefined keeps them in memory only */
  constructor(
    private readonly file: string | undefined,
    private readonly warn: (message: string) => void,
  ) {
    this.read = this.load();
  }

  private async load(): Promise<void> {
    if (this.file === undefined) return;
    const text = await readFile(this.file, 'utf8').catch(() => '[]');
    try {
      const list: unknown = JSON.parse(text);
      for (const state of Array.isArray(list) ? list.filter(isState) : [])
        this.states.set(keyOf(state), state);
    } catch {
      this.warn(`${this.file}: no readable JSON; the views begin with what the editor kept`);
    }
  }

  /** The state of the view, where it is later than `known`, which the editor kept. */
  async later(
    view: Pick<PersistedState, 'page' | 'uris'>,
    known: PersistedState | undefined,
  ): Promise<PersistedState | undefined> {
    await this.read;
    const state = this.states.get(keyOf(view));
    return state !== undefined && (state.saved ?? 0) > (known?.saved ?? 0) ? state : undefined;
  }

  async keep(state: PersistedState): Promise<void> {
    await this.read;
    if (!isState(state)) return;
    const key = keyOf(state);
    this.states.delete(key);
    this.states.set(key, state);
    for (const oldest of this.states.keys()) {
      if (this.states.size <= KEPT) break;
      this.states.delete(oldest);
    }
    await this.write();
  }

  /** The user closed the view: the next one begins with its defaults. */
  async forget(page: PageName, uris: readonly string[]): Promise<void> {
    await this.read;
    if (this.states.delete(keyOf({ page, uris }))) await this.write();
  }

  /** One write at a time; resolves when the states of now are in the file. */
  private write(): Promise<void> {
    this.changed = true;
    this.writing ??= this.writeAll()
      .catch((error: unknown) => this.warn(`the views are not kept: ${messageOf(error)}`))
      .finally(() => (this.writing = undefined));
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    const { file } = this;
    if (file === undefined) return;
    await mkdir(dirname(file), { recursive: true });
    while (this.changed) {
      this.changed = false;
      await writeFile(`${file}.part`, JSON.stringify([...this.states.values()]));
      await rename(`${file}.part`, file);
    }
  }
}
