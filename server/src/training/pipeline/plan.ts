import { basename } from 'node:path';
import { groupedFolds } from '../../evaluation/statistics/index.js';
import { fileHash } from '../../model/files.js';
import type { AttributeSource, PairSource, TrainConfig } from '../config/config.js';
import { readPreferences, type Pair } from '../data/pairs.js';
import { readRated } from '../data/rated.js';
import { problemText, type DataProblem } from '../data/records.js';
import { Split } from '../data/selection.js';
import type { DataFile, Plan, PlanContext } from './sample.js';
import { Sampler } from './sampler.js';
import { own } from '../../fields.js';

/** Problems of a file that are told one by one. */
const TOLD = 10;

/**
 * Reads the data, splits it by prompt and takes the sample.
 * @throws Error when a file cannot be read, or an attribute has fewer than LEAST_LABELS labels
 */
export async function planTraining(context: PlanContext): Promise<Plan> {
  const { config, signal, say } = context;
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
  const scaled = new Map<string, boolean>();
  for (const { source, rows } of pairs) sampler.addPairs(source, rows);
  for (const source of config.attributes) {
    const rows = await readFile(source, (p) => readRated(source.file, source, p));
    for (const name of Object.keys(source.scale ?? {})) {
      // Of the command line, where one scale is for all files.
      const seen = rows.some(({ labels }) => labels.has(own(source.rename, name) ?? name));
      scaled.set(name, (scaled.get(name) ?? false) || seen);
    }
    sampler.addRated(source, rows);
  }
  for (const [name, seen] of scaled) {
    if (!seen) throw new Error(`scale: no attribute "${name}" has a label within it`);
  }
  for (const { file, name } of [...config.pairs, ...config.attributes]) {
    const { records, used, tooLong } = sampler.counts.get(name)!;
    const { count } = reports.get(name)!;
    const sha256 = await fileHash(file, signal);
    files.push({ file: basename(file), name, sha256, records, used, tooLong, problems: count });
  }
  const plan = { ...sampler.result(), files };
  checkNames(config, new Set([...plan.attributesOf.values()].flat()));
  for (const { name, used, tooLong } of files) {
    if (tooLong > 0) say(`${name}: ${tooLong} conversations are too long and left out`);
    if (used === 0) say(`${name}: nothing of this file is used`);
  }
  return plan;
}

/** What names an attribute that there is not would be found out after hours of work. @throws Error naming it */
function checkNames(config: TrainConfig, known: ReadonlySet<string>): void {
  const { verbosity, weights = {}, keep = [], attributeL1 = {}, byResponse = [] } = config;
  const asked: [string, readonly string[]][] = [
    ['verbosity', ['none', 'length'].includes(verbosity) ? [] : [verbosity]],
    ['weights', Object.keys(weights).filter((name) => !(verbosity === name && name === 'length'))],
    ['keep', keep],
    ['byResponse', byResponse],
    ['route', config.pairs.flatMap(({ route = [] }) => route)],
    ['attributeL1', Object.keys(attributeL1).filter((name) => name !== verbosity)],
  ];
  const names = [...known].sort().join(', ');
  for (const [option, list] of asked) {
    const stranger = list.find((name) => !known.has(name));
    if (stranger === undefined) continue;
    const others = option === 'verbosity' ? 'none, length or one of' : 'one of';
    throw new Error(`${option}: no attribute "${stranger}"; expected ${others} ${names}`);
  }
}

class Problems {
  count = 0;
  private kept = 0;

  constructor(private readonly say: (line: string) => void) {}

  add(p: DataProblem): void {
    if (p.kept) {
      if (++this.kept <= TOLD) this.say(problemText(p));
    } else if (++this.count <= TOLD) this.say(`Left out: ${problemText(p)}`);
  }

  rest(file: string): void {
    if (this.count > TOLD) this.say(`Left out: ${this.count - TOLD} more records of ${file}`);
    if (this.kept > TOLD) this.say(`${file}: ${this.kept - TOLD} more lines of this kind`);
  }
}
