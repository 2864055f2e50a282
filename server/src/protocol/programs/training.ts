/** A line of `qrm train --progress json` on standard output. */
export type TrainEvent =
  | { readonly type: 'note'; readonly text: string }
  | {
      readonly type: 'progress';
      readonly stage: string;
      /** 0..1 of the stage. */
      readonly fraction: number;
      readonly note?: string;
      /** Time left of the stage, in words. */
      readonly left?: string;
    }
  | {
      readonly type: 'done';
      /** The bundle's folder, and its files for reading. */
      readonly out: string;
      readonly card: string;
      readonly report: string;
    };
