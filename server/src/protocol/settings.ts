import type { Device, Precision } from './words.js';

export const THEME_KINDS = ['light', 'dark', 'high-contrast', 'high-contrast-light'] as const;
export type ThemeKind = (typeof THEME_KINDS)[number];

/** The extension's settings as the server needs them (workspace/configuration section `qrmLens`). */
export interface ServerSettings {
  readonly model: { readonly path: string };
  /** URLs of engines that score, by commas; empty: this machine. */
  readonly endpoint: string;
  readonly device: Device;
  readonly precision: 'auto' | Precision;
  /** GB of a GPU's memory that may be used; 0: what is free. */
  readonly gpuMemory: number;
  readonly threads: number;
  /** `auto`: files that are surely datasets; `off`: only on command; `open`: every supported file. */
  readonly autoAudit: 'auto' | 'open' | 'off';
  /** Names, or ends of paths, of files that are audited only on command. */
  readonly exclude: readonly string[];
  readonly tau: number;
  readonly lambda: number;
  /** Share of the worst rewards that CVaR averages. */
  readonly cvarLevel: number;
  /** Fixed attribute weights by name, in place of the gate; empty: the gate. */
  readonly weights: Readonly<Record<string, number>>;
  /**
   * Fields by what they hold (`{"prompt": "question"}`), where they have other names. An editor that
   * answers workspace/configuration is asked for each document's own.
   */
  readonly mapping: Readonly<Record<string, string>>;
  /** By the rules' names: a number (absolute) or a share such as `5%` of the dataset's own distribution. */
  readonly thresholds: Readonly<Record<string, string | number>>;
  readonly maxDiagnostics: number;
  readonly inlayHints: { readonly enabled: boolean };
  readonly codeLens: { readonly enabled: boolean };
  readonly store: { readonly enabled: boolean };
}

/** Scheme of the text of a compressed file: its URI without the last ending, which is the query. */
export const UNPACKED = 'qrm-lens-text';

/** Where a code stands in `InitOptions.docs`. */
export const CODE_PLACE = 'FINDING-CODE';

/** `initializationOptions` of the server. */
export interface InitOptions {
  readonly settings?: Partial<ServerSettings>;
  /** False in an untrusted workspace: only the embedded model is loaded. */
  readonly trusted?: boolean;
  readonly theme?: ThemeKind;
  /** Where the documentation of the codes lies: with CODE_PLACE in it, or a page whose sections they are. */
  readonly docs?: string;
  /**
   * The client is our extension: it has the commands of lenses and actions, shows pictures in hovers, and the
   * text of compressed files.
   */
  readonly extension?: boolean;
  /** Folder of the score store (tests); default the user's cache. */
  readonly storeFolder?: string;
}
