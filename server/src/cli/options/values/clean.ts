import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { FindingCode } from '../../../audit/index.js';
import { partName, type Part } from '../../../cleaning/index.js';
import type { CommonOptions } from '../../common.js';
import { UsageError } from '../../errors.js';
import type { JuryOptions } from './jury.js';

export interface CleanCommandOptions extends CommonOptions {
  drop?: ReadonlySet<FindingCode>;
  swap?: { readonly limit: number | undefined };
  dropDuplicates?: boolean;
  dedupeContradictions?: boolean;
  keepTop?: { readonly share: number; readonly by: 'margin' | 'tail' | undefined };
  annotate?: boolean;
  split?: string;
  dryRun?: boolean;
  undo?: string;
  /** Who judges, where several do. */
  jury?: JuryOptions;
}

/** `inverted-pair`, or `inverted-pair:0.2` for pairs at or below that probability. */
export function swapOption(text: string): { limit: number | undefined } {
  const [code, limit] = text.split(':');
  const p = limit === undefined ? undefined : Number(limit);
  if (code !== 'inverted-pair' || (p !== undefined && !(limit !== '' && p >= 0 && p <= 1)))
    throw new UsageError(
      `--swap ${text}: expected inverted-pair, or inverted-pair:P with a probability P`,
    );
  return { limit: p };
}

/** `80%`, `80%:margin`, `80%:tail`. */
export function keepTopOption(text: string): NonNullable<CleanCommandOptions['keepTop']> {
  const match = /^(\d+(?:\.\d+)?)%(?:(?::| by )(margin|tail))?$/.exec(text.trim());
  const share = Number(match?.[1]) / 100;
  if (match === null || !(share > 0 && share <= 1))
    throw new UsageError(
      `--keep-top ${text}: expected a share such as 80%, 80%:margin or 80%:tail`,
    );
  return { share, by: match[2] as 'margin' | 'tail' | undefined };
}

/** Names in the output folder. @throws UsageError where a file would be overwritten by its own cleaned form */
export function outputNames(
  paths: readonly string[],
  out: string | undefined,
  parts: readonly Part[] | undefined,
) {
  const twice = new Set(
    paths.map((p) => basename(p)).filter((name, n, all) => all.indexOf(name) !== n),
  );
  const of = paths.map((path) => (part: string | undefined) => {
    const name = partName(path, part);
    return twice.has(basename(path)) ? `${basename(dirname(resolve(path)))}-${name}` : name;
  });
  if (out === undefined) return of;
  const real = (path: string) => (existsSync(path) ? realpathSync(path) : resolve(path));
  const sources = new Map(paths.map((path) => [real(path), path]));
  const seen = new Set<string>();
  for (const name of of.flatMap((n) => (parts ?? [undefined]).map((part) => n(part?.name)))) {
    const path = real(join(out, name));
    const source = sources.get(path);
    if (source !== undefined)
      throw new UsageError(
        `--out ${out}: the cleaned file would overwrite ${source}; expected another folder`,
      );
    if (seen.has(path))
      throw new UsageError(`two files would be named ${name} in ${out}; expected one at a time`);
    seen.add(path);
  }
  return of;
}
