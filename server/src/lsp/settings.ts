import {
  type LedgerOptions,
  parseThreshold,
  RULES,
  seeksNearDuplicates,
  type Threshold,
  type Thresholds,
} from '../audit/index.js';
import { messageOf } from '../errors.js';
import type { ServerSettings } from '../protocol/index.js';
import { DEFAULT_CVAR_LEVEL, DEFAULT_LAMBDA, DEFAULT_TAU } from '../qrm/index.js';
import type { EngineSettings } from '../session/model/engine-host.js';
import { own } from '../fields.js';

/** As a setting has it: `5%`, or a number. */
const written = (threshold: Threshold): string | number =>
  threshold.kind === 'relative' ? `${threshold.share * 100}%` : threshold.value;

export const DEFAULTS: ServerSettings = {
  model: { path: '' },
  endpoint: '',
  device: 'auto',
  precision: 'auto',
  gpuMemory: 0,
  threads: 0,
  autoAudit: 'auto',
  exclude: [],
  tau: DEFAULT_TAU,
  lambda: DEFAULT_LAMBDA,
  cvarLevel: DEFAULT_CVAR_LEVEL,
  weights: {},
  mapping: {},
  thresholds: Object.fromEntries(
    RULES.flatMap(({ threshold }) =>
      threshold ? [[threshold.name, written(threshold.default)]] : [],
    ),
  ),
  maxDiagnostics: 1000,
  inlayHints: { enabled: false },
  codeLens: { enabled: true },
  store: { enabled: true },
};

/** Settings as an editor sends them (any part may be absent or of a wrong type) over the defaults. */
export function mergeSettings(value: unknown, base: ServerSettings = DEFAULTS): ServerSettings {
  const merge = (into: Record<string, unknown>, from: unknown): Record<string, unknown> => {
    if (typeof from !== 'object' || from === null) return into;
    const out = { ...into };
    for (const [key, old] of Object.entries(into)) {
      const given = (from as Record<string, unknown>)[key];
      if (given === undefined || given === null) continue;
      // Judged where it is used.
      if (key === 'weights' || key === 'mapping') out[key] = given;
      else if (Array.isArray(old)) {
        if (Array.isArray(given)) out[key] = given.filter((item) => typeof item === 'string');
      } else if (typeof old === 'object' && old !== null)
        out[key] = merge(old as Record<string, unknown>, given);
      // A threshold may be written as a number.
      else if (typeof old === 'string' && typeof given === 'number') out[key] = String(given);
      else if (typeof given === typeof old) out[key] = given;
    }
    return out;
  };
  return merge(base as unknown as Record<string, unknown>, value) as unknown as ServerSettings;
}

const differ = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);

/** Do scores or measures differ between these settings? */
export const measuresDiffer = (a: ServerSettings, b: ServerSettings): boolean => {
  const of = (s: ServerSettings) => [
    s.model,
    s.endpoint,
    s.device,
    s.precision,
    s.gpuMemory,
    s.threads,
    s.tau,
    s.lambda,
    s.cvarLevel,
    s.weights,
    s.store,
    seeksSketches(s),
  ];
  return differ(of(a), of(b));
};

/** Do findings, or which of them are shown? */
export const findingsDiffer = (a: ServerSettings, b: ServerSettings): boolean =>
  differ([a.thresholds, a.maxDiagnostics], [b.thresholds, b.maxDiagnostics]);

/** Which model scores, and how it is run. */
export const engineSettings = ({
  model,
  endpoint,
  threads,
  gpuMemory,
  ...s
}: EngineSection): EngineSettings => {
  const endpoints = endpoint
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  return {
    ...(model.path !== '' && { model: model.path }),
    ...(endpoints.length > 0 && { endpoints }),
    device: s.device,
    precision: s.precision,
    ...(threads > 0 && { threads }),
    ...(gpuMemory > 0 && { gpuMemory }),
    store: s.store.enabled,
  };
};
type EngineSection = Pick<
  ServerSettings,
  'model' | 'endpoint' | 'device' | 'precision' | 'threads' | 'gpuMemory' | 'store'
>;

/** The thresholds of the settings; a bad one keeps its default and is told. */
export function thresholdsOf(
  s: Pick<ServerSettings, 'thresholds'>,
  warn: (message: string) => void,
): Thresholds {
  const thresholds: Record<string, Threshold> = {};
  for (const { threshold: spec } of RULES) {
    if (spec === undefined) continue;
    const given = s.thresholds[spec.name];
    if (given === undefined) continue;
    try {
      thresholds[spec.name] = parseThreshold(
        String(given),
        `qrmLens.thresholds.${spec.name}`,
        spec,
      );
    } catch (error) {
      warn(messageOf(error));
    }
  }
  return thresholds;
}

/** Do these settings look for near-duplicates, so that audits keep sketches? */
const seeksSketches = (s: Pick<ServerSettings, 'thresholds'>): boolean =>
  // A bad one is told where findings are made.
  seeksNearDuplicates(thresholdsOf(s, () => undefined));

/** How distributions are read; weights by name in the model's order, absent ones 0. */
export function measureOptions(
  s: Pick<ServerSettings, 'tau' | 'lambda' | 'cvarLevel' | 'weights' | 'thresholds'>,
  attributes: readonly string[],
): LedgerOptions {
  const named = Object.entries(s.weights).filter(([name]) => attributes.includes(name));
  const tau = s.tau > 0 && s.tau < 0.5 ? s.tau : DEFAULT_TAU;
  const lambda = Number.isFinite(s.lambda) && s.lambda >= 0 ? s.lambda : DEFAULT_LAMBDA;
  const cvarLevel = s.cvarLevel > 0 && s.cvarLevel <= 1 ? s.cvarLevel : DEFAULT_CVAR_LEVEL;
  const sketches = seeksSketches(s) && { sketches: true };
  if (named.length === 0) return { tau, lambda, cvarLevel, ...sketches };
  const weights = attributes.map((a) => Number(own(s.weights, a)) || 0);
  return { tau, lambda, cvarLevel, weights, ...sketches };
}
