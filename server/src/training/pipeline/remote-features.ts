import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freeMemory } from '../../engine/states.js';
import { EndpointError, openRemoteStates, type RemoteStates } from '../../engine/remote/index.js';
import { makeFolder } from '../../files/folder.js';
import { writeWhole } from '../../files/write.js';
import { bytesOf, chooseForm } from '../../model/bundle/backbone/form.js';
import { byteSize } from '../../protocol/index.js';
import { encode, type Encoded } from '../features/extract.js';
import { fetchInto } from '../features/remote.js';
import { computeHere, showFeatures, type FeatureSource, type SourceContext } from './features.js';

/** What engines told of themselves, kept in the working folder: a run that lacks no feature needs none of them. */
const KEPT = 'endpoint.json';

/** A backbone that is cut elsewhere, another one, or states that are scaled are further off than this. */
const LEAST_COSINE = 0.97;
const MOST_RATIO = 1.1;

type Told = Pick<RemoteStates, 'backend' | 'served' | 'dtype' | 'maxTokens'>;

/**
 * Engines at URLs that run the backbone and give its hidden states.
 * @throws Error naming the URL and what was expected of it, another backbone too; AbortError
 */
export async function remoteSource(
  context: SourceContext,
  urls: readonly string[],
): Promise<FeatureSource> {
  const { backbone, config, watch } = context;
  const { say, signal } = watch;
  const { hiddenSize, layers, maxPositions: maxTokens } = backbone.config;
  const { name, tokenizer, fingerprint } = backbone;
  if (config.device !== 'auto' || config.gpuMemory !== undefined)
    say(`Note: the features come from ${urls.join(', ')}: device and gpuMemory are not used`);
  const of = JSON.stringify([fingerprint, layers, ...urls]);
  const file = join(config.work, KEPT);
  let engine: RemoteStates | undefined;
  let absent: unknown;
  let told: Told | undefined;
  try {
    const wanted = { name, hiddenSize, tokenizer, maxTokens };
    engine = await openRemoteStates(urls, wanted, { signal, onRestart: say });
    const { backend, served, dtype, maxTokens: longest } = engine;
    told = { backend, served, dtype, maxTokens: longest };
    makeFolder(config.work);
    await writeWhole(file, (write) => write(JSON.stringify({ of, told })));
  } catch (error) {
    if (!(error instanceof EndpointError) || error.ends) throw error;
    told = await toldBefore(file, of);
    if (told === undefined) throw error;
    absent = error;
    say(`${error.message}; features that were kept from it are used`);
  }
  const { backend, served, dtype, maxTokens: longest } = told;
  return {
    words: `${dtype}, by ${backend}`,
    longest,
    identity: {
      backbone: fingerprint,
      layers,
      precision: dtype,
      by: `${backend}-${served}`,
      hiddenSize,
      type: config.featureType,
    },
    async fill(store, groups) {
      const all = groups.flat().every((e) => store.has(e.key));
      if (!all && engine === undefined) throw absent;
      if (!all) await requireSame(context, engine!, urls.join(','));
      const nobody = { read: () => Promise.resolve([]), ahead: 1 };
      const progress = showFeatures(watch);
      return fetchInto(store, engine ?? nobody, groups, { signal, onProgress: progress });
    },
    close: () => engine?.close(),
  };
}

async function toldBefore(file: string, of: string): Promise<Told | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as { of?: string; told?: Told };
    return kept.of === of ? kept.told : undefined;
  } catch {
    return undefined;
  }
}

const PROBE = [
  { role: 'user', content: 'Which of the two rivers is longer, and by how much?' },
  {
    role: 'assistant',
    content: 'The second one, by some forty kilometres: most of it is in the plain.',
  },
];

/**
 * Compares the engine's states of a short conversation with those computed here: heads that are trained on another
 * backbone's states (another model of its size, another number of layers) would be worthless on this one's.
 * @throws Error naming how far they are off
 */
async function requireSame(
  context: SourceContext,
  { read, maxTokens }: RemoteStates,
  url: string,
): Promise<void> {
  const { backbone, watch } = context;
  const needs = bytesOf(chooseForm('auto', backbone.config), backbone.config, 'cpu');
  if (needs > freeMemory()) {
    watch.say(
      `Note: ${backbone.name} takes about ${byteSize(needs, Math.ceil)} here, which are not free: ` +
        `whether ${url} serves it was not compared`,
    );
    return;
  }
  const probe = encode(backbone.tokenizer, PROBE, maxTokens);
  if ('error' in probe) throw new Error(`${backbone.name}: ${probe.error}`);
  const here = await computeHere(context, probe);
  const there = await statesOf(read, probe, watch.signal);
  for (const [i, mine] of here.entries()) {
    const { cosine, ratio } = compare(mine, there[i]!);
    if (cosine >= LEAST_COSINE && ratio <= MOST_RATIO && ratio >= 1 / MOST_RATIO) continue;
    throw new Error(
      `${url}: its hidden states are not those of ${backbone.name} with ${backbone.config.layers} layers ` +
        `(cosine ${cosine.toFixed(3)}, length ${ratio.toFixed(2)} times): another backbone, other layers, or states ` +
        `that are normalised (docs/remote.md)`,
    );
  }
}

async function statesOf(
  read: RemoteStates['read'],
  { ids, reward, gate }: Encoded,
  signal: AbortSignal | undefined,
): Promise<readonly [Float32Array, Float32Array]> {
  const [states] = await read([{ ids, positions: [gate, reward] }], signal);
  return [states![1]!, states![0]!];
}

function compare(a: Float32Array, b: Float32Array): { cosine: number; ratio: number } {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((x, i) => {
    ab += x * b[i]!;
    aa += x * x;
    bb += b[i]! ** 2;
  });
  return { cosine: ab / Math.sqrt(aa * bb), ratio: Math.sqrt(bb / aa) };
}
