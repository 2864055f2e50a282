import { join } from 'node:path';
import { writeTrainedBundle } from './features/backbone.js';
import { modelCard } from './report/card.js';
import { requireReplaceable } from '../model/bundle/format/parts.js';
import { requireOlderCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { TrainingFigures } from './pipeline/figures/figures.js';
import { train, type TrainWatch } from './pipeline/train.js';
import { readTrainConfig, type PartialConfig } from './config/read-config.js';
import { trainingReport } from './report/report.js';

export type { PartialConfig } from './config/read-config.js';
export type { TrainProgress, TrainWatch } from './pipeline/train.js';

export interface TrainingResult {
  readonly out: string;
  readonly work: string;
  readonly card: string;
  /** A page of HTML. */
  readonly report: string;
  readonly figures: TrainingFigures;
}

/**
 * `qrm train`: reads config and options, trains, and writes bundle and checkpoint.
 * @throws Error naming what is wrong; AbortError when cancelled
 */
export async function runTraining(
  configFile: string | undefined,
  options: PartialConfig,
  context: { notes?: string; watch: TrainWatch },
): Promise<TrainingResult> {
  const config = await readTrainConfig(configFile, options);
  // Found out now, and not after hours of work.
  await requireReplaceable(config.out);
  if (config.checkpoint !== undefined) await requireOlderCheckpoint(config.checkpoint);
  const { backbone, heads, precision, figures } = await train(config, context.watch);
  try {
    const licence = config.licence ?? backbone.licence;
    const texts = { 'README.md': modelCard(figures, { licence, notes: context.notes }) };
    const { name } = figures.model;
    const { description } = config;
    await writeTrainedBundle(
      { backbone, heads, precision, name, description, licence, texts },
      config.out,
    );
    if (config.checkpoint !== undefined) {
      context.watch.say(`Writing ${config.checkpoint}`);
      await writeCheckpoint(backbone, heads, config.checkpoint, texts);
    }
    return {
      out: config.out,
      work: config.work,
      card: join(config.out, 'README.md'),
      report: trainingReport(figures),
      figures,
    };
  } finally {
    await backbone.close();
  }
}
