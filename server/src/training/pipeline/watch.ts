export interface TrainProgress {
  readonly stage: string;
  /** 0..1 */
  readonly fraction: number;
  readonly note?: string;
}

export interface TrainWatch {
  readonly say: (line: string) => void;
  readonly progress: (p: TrainProgress) => void;
  readonly signal?: AbortSignal;
}
