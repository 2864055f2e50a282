import type { Connection } from 'vscode-languageserver';
import type { AuditProgress } from './progress/audit-progress.js';
import type { ClientFeatures } from './capabilities.js';
import type { Workspace } from './workspace.js';

/** Everything a handler needs. */
export interface ServerContext {
  readonly connection: Connection;
  readonly workspace: Workspace;
  readonly features: ClientFeatures;
  readonly progress: AuditProgress;
  readonly version: string;
  /** The bundle that runs, to start threads from. */
  readonly script: URL;
}
