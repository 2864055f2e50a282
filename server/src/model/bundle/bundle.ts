import { join, resolve } from 'node:path';
import type { QrmSpec, ReferenceFigures } from '../../qrm/types.js';
import { writeBackbone } from './backbone/files.js';
import { chooseForm, formOf, type Form, type Target } from './backbone/form.js';
import {
  BACKBONE,
  BACKBONE_DATA,
  GRAPH_VERSION,
  PATHS_VERSION,
  isBundle,
  manifestFingerprint,
  MANIFEST,
  readManifest,
  specOf,
  writeManifest,
  type Manifest,
} from './format/manifest.js';
import { copyLicences, requireReplaceable, writeParts } from './format/parts.js';
import { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import { headsOf, openCheckpoint } from './published/checkpoint.js';
import { openCompact } from './format/compact.js';
import type { ModelConfig } from '../checkpoint/config.js';
import { JOURNAL } from '../graph/journal.js';
import { PATHS } from '../graph/paths/file.js';
import { duration, type Precision } from '../../protocol/index.js';
import { exists, writeFolder } from '../files.js';
import { CALIBRATION, openCalibration } from '../int8/layer-calibration.js';
import { readHeadFiles } from '../heads/heads-files.js';
import { positionsOf, type QrmHeads } from '../heads/heads.js';
import { locateModel } from './locate.js';
import { PREFIX } from './backbone/prefix.js';
import { readReference } from './format/reference.js';
import { cacheIfAny, cachedBackbone, modelKey } from './model-cache.js';

export interface Progress {
  readonly message: string;
  /** 0..1 */
  readonly fraction?: number;
}

export interface OpenModelOptions {
  /** `auto` (default): what suits the device and its memory: see form.ts. */
  readonly precision?: Precision | 'auto';
  /** Where it is to run; default: the CPU, with memory enough. */
  readonly target?: Target;
  /** Where converted weights are kept; default: the platform's cache folder. */
  readonly cacheFolder?: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** A model ready to run: heads and tokenizer in memory, the backbone as a file for ONNX Runtime. */
export interface OpenedModel {
  readonly name: string;
  readonly spec: QrmSpec;
  readonly config: ModelConfig;
  readonly tokenizer: ChatTokenizer;
  readonly heads: QrmHeads;
  readonly precision: Precision;
  readonly form: Form;
  /** What is to be said of the choice of the precision. */
  readonly note?: string;
  /** Content, precision and graph version: equal hashes give equal scores. Part of every store key. */
  readonly modelHash: string;
  /** Longest context in tokens. */
  readonly maxTokens: number;
  /** The .onnx file, its external data beside it. */
  readonly backbonePath: string;
  readonly licence?: string;
  readonly reference?: ReferenceFigures;
}

/**
 * Opens a model; the first time, its weights are converted into the cache folder (seconds for small
 * models), unless a bundle holds them ready.
 * @param nameOrPath see {@link locateModel}; undefined for the embedded default
 * @throws Error naming file and field or tensor, and what was expected; AbortError when cancelled
 */
export async function openModel(
  nameOrPath: string | undefined,
  options: OpenModelOptions = {},
): Promise<OpenedModel> {
  const cache = options.cacheFolder ?? cacheIfAny();
  const { onProgress, signal } = options;
  const path = await locateModel(nameOrPath, cache, { onProgress, signal });
  if (await isBundle(path)) return openBundle(path, cache, options);
  const checkpoint = await openCheckpoint(path);
  try {
    const heads = headsOf(checkpoint);
    const { name, config, tokenizer, licence } = checkpoint;
    const { note, ...form } = chooseForm(options.precision ?? 'auto', config, options.target);
    const attributes = heads.spec.attributes.length;
    const backbonePath = await cachedBackbone({ ...checkpoint, attributes }, form, cache, {
      ...conversion(name, options),
      inPlace: true,
    });
    return {
      name,
      spec: heads.spec,
      config,
      tokenizer,
      heads,
      precision: form.precision,
      form,
      ...(note === undefined ? {} : { note }),
      modelHash: modelKey(checkpoint.fingerprint, form),
      maxTokens: config.maxPositions,
      backbonePath,
      licence,
    };
  } finally {
    await checkpoint.source.close();
  }
}

async function openBundle(
  folder: string,
  cache: string | undefined,
  options: OpenModelOptions,
): Promise<OpenedModel> {
  const manifest = await readManifest(folder);
  const { name, config, licence, maxTokens } = manifest;
  const { heads } = await readHeadFiles(folder, config.hiddenSize);
  const tokenizer = await ChatTokenizer.fromFolder(folder);
  if (positionsOf(heads).gated) void tokenizer.gatingPattern;
  const fingerprint = manifestFingerprint(manifest);
  const wanted = options.precision ?? 'auto';
  let form: Form & { note?: string };
  let backbonePath: string;
  if (manifest.weights === 'onnx') {
    form = readyForm(manifest, wanted, folder);
    backbonePath = join(folder, BACKBONE);
  } else {
    form = chooseForm(wanted, config, options.target);
    const source = await openCompact(folder, manifest);
    const calibration = Object.hasOwn(manifest.files, CALIBRATION)
      ? await openCalibration(folder, config)
      : undefined;
    try {
      const attributes = manifest.attributes.length;
      const what = { name, path: folder, attributes, licence, fingerprint };
      backbonePath = await cachedBackbone(
        { ...what, config, source, tokenizer, calibration },
        form,
        cache,
        conversion(name, options),
      );
    } finally {
      await source.close();
      await calibration?.close();
    }
  }
  return {
    name,
    // What does not stand in the manifest stands in the heads.
    spec: { ...heads.spec, ...specOf(manifest) },
    config,
    tokenizer,
    heads,
    precision: form.precision,
    form,
    ...(form.note === undefined ? {} : { note: form.note }),
    modelHash: modelKey(fingerprint, form),
    maxTokens,
    backbonePath,
    licence,
    reference: await readReference(folder),
  };
}

/** The form of a bundle whose graph is ready to run: there is no choice. */
function readyForm(manifest: Manifest, wanted: Precision | 'auto', folder: string): Form {
  const file = join(folder, MANIFEST);
  const { precision, graphVersion, config } = manifest;
  if (!isPortable(precision)) {
    throw new Error(`${file}: "precision" is "${precision}"; supported: ${PORTABLE.join(', ')}`);
  }
  const runs = precision === 'int4' ? PATHS_VERSION : GRAPH_VERSION;
  if (graphVersion !== runs) {
    throw new Error(
      `${file}: "graphVersion" is ${graphVersion ?? 'nothing'}, this version runs ${runs}; ` +
        `run qrm convert again`,
    );
  }
  if (wanted !== 'auto' && wanted !== precision) {
    throw new Error(`${file}: the bundle holds ${precision} weights, not ${wanted}`);
  }
  return formOf(precision, 'cpu', config);
}

/** Precisions of bundles: float16 and bfloat16 are laid out for one kind of device, in the cache of who has it. */
const PORTABLE = ['float32', 'int8', 'int4'] as const;
type Portable = (typeof PORTABLE)[number];
const isPortable = (precision: string): precision is Portable =>
  PORTABLE.some((p) => p === precision);

function conversion(
  name: string,
  { onProgress, signal }: OpenModelOptions,
): { onProgress: (fraction: number) => void; signal?: AbortSignal } {
  const left = timeLeft();
  const message = (fraction: number): string => `Preparing ${name}${left(fraction)}`;
  return {
    onProgress: (fraction) => onProgress?.({ message: message(fraction), fraction }),
    signal,
  };
}

/** `: 3 min 20 s left`, once that can be told; empty before. Measured from the first share that is told. */
function timeLeft(): (fraction: number) => string {
  let from: { readonly time: number; readonly fraction: number } | undefined;
  return (fraction) => {
    const time = Date.now();
    from ??= { time, fraction };
    const [seconds, gained] = [(time - from.time) / 1000, fraction - from.fraction];
    if (seconds < 2 || gained <= 0 || fraction >= 1) return '';
    return `: ${duration(((1 - fraction) * seconds) / gained)} left`;
  };
}

export interface ConvertModelOptions {
  readonly precision?: Portable | 'auto';
  /** A folder with heads.json and heads.safetensors, for a backbone without its own. */
  readonly heads?: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Writes a bundle: the whole model in one folder, ready to run, without the checkpoint.
 * @param from a Hugging Face folder or a .gguf file
 * @param to the bundle's folder: new, empty, or an older bundle, which is replaced at the end
 * @throws Error naming file and field or tensor, and what was expected; `to` is then as it was
 */
export async function convertModel(
  from: string,
  to: string,
  options: ConvertModelOptions = {},
): Promise<void> {
  const target = resolve(to);
  await requireReplaceable(target);
  if (!(await exists(from))) throw new Error(`${from}: no such folder or file`);
  const checkpoint = await openCheckpoint(resolve(from), { heads: options.heads });
  try {
    const heads = headsOf(checkpoint);
    const { name, config, tokenizer, licence } = checkpoint;
    const form = chooseForm(options.precision ?? 'auto', config);
    const { precision, variant } = form;
    const fill = async (folder: string): Promise<void> => {
      const key = `${modelKey(checkpoint.fingerprint, form)}-bundle`;
      await writeBackbone(checkpoint, form, folder, {
        ...conversion(name, options),
        journal: { key },
      });
      const files = [
        BACKBONE,
        BACKBONE_DATA,
        PREFIX,
        ...(variant ? [PATHS] : []),
        ...(await writeParts(folder, heads, tokenizer.files())),
        ...(await copyLicences(checkpoint.path, folder)),
      ];
      await writeManifest(
        folder,
        {
          name,
          licence,
          attributes: heads.spec.attributes,
          levels: heads.spec.levels,
          weights: 'onnx',
          precision,
          graphVersion: variant ? PATHS_VERSION : GRAPH_VERSION,
          gatingPattern: tokenizer.opening,
          maxTokens: config.maxPositions,
          config,
        },
        files,
      );
    };
    const resume = { notes: JOURNAL, signal: options.signal };
    await writeFolder(target, fill, () => Promise.resolve(true), resume);
  } finally {
    await checkpoint.source.close();
  }
}
