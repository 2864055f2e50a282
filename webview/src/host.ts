import type { HostToView, PersistedState, ViewToHost } from '../../server/src/protocol/index.js';

interface VsCodeApi {
  postMessage(message: ViewToHost): void;
  getState(): unknown;
  setState(state: PersistedState): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

type MessageOf<T extends HostToView['type']> = Extract<HostToView, { type: T }>;

/** The extension host as the page sees it. */
export class Host {
  private readonly api = acquireVsCodeApi();
  private ids = 0;

  /** A number for a request; its answer carries the same. */
  nextId(): number {
    return ++this.ids;
  }

  post(message: ViewToHost): void {
    this.api.postMessage(message);
  }

  get state(): unknown {
    return this.api.getState();
  }

  /** With the editor, which may write it down late, and with the extension, which does at once. */
  keep(state: PersistedState): void {
    this.api.setState(state);
    this.post({ type: 'state', state });
  }

  on(handlers: { readonly [T in HostToView['type']]?: (message: MessageOf<T>) => void }): void {
    window.addEventListener('message', (event: MessageEvent<HostToView>) => {
      const { data } = event;
      if (typeof data !== 'object' || data === null || typeof data.type !== 'string') return;
      const handle = handlers[data.type] as ((message: HostToView) => void) | undefined;
      handle?.(data);
    });
  }
}
