import { join } from 'node:path';
import { constantQuantiles, judgeHead, means } from '../../evaluation/statistics/index.js';
import { writeBackbone, choosePrecision } from '../../model/bundle/backbone-files.js';
import { BACKBONE, GRAPH_VERSION } from '../../model/bundle/bundle-format.js';
import { exists, writeFolder } from '../../model/files.js';
import type { GatingLayer, QrmHeads } from '../../model/heads/heads.js';
import { uniformLevels } from '../../qrm/index.js';
import { openTrainBackbone, type TrainBackbone } from '../backbone.js';
import { makeBasis } from '../basis.js';
import type { TrainConfig } from '../config.js';
import { extractInto } from '../extract.js';
import { FeatureStore } from '../feature-store.js';
import { matrix, multiplyByTransposed, type Matrix } from '../matrix.js';
import { Products } from '../products.js';
import { fitVerbosity, type VerbosityFit } from '../verbosity.js';
import type { TrainingFigures } from './figures.js';
import { trainGateStage, type GateStage } from './gate.js';
import { featuresOf, trainAttribute, type AttributeHeads } from './heads.js';
import { planTraining, type LabelledSample, type Plan } from './plan.js';
import { judgeSources } from './sources.js';
import { Stages } from './stages.js';
import type { TrainWatch } from './watch.js';

export type { TrainProgress, TrainWatch } from './watch.js';

export interface Trained {
  readonly backbone: TrainBackbone;
  readonly heads: QrmHeads;
  readonly precision: 'int8' | 'float32';
  readonly figures: TrainingFigures;
}

/** The length of responses as an attribute, for `verbosity: length`. */
const LENGTH = 'length';

/**
 * The paper's method: features, quantile heads, verbosity adjustment, gate (Dorka 2024, sections 3 and
 * 4.1). Each stage keeps what it computed in `config.work`, so that a run that was killed goes on, and
 * gives the same model bit by bit. The caller closes the backbone.
 * @throws Error naming what cannot be used; AbortError when cancelled
 */
export async function train(config: TrainConfig, watch: TrainWatch): Promise<Trained> {
  const { say, signal } = watch;
  const backbone = await openTrainBackbone(config.backbone, config.layer);
  const products = new Products(config.threads);
  try {
    const { tokenizer } = backbone;
    const stage = (name: string) => (done: number, total: number) =>
      watch.progress({ stage: name, fraction: total > 0 ? done / total : 1 });
    const plan = await planTraining({ config, tokenizer, say, signal, progress: stage('data') });
    say(summary(plan));
    const precision = choosePrecision(config.precision, backbone.config);
    const store = await features(backbone, precision, plan, config, watch);
    try {
      const fitted = await headsStage(plan, store, products, config, watch);
      const { kept, dropped } = chooseAttributes(fitted, config);
      for (const { name, reason } of dropped) say(`Attribute ${name} is dropped: ${reason}`);
      const verbosity = await verbosityStage(kept, plan, store, config);
      const gate = await trainGateStage(
        plan,
        kept,
        verbosity?.transform,
        store,
        products,
        config,
        watch,
      );
      const heads = assemble(kept, verbosity, gate, config, backbone.config.hiddenSize);
      const figures = await measure(
        { backbone, precision, plan, store, kept, dropped, verbosity, gate, heads },
        config,
      );
      return { backbone, heads, precision, figures };
    } finally {
      await store.close();
    }
  } catch (error) {
    await backbone.close();
    throw error;
  } finally {
    await products.release();
  }
}

function summary(plan: Plan): string {
  const samples = [...plan.attributes.values()].flat();
  const labels = samples.reduce((n, s) => n + s.labels.length, 0);
  const tokens = new Map(plan.groups.flat().map((e) => [e.key, e.ids.length]));
  const sum = [...tokens.values()].reduce((a, b) => a + b, 0);
  return (
    `${plan.attributes.size} attributes with ${labels} labels, ${plan.pairs.length} pairs; ` +
    `${tokens.size} conversations of ${sum} tokens`
  );
}

/** Stage 1: the features of every conversation, computed once and kept by content. */
async function features(
  backbone: TrainBackbone,
  precision: 'int8' | 'float32',
  plan: Plan,
  config: TrainConfig,
  watch: TrainWatch,
): Promise<FeatureStore> {
  const { hiddenSize, layers } = backbone.config;
  const store = await FeatureStore.open(config.work, {
    // Another graph gives other features.
    backbone: `${backbone.fingerprint}-g${GRAPH_VERSION}`,
    layers,
    precision,
    hiddenSize,
    type: config.featureType,
  });
  try {
    const folder = join(
      config.work,
      `backbone-${backbone.fingerprint.slice(0, 16)}-${layers}-${precision}-g${GRAPH_VERSION}`,
    );
    const whole = (): Promise<boolean> => exists(join(folder, BACKBONE));
    if (plan.groups.flat().some((e) => !store.has(e.key)) && !(await whole())) {
      watch.say('Converting the backbone');
      const { signal } = watch;
      await writeFolder(
        folder,
        async (draft) => void (await writeBackbone(backbone, precision, draft, { signal })),
        async () => !(await whole()),
      );
    }
    const ready = { path: join(folder, BACKBONE), config: backbone.config, precision };
    await extractInto(store, ready, plan.groups, {
      threads: config.threads,
      signal: watch.signal,
      onProgress: (done, total) =>
        watch.progress({ stage: 'features', fraction: done / total, note: `${total} tokens` }),
    });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Stage 2: the quantile heads of every attribute. */
async function headsStage(
  plan: Plan,
  store: FeatureStore,
  products: Products,
  config: TrainConfig,
  watch: TrainWatch,
): Promise<AttributeHeads[]> {
  const out: AttributeHeads[] = [];
  const all = new Map(plan.attributes);
  if (config.verbosity === LENGTH && !all.has(LENGTH)) all.set(LENGTH, lengthSamples(plan));
  // No labels enter, and no held-out text.
  const training = new Map(
    [...all.values()]
      .flat()
      .flatMap((s) => (s.heldOut ? [] : [[s.encoded.key, s.encoded] as const])),
  );
  const basis = await makeBasis(
    await featuresOf(store, [...training.values()], 'reward'),
    config.components,
    config.featureScale,
    products,
  );
  for (const [name, samples] of all) {
    const heads = await trainAttribute(name, samples, {
      store,
      products,
      stages: new Stages(join(config.work, 'stages')),
      options: {
        levels: uniformLevels(config.quantiles),
        l1: 0,
        bandwidth: config.bandwidth,
        monotone: config.monotone,
      },
      basis,
      l1: config.attributeL1?.[name] ?? config.l1,
      folds: config.folds,
      signal: watch.signal,
      progress: (fraction) =>
        watch.progress({
          stage: 'heads',
          fraction: (out.length + fraction) / all.size,
          note: name,
        }),
    });
    out.push(heads);
    const { pinball, baseline } = heads.crossValidated;
    watch.say(
      `Head ${name}: cross-validated pinball loss ${pinball.toFixed(4)}, ${change(pinball / baseline)} than the constant quantiles (${baseline.toFixed(4)})`,
    );
  }
  return out;
}

function change(ratio: number): string {
  return `${Math.abs(100 * (1 - ratio)).toFixed(1)} % ${ratio < 1 ? 'lower' : 'higher'}`;
}

/** Every response with its length: log(1 + tokens) from the shortest to the longest, scaled to [0, 1]. */
export function lengthSamples(plan: Plan): LabelledSample[] {
  const seen = new Map([...plan.attributes.values()].flat().map((s) => [s.encoded.key, s]));
  const samples = [...seen.values()];
  const lengths = samples.map(({ encoded }) => Math.log1p(encoded.reward - encoded.gate));
  const min = lengths.reduce((a, b) => Math.min(a, b), Infinity);
  const max = lengths.reduce((a, b) => Math.max(a, b), -Infinity);
  return samples.map((s, i) => ({ ...s, labels: [(lengths[i]! - min) / (max - min || 1)] }));
}

interface Chosen {
  readonly kept: readonly AttributeHeads[];
  readonly dropped: readonly { readonly name: string; readonly reason: string }[];
}

/** Attributes that predict their labels; by cross-validation on training prompts alone. */
function chooseAttributes(fitted: readonly AttributeHeads[], config: TrainConfig): Chosen {
  const ratio = ({ crossValidated: c }: AttributeHeads): number => c.pinball / c.baseline;
  const good = (a: AttributeHeads): boolean =>
    ratio(a) <= config.keepBelow ||
    a.name === config.verbosity ||
    (config.keep ?? []).includes(a.name);
  const dropped = fitted
    .filter((a) => !good(a))
    .map((a) => ({
      name: a.name,
      reason: `its cross-validated pinball loss is ${ratio(a).toFixed(3)} of the constant quantiles', the limit is ${config.keepBelow}`,
    }));
  const kept = fitted.filter(good);
  if (kept.length === 0) {
    throw new Error(
      `no attribute is left: ${dropped.map((d) => `${d.name}: ${d.reason}`).join('; ')}`,
    );
  }
  return { kept, dropped };
}

/** Stage 3: the verbosity adjustment, on the training responses. */
async function verbosityStage(
  kept: readonly AttributeHeads[],
  plan: Plan,
  store: FeatureStore,
  config: TrainConfig,
): Promise<VerbosityFit | undefined> {
  if (config.verbosity === 'none') return undefined;
  const index = kept.findIndex(({ name }) => name === config.verbosity);
  if (index < 0) {
    throw new Error(
      `--verbosity ${config.verbosity}: expected none, length or one of ${kept.map((a) => a.name).join(', ')}`,
    );
  }
  const seen = new Map([...plan.attributes.values()].flat().map((s) => [s.encoded.key, s]));
  const encoded = [...seen.values()].filter((s) => !s.heldOut).map((s) => s.encoded);
  const x = await featuresOf(store, encoded, 'reward');
  const rewards = matrix(encoded.length, kept.length);
  kept.forEach(({ head }, m) => {
    means(multiplyByTransposed(x, head)).forEach((e, i) => {
      rewards.data[i * kept.length + m] = e;
    });
  });
  return fitVerbosity(rewards, index);
}

function assemble(
  kept: readonly AttributeHeads[],
  verbosity: VerbosityFit | undefined,
  gate: GateStage | undefined,
  config: TrainConfig,
  hiddenSize: number,
): QrmHeads {
  const names = kept.map(({ name }) => name);
  const regression = new Float32Array(kept.length * config.quantiles * hiddenSize);
  kept.forEach(({ head }, m) => regression.set(head.data, m * head.data.length));
  const layers: readonly GatingLayer[] = gate?.layers ?? [];
  return {
    spec: { attributes: names, levels: uniformLevels(config.quantiles) },
    hiddenSize,
    regression,
    gating: layers,
    temperature: gate ? config.gate.temperature : 1,
    logitScale: Float32Array.of(1),
    attributeWeights: gate ? undefined : fixedWeights(names, config),
    transform: verbosity?.transform,
  };
}

/** `weights` by attribute; all alike where there is neither gate nor weights. */
export function fixedWeights(names: readonly string[], config: TrainConfig): Float32Array {
  const { weights } = config;
  if (!weights) return new Float32Array(names.length).fill(1 / names.length);
  for (const name of Object.keys(weights)) {
    if (!names.includes(name)) {
      throw new Error(`--weights ${name}: expected one of ${names.join(', ')}`);
    }
  }
  return Float32Array.from(names, (name) => weights[name] ?? 0);
}

interface Measured {
  readonly backbone: TrainBackbone;
  readonly precision: string;
  readonly plan: Plan;
  readonly store: FeatureStore;
  readonly kept: readonly AttributeHeads[];
  readonly dropped: Chosen['dropped'];
  readonly verbosity: VerbosityFit | undefined;
  readonly gate: GateStage | undefined;
  readonly heads: QrmHeads;
}

async function measure(m: Measured, config: TrainConfig): Promise<TrainingFigures> {
  const { plan, store, kept, backbone, gate } = m;
  const levels = uniformLevels(config.quantiles);
  const attributes: TrainingFigures['attributes'][number][] = [];
  const notes: string[] = [];
  for (const [index, { name, head, l1, crossValidated }] of kept.entries()) {
    const samples = plan.attributes.get(name) ?? lengthSamples(plan);
    const train = samples.filter((s) => !s.heldOut);
    const test = samples.filter((s) => s.heldOut);
    if (test.length === 0) {
      notes.push(`${name}: no prompt was held out; its figures are on training responses`);
    }
    const judged = test.length > 0 ? test : train;
    const x = await featuresOf(
      store,
      judged.map((s) => s.encoded),
      'reward',
    );
    const quantiles: Matrix = multiplyByTransposed(x, head);
    const constant = constantQuantiles(
      train.map((s) => s.labels),
      levels,
    );
    const labels = judged.map((s) => s.labels);
    const groups = judged.map((s) => s.group);
    attributes.push({
      ...judgeHead(name, labels, groups, quantiles, constant, levels),
      trainResponses: train.length,
      l1,
      crossValidated,
      penalty: m.verbosity?.penalties[index] ?? 0,
    });
  }
  const { layers, hiddenSize } = backbone.config;
  return {
    model: {
      name: config.name ?? `QRM on ${backbone.name}`,
      backbone: backbone.name,
      layers,
      totalLayers: backbone.totalLayers,
      precision: m.precision,
      hiddenSize,
    },
    settings: {
      levels,
      components: config.components,
      featureScale: config.featureScale,
      bandwidth: config.bandwidth,
      folds: config.folds,
      heldOut: config.heldOut,
      seed: config.seed,
      maxTokens: config.maxTokens,
      verbosity: config.verbosity,
      gate: gateInWords(config, gate),
    },
    files: plan.files,
    attributes,
    dropped: m.dropped,
    sources: await judgeSources(plan, store, m.heads, gate),
    curve: gate?.curve ?? [],
    bestEpoch: gate?.bestEpoch ?? 0,
    notes,
  };
}

function gateInWords(config: TrainConfig, gate: GateStage | undefined): string {
  if (!gate) return config.weights ? 'fixed weights' : 'no pairs: equal fixed weights';
  const g = config.gate;
  const hidden = g.hidden.length === 0 ? 'linear' : `hidden layers of ${g.hidden.join(', ')}`;
  const routing = g.routing > 0 ? `, routing loss ${g.routing}` : '';
  return (
    `${hidden}, ReLU and BatchNorm1d, softmax at temperature ${g.temperature}; Bradley-Terry loss${routing}, ` +
    `AdamW ${g.learningRate}, weight decay ${g.weightDecay}, cosine schedule, batches of ${g.batch}, ` +
    `${gate.bestEpoch} of ${g.epochs} epochs, ${gate.trainPairs} pairs`
  );
}
