import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheIfAny } from '../../model/bundle/model-cache.js';
import { makeFolder } from '../../files/folder.js';
import { writeWhole } from '../../files/write.js';
import type { Evaluator, EvaluatorInfo } from '../../engine/types.js';
import { identityOf, kernelFacts } from '../../engine/index.js';
import { GRAPH_VERSION, PATHS_VERSION } from '../../model/bundle/format/manifest.js';
import { locateModel } from '../../model/bundle/locate.js';
import { LazyEvaluator } from './lazy-evaluator.js';

/** Models remembered; the least lately opened are forgotten. */
const KEPT = 32;

/** What decides which numbers an evaluator gives. */
export interface ModelRequest {
  /** As `locateModel` takes it. */
  readonly model?: string;
  readonly device: string;
  readonly precision: string;
  /** GB. */
  readonly gpuMemory?: number;
}

/**
 * What evaluators opened earlier were called: so a server's stored scores are found before its model is
 * loaded, or without. A model is known again by the names, sizes and times of its files; whoever opens
 * it compares the hash.
 */
export class KnownModels {
  /** Undefined where nothing can be kept. */
  private readonly file: string | undefined;

  /** @param folder of the score store; default the user's */
  constructor(
    folder: string | undefined,
    private readonly version: string,
  ) {
    const place = folder ?? cacheIfAny();
    this.file = place === undefined ? undefined : join(place, 'evaluators.json');
  }

  /**
   * The evaluator of a model that was opened before, to be opened when something is to score; that of another one, opened now.
   * @param open `expected`: what the identity was
   */
  async lazily(
    request: ModelRequest,
    open: (expected?: string) => Promise<Evaluator>,
  ): Promise<LazyEvaluator> {
    const known = await this.find(request);
    return known === undefined
      ? LazyEvaluator.of(await open())
      : new LazyEvaluator(known, () => open(identityOf(known)));
  }

  async find(request: ModelRequest): Promise<EvaluatorInfo | undefined> {
    const key = await this.key(request);
    const info: unknown = key === undefined ? undefined : (await this.read())[key];
    return isInfo(info) ? info : undefined;
  }

  /** @throws Error when the file cannot be written */
  async remember(request: ModelRequest, info: EvaluatorInfo): Promise<void> {
    const key = await this.key(request);
    if (key === undefined || this.file === undefined) return;
    const others = Object.entries(await this.read()).filter(([other]) => other !== key);
    const kept = Object.fromEntries([[key, info], ...others.slice(0, KEPT - 1)]);
    makeFolder(dirname(this.file));
    await writeWhole(this.file, (write) => write(JSON.stringify(kept)));
  }

  private async read(): Promise<Record<string, unknown>> {
    try {
      const json: unknown = JSON.parse(await readFile(this.file ?? '', 'utf8'));
      return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
    } catch {
      return {};
    }
  }

  /** Undefined where there is no such model: opening it will say why. */
  private async key({
    model,
    device,
    precision,
    gpuMemory,
  }: ModelRequest): Promise<string | undefined> {
    try {
      const path = await locateModel(model, cacheIfAny());
      const whole = await stat(path);
      const names = whole.isDirectory() ? (await readdir(path)).sort() : [''];
      const files = await Promise.all(
        names.map(async (name) => {
          const { size, mtimeMs } = await stat(join(path, name));
          return [name, size, mtimeMs];
        }),
      );
      // A store that came from another machine was scored by another's kernels.
      const versions = [this.version, GRAPH_VERSION, PATHS_VERSION, ...kernelFacts()];
      const parts = [versions, path, device, precision, gpuMemory ?? 0, files];
      return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
    } catch {
      return undefined;
    }
  }
}

function isInfo(value: unknown): value is EvaluatorInfo {
  const info = (value ?? {}) as Partial<EvaluatorInfo>;
  const { attributes, levels } = info.spec ?? {};
  return (
    [info.modelName, info.modelHash, info.precision, info.executionProvider].every(
      (text) => typeof text === 'string',
    ) &&
    typeof info.maxTokens === 'number' &&
    Array.isArray(attributes) &&
    Array.isArray(levels)
  );
}
