import { readDataset, type Container, type FieldMapping } from '../datasets/index.js';
import type { openEvaluator } from './engine.js';

/** The options that `audit` and `score` share, as commander gives them. */
export interface CommonOptions {
  model?: string;
  device?: NonNullable<Parameters<typeof openEvaluator>[0]>['device'];
  precision?: NonNullable<Parameters<typeof openEvaluator>[0]>['precision'];
  inputFormat?: Container;
  mapping?: FieldMapping;
  weights?: string;
  lambda: number;
  tau: number;
  limit?: number;
  store: boolean;
  quiet?: boolean;
  out?: string;
}

export const open = (path: string, o: CommonOptions, signal?: AbortSignal) =>
  readDataset({ path }, { format: o.inputFormat, mapping: o.mapping, signal });
