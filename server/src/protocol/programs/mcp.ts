import type { Device, Precision } from '../words.js';

/** What `qrm mcp` is started with; nothing of it can be changed by a call. */
export interface McpOptions {
  /** Folders whose files calls may name; none: those that the client names as its roots, or the working folder. */
  readonly roots: readonly string[];
  /** As `--model`; undefined: the embedded one. */
  readonly model?: string;
  /** As `--endpoint`; the texts of calls go there. */
  readonly endpoint?: readonly string[];
  readonly device: Device;
  readonly precision: 'auto' | Precision;
  readonly threads?: number;
  /** Calls may name a model of their own, wherever it lies. */
  readonly allowModels: boolean;
  readonly store: boolean;
  readonly quiet: boolean;
}
