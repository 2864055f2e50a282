/** What a jury has found of a pair. */
export interface RowVerdict {
  /** P(its label is wrong), and the middle 90 % of it. */
  readonly mislabelled: number;
  readonly low: number;
  readonly high: number;
  /** Judges that find the rejected response better, and those that judged. */
  readonly against: number;
  readonly judges: number;
  /** Of each judge P(chosen beats rejected); null where it could not judge. */
  readonly votes: readonly (number | null)[];
}

/** What becomes of a row, and why. A row of no entry stays as it is, byte for byte. */
export interface RowChange {
  readonly action: 'remove' | 'swap';
  /** Codes of findings with their figures, or the option that asked for it. */
  readonly reasons: readonly string[];
  /** What a jury found of its pair. */
  readonly jury?: RowVerdict;
}

/** Columns that `--annotate` adds to a row. */
export interface Annotation {
  readonly expectation: number | readonly number[] | null;
  readonly q05: number | readonly number[] | null;
  readonly cvar: number | readonly number[] | null;
  readonly spread: number | readonly number[] | null;
  readonly p_chosen: number | null;
  readonly findings: readonly string[];
  readonly quantiles: readonly number[] | readonly (readonly number[])[] | null;
  readonly p_mislabelled?: number;
  readonly p_mislabelled_low?: number;
  readonly p_mislabelled_high?: number;
  readonly votes?: readonly (number | null)[];
}
export const ANNOTATIONS = [
  'expectation',
  'q05',
  'cvar',
  'spread',
  'p_chosen',
  'findings',
  'quantiles',
] as const satisfies readonly (keyof Annotation)[];

/** Those that a jury's verdict adds. */
export const JURY_ANNOTATIONS = [
  'p_mislabelled',
  'p_mislabelled_low',
  'p_mislabelled_high',
  'votes',
] as const satisfies readonly (keyof Annotation)[];

/** What is done to one file; rows by their ordinals. */
export interface FilePlan {
  readonly changes: ReadonlyMap<number, RowChange>;
  /** Absent where no columns are added. */
  readonly annotate?: (row: number) => Annotation | undefined;
  /** Which; default: ANNOTATIONS. */
  readonly columns?: readonly (keyof Annotation)[];
  /** The part (an index into `parts`) that a row goes to; absent where the file stays one. */
  readonly partOf?: (row: number) => number;
}

/** A row that was changed otherwise than asked, or not at all, and why. */
export interface Unchanged {
  readonly row: number;
  readonly why: string;
}
