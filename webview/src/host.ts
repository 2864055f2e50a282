import type {
  HostToView,
  PersistedState,
  ToView,
  ViewRequest,
  ViewRequestName,
  ViewRequests,
  ViewToHost,
} from '../../server/src/protocol/index.js';

interface VsCodeApi {
  postMessage(message: ViewToHost): void;
  getState(): unknown;
  setState(state: PersistedState): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

/** The extension host as the page sees it. */
export class Host {
  private readonly api = acquireVsCodeApi();
  private readonly waiting = new Map<
    number,
    { resolve: (answer: never) => void; reject: (error: Error) => void }
  >();
  private ids = 0;

  constructor() {
    this.listen((message) => {
      if (message.type !== 'answer') return;
      const asked = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.answer === undefined) asked?.reject(new Error('the extension could not answer'));
      else asked?.resolve(message.answer as never);
    });
  }

  post(message: ViewToHost): void {
    this.api.postMessage(message);
  }

  /**
   * Asks the extension; the answer's type follows from the request's name.
   * @throws Error when it failed; why is told to the user as a message of its own
   */
  request<N extends ViewRequestName>(
    name: N,
    params: ViewRequests[N]['params'],
  ): Promise<ViewRequests[N]['answer']> {
    const id = ++this.ids;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.post({ type: 'request', id, name, params } as ViewRequest);
    });
  }

  get state(): unknown {
    return this.api.getState();
  }

  /** With the editor, which may write it down late, and with the extension, which does at once. */
  keep(state: PersistedState): void {
    this.api.setState(state);
    this.post({ type: 'state', state });
  }

  on(handlers: { readonly [T in keyof ToView]?: (message: ToView[T]) => void }): void {
    this.listen((message) => {
      if (message.type === 'answer') return;
      const handle = handlers[message.type] as ((m: ToView[keyof ToView]) => void) | undefined;
      handle?.(message);
    });
  }

  private listen(receive: (message: HostToView) => void): void {
    window.addEventListener('message', ({ data }: MessageEvent<HostToView>) => {
      if (typeof data === 'object' && data !== null && typeof data.type === 'string') receive(data);
    });
  }
}
