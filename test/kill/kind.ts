/** A command that is killed, made ready in a folder of its own. */
export interface Kind {
  /** Begins a run that is to be killed. */
  start(): Promise<Victim>;
  /**
   * After the kill: what is there must be whole, and the same command, run to its end, must give what an
   * undisturbed run gives and leave nothing else behind. @throws Error when not
   */
  check(): Promise<void>;
  /** Milliseconds that a run takes after `start`; default: as long as the last check took. */
  readonly span?: () => number;
  end?(): Promise<void>;
}

export interface Victim {
  readonly pid: number | undefined;
  readonly over: () => boolean;
  /** The model is loaded, or the run over. */
  loaded?(): Promise<void>;
  readonly evaluators?: () => number[];
  /** Resolves when the process is gone; of a killed evaluator, when the run ended as if nothing had been. */
  gone(evaluator: boolean): Promise<void>;
}

export type Prepare = (folder: string) => Promise<Kind>;
