import { basename } from 'node:path';
import { groupedFolds } from '../../evaluation/statistics/index.js';
import { fileHash } from '../../model/files.js';
import type { AttributeSource, PairSource } from '../config/config.js';
import { readPreferences, type Pair } from '../data/pairs.js';
import { readRated } from '../data/rated.js';
import { problemText, type DataProblem } from '../data/records.js';
import { Split } from '../data/selection.js';
import type { DataFile, Plan, PlanContext } from './sample.js';
import { Sampler } from './sampler.js';

/** Problems of a file that are told one by one. */
const TOLD = 10;

/**
 * Reads the data, splits it by prompt and takes the sample.
 * @throws Error when a file cannot be read, or an attribute has fewer than LEAST_LABELS labels
 */
export async function planTraining(context: PlanContext): Promise<Plan> {
  const { config, signal } = context;
  const split = new Split(config.seed, config.heldOut);
  const files: DataFile[] = [];
  const total = config.attributes.length + config.pairs.length;
  const reports = new Map<string, Problems>();
  const readFile = async <T>(
    source: AttributeSource | PairSource,
    read: (problem: (p: DataProblem) => void) => Promise<T[]>,
  ): Promise<T[]> => {
    signal?.throwIfAborted();
    const problems = new Problems(context.say);
    reports.set(source.name, problems);
    const rows = await read((p) => problems.add(p));
    problems.rest(source.file);
    context.progress(++done, total);
    return rows;
  };
  let done = 0;
  const pairs: { source: PairSource; rows: Pair[] }[] = [];
  for (const source of config.pairs) {
    const { mapping } = source;
    const rows = await readFile(source, (p) =>
      readPreferences(source.file, { mapping, signal }, p),
    );
    if (source.heldOutFold) {
      const groups = rows.map((r) => r.chosen[0]!.content);
      const { folds, seed } = source.heldOutFold;
      const assigned = groupedFolds(groups, folds, seed);
      split.fix(
        rows.map((r) => r.group),
        assigned.map((f) => f === 0),
      );
    }
    pairs.push({ source, rows });
  }
  const sampler = new Sampler(context, split);
  for (const { source, rows } of pairs) sampler.addPairs(source, rows);
  for (const source of config.attributes) {
    const rows = await readFile(source, (p) => readRated(source.file, source, p));
    sampler.addRated(source, rows);
  }
  for (const { file, name } of [...config.pairs, ...config.attributes]) {
    const { records, used, tooLong } = sampler.counts.get(name)!;
    const { count } = reports.get(name)!;
    const sha256 = await fileHash(file, signal);
    files.push({ file: basename(file), name, sha256, records, used, tooLong, problems: count });
  }
  return { ...sampler.result(), files };
}

class Problems {
  count = 0;

  constructor(private readonly say: (line: string) => void) {}

  add(p: DataProblem): void {
    if (++this.count <= TOLD) this.say(`Left out: ${problemText(p)}`);
  }

  rest(file: string): void {
    if (this.count > TOLD) this.say(`Left out: ${this.count - TOLD} more records of ${file}`);
  }
}
