import type { LanguageClient } from 'vscode-languageclient/node';
import type { LogOutputChannel } from 'vscode';
import type { AuditSummary, StatusParams } from '../../server/src/protocol/index.js';

/** What the parts of the extension share. */
export interface Context {
  readonly log: LogOutputChannel;
  /** Starts the server when it is not there. @throws Error when it cannot start */
  server(): Promise<LanguageClient>;
  /** The server, if it runs. */
  running(): LanguageClient | undefined;
  restart(): Promise<void>;
  /** Asks for the token of `qrmLens.endpoint`, keeps it and restarts. */
  setToken(): Promise<void>;
  /** The token of `qrmLens.endpoint`, if there is one. */
  token(): PromiseLike<string | undefined>;
  /** Told of every summary of an audit. */
  onChanged(listener: (summary: AuditSummary) => void): { dispose(): void };
  onStatus(listener: (status: StatusParams) => void): { dispose(): void };
  /** These documents have no audit any more. */
  forget(uris: readonly string[]): void;
  /** The documents that have an audit. */
  audited(): readonly string[];
  onForgotten(listener: (uris: readonly string[]) => void): { dispose(): void };
  /** The last summary of a document. */
  summary(uri: string): AuditSummary | undefined;
}
