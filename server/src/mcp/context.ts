import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import * as z from 'zod';
import { RULES, parseThreshold, type Thresholds } from '../audit/index.js';
import { parseMapping, type FieldMapping } from '../datasets/index.js';
import { messageOf, UsageError } from '../errors.js';
import type { IgnoreStore } from '../live/ignore-store.js';
import type { Audits } from './audits.js';
import type { Folders } from './folders.js';
import type { Models } from './models.js';

/** What the tools share. */
export interface McpContext {
  readonly server: McpServer;
  readonly version: string;
  readonly folders: Folders;
  readonly models: Models;
  readonly audits: Audits;
  readonly ignores: IgnoreStore;
}

export const pathShape = z
  .string()
  .min(1)
  .max(4096)
  .describe(
    'A data set in an allowed folder (JSON Lines, JSON, CSV, TSV, Markdown, Parquet, Arrow, .eval; also .gz, .zst): absolute, or from the folder.',
  );
export const modelNameShape = z
  .string()
  .min(1)
  .max(4096)
  .optional()
  .describe('Another model than the server’s own; only with qrm mcp --allow-models.');

const names = RULES.flatMap(({ threshold }) => (threshold ? [threshold.name] : []));
export const thresholdsShape = z
  .partialRecord(z.enum(names as [string, ...string[]]), z.union([z.string(), z.number()]))
  .optional()
  .describe('A figure, or a share of the file’s own such as "5%", by name.');
export const mappingShape = z
  .record(z.string(), z.string())
  .optional()
  .describe('Which fields hold what, e.g. {"prompt": "question", "chosen": "best"}.');

/** @throws UsageError naming the threshold */
export function thresholdsOf(
  given: Readonly<Partial<Record<string, string | number>>> = {},
): Thresholds {
  return Object.fromEntries(
    RULES.flatMap(({ threshold: spec }) => {
      const value = spec && given[spec.name];
      if (spec === undefined || value === undefined) return [];
      try {
        const name = `thresholds.${spec.name}`;
        return [[spec.name, parseThreshold(String(value), name, spec)]];
      } catch (error) {
        throw new UsageError(messageOf(error));
      }
    }),
  );
}

/** @throws UsageError naming the field: in a call a mistake is better corrected than left out */
export const mappingOf = (given: unknown): FieldMapping | undefined =>
  parseMapping(given, 'mapping', (message) => {
    throw new UsageError(message);
  });
