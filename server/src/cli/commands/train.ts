import { join } from 'node:path';
import { makeFolder } from '../../files/folder.js';
import { readUserText } from '../../files/user-text.js';
import { whyUnread } from '../../files/why.js';
import { writeWhole } from '../../files/write.js';
import { runTraining, type PartialConfig } from '../../training/index.js';
import { EXIT, UsageError } from '../errors.js';
import { interrupted, onInterrupt } from '../interrupt.js';
import { TrainEvents, TrainLine } from '../output/train-progress.js';

export interface TrainOptions {
  config?: string;
  backbone?: string;
  layer?: number;
  device?: string;
  precision?: string;
  gpuMemory?: number;
  endpoint?: string[];
  data?: string;
  attributes?: string[];
  pairs?: string[];
  out?: string;
  checkpoint?: string;
  work?: string;
  verbosity?: string;
  l1?: number | 'auto';
  monotone?: boolean;
  gateHidden?: number[];
  weights?: string;
  scale?: string[];
  maxPerAttribute?: number;
  maxTokens?: number;
  seed?: number;
  threads?: number;
  notes?: string;
  progress?: 'text' | 'json';
  quiet?: boolean;
}

export async function trainCommand(o: TrainOptions): Promise<number> {
  const { signal } = onInterrupt();
  const told = o.progress === 'json' ? new TrainEvents() : new TrainLine(o.quiet ?? false);
  try {
    const notes = o.notes === undefined ? undefined : notesOf(o.notes);
    const { out, work, card, report, figures } = await runTraining(o.config, overrides(o), {
      notes,
      watch: { say: told.say, progress: told.show, signal },
    });
    told.clear();
    makeFolder(work);
    const page = join(work, 'report.html');
    await writeWhole(page, (write) => write(report));
    await writeWhole(join(work, 'figures.json'), (write) =>
      write(JSON.stringify(figures, null, 2)),
    );
    told.done({ out, card, report: page });
    return EXIT.ok;
  } catch (error) {
    told.clear();
    if (!signal.aborted) throw error;
    return interrupted('What was made is kept');
  }
}

function notesOf(file: string): string {
  try {
    return readUserText(file);
  } catch (error) {
    throw new UsageError(`--notes ${file}: ${whyUnread(error)}`);
  }
}

/** The options that were given, in the config's form. */
function overrides(o: TrainOptions): PartialConfig {
  const out: Record<string, unknown> = {};
  const direct = [
    'backbone',
    'layer',
    'device',
    'precision',
    'gpuMemory',
    'data',
    'pairs',
    'out',
    'checkpoint',
    'work',
    'verbosity',
    'l1',
    'monotone',
    'maxPerAttribute',
    'maxTokens',
    'seed',
    'threads',
  ] as const;
  for (const key of direct) if (o[key] !== undefined) out[key] = o[key];
  if (o.attributes) {
    const scale = scales(o.scale ?? []);
    out['attributes'] = o.attributes.map((file) => (scale ? { file, scale } : file));
  } else if (o.scale) {
    throw new UsageError('--scale goes with --attributes; in a config it is a field of the file');
  }
  if (o.endpoint) out['endpoint'] = o.endpoint.join(',');
  if (o.gateHidden) out['gate'] = { hidden: o.gateHidden };
  if (o.weights !== undefined) out['weights'] = namedWeights(o.weights);
  return out;
}

function scales(list: readonly string[]): Record<string, [number, number]> | undefined {
  if (list.length === 0) return undefined;
  const names = new Set<string>();
  return Object.fromEntries(
    list.map((text) => {
      const [, name, low, high] = /^(.+)=([-\d.eE]+):([-\d.eE]+)$/.exec(text) ?? [];
      const range = Number(high) - Number(low);
      if (name === undefined || !(range > 0 && range < Infinity)) {
        throw new UsageError(`--scale ${text}: expected NAME=LEAST:GREATEST, such as quality=1:5`);
      }
      if (names.has(name)) throw new UsageError(`--scale ${text}: expected each name once`);
      names.add(name);
      return [name, [Number(low), Number(high)]];
    }),
  );
}

/** @param text a list that `weightList` takes */
function namedWeights(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const at = part.lastIndexOf('=');
      return [part.slice(0, at).trim(), Number(part.slice(at + 1))];
    }),
  );
}
