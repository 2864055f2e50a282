import type { DatasetFormat, FieldMapping, Part, PartSize, ReadOptions } from '../../formats.js';
import type { Packed } from './pack.js';

/** Where the reader's process finds the bytes: it opens a path itself, and asks for the chunks of anything else. */
export type RemoteSource = { readonly path: string } | { readonly name: string };

export type Task =
  | { readonly do: 'detect'; readonly mapping?: FieldMapping }
  | { readonly do: 'count' }
  | {
      readonly do: 'read';
      readonly options: Pick<ReadOptions, 'format' | 'mapping' | 'maxRowBytes' | 'start'>;
      /** What rows are written as, for those who write them (`Writers`); absent: as they are. */
      readonly write?: unknown;
      /** Send every event at once: a reader before this one died with some in its hands. */
      readonly careful: boolean;
      /**
       * Several read this file, if it is plain JSON Lines, a part each at a time: the first part ends here; 0: this
       * reader has others alone. Absent: one reads all of it.
       */
      readonly first?: number;
    };

export type ToReader =
  | {
      readonly type: 'task';
      readonly id: number;
      readonly source: RemoteSource;
      readonly task: Task;
    }
  | { readonly type: 'chunk'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly id: number; readonly error?: SentError }
  /** What is to be read next of a file that several read; absent: nothing any more. */
  | { readonly type: 'part'; readonly id: number; readonly part?: Part }
  /** So many units of weight were taken by whoever reads. */
  | { readonly type: 'taken'; readonly id: number; readonly weight: number }
  | { readonly type: 'cancel'; readonly id: number };

export type FromReader =
  | {
      readonly type: 'events';
      readonly id: number;
      readonly weight: number;
      readonly packed: Packed;
    }
  /** The file of a task with a `first` part is one that several may read. */
  | { readonly type: 'divided'; readonly id: number }
  /** A part is read. */
  | ({ readonly type: 'parted'; readonly id: number } & PartSize)
  | { readonly type: 'more'; readonly id: number }
  | { readonly type: 'found'; readonly id: number; readonly format: DatasetFormat | undefined }
  | { readonly type: 'counted'; readonly id: number; readonly rows: number }
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly error: SentError;
      /** Thrown where nobody waits: what else goes on in the process is not known. */
      readonly stray?: boolean;
    }
  | { readonly type: 'done'; readonly id: number };

/** What of an error crosses; `code` and `syscall` are those of the file system. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly syscall?: string;
}

export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { code, syscall } = error as NodeJS.ErrnoException;
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(typeof syscall === 'string' && { syscall }),
  };
}

export function receivedError({ name, message, ...rest }: SentError): Error {
  const error = Object.assign(new Error(message), rest);
  error.name = name;
  return error;
}

/** The watchdog's last words on standard error, before it ends the process. */
export interface LastWords {
  readonly qrmReader: 'stuck' | 'memory';
  readonly seconds?: number;
  readonly bytes?: number;
  /** Events that were read and not sent. */
  readonly pending: number;
}
