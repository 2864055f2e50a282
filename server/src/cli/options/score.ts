import type { Command } from 'commander';
import { scoreCommand } from '../commands/score.js';
import { scoreOnRay, type RayOptions } from '../commands/score-ray.js';
import type { CommonOptions } from '../common.js';
import { UsageError } from '../errors.js';
import { number } from './values/shared.js';

type Given = CommonOptions & Omit<RayOptions, 'ray'> & { ray?: string; input?: string[] };

/** `qrm score`. @param common the options that it shares with `audit` */
export function addScoreCommand(
  common: (command: Command) => Command,
  program: Command,
  examples: (...lines: string[]) => string,
): void {
  const score = program.command('score').argument('[files...]', 'datasets, or folders of them');
  common(score)
    .description('write the score of every response as JSON Lines; run again to resume')
    .optionsGroup('On a cluster (docs/cluster.md):')
    .option(
      '--ray <address>',
      "a Ray cluster's address, or local: --out is a folder of Parquet shards",
    )
    .option(
      '--input <patterns...>',
      'files, as the cluster sees them: paths with * or s3://, gs://, hdfs://',
    )
    .option('--replicas <n>', 'models at work at once', number('--replicas', 1, 1e5, true), 1)
    .option('--gpus-per-replica <n>', '', number('--gpus-per-replica', 0, 64), 0)
    .option('--cpus-per-replica <n>', 'without a GPU', number('--cpus-per-replica', 0.1, 1e4), 1)
    .option('--shard-size <MiB>', 'of data in a shard', number('--shard-size', 0.001, 256), 4)
    .option('--qrm <command>', 'how the nodes start it; default: as this one was')
    .option('--python <path>', 'with ray[data], scale/requirements.txt', 'python3')
    .addHelpText(
      'after',
      examples(
        'score pairs.jsonl.gz --out scores.jsonl',
        'score chat.md --weights helpfulness=0.7,safety=0.3 | jq .tail',
        "score --ray auto --input 's3://data/pairs-*.jsonl' --out s3://data/scores --replicas 64 --gpus-per-replica 1 --model org/name",
      ),
    )
    .action(async (files: string[], { ray, input = [], ...o }: Given) => {
      const all = [...files, ...input];
      if (all.length === 0) score.error("error: missing required argument 'files'");
      if (ray === undefined && input.length > 0)
        throw new UsageError('--input goes with --ray; name the files themselves');
      process.exitCode = await (ray === undefined
        ? scoreCommand(files, o)
        : scoreOnRay(all, { ...o, ray }));
    });
}
