import type { Threshold, Thresholds } from '../audit/index.js';
import { DEFAULT_THRESHOLDS } from '../audit/index.js';
import type { ServerSettings } from '../protocol.js';

export const DEFAULTS: ServerSettings = {
  model: { path: '' },
  device: 'auto',
  precision: 'auto',
  threads: 0,
  autoAudit: 'auto',
  tau: 0.05,
  lambda: 1,
  weights: {},
  mapping: {},
  thresholds: { tail: '5%', inverted: '5%', ambiguous: '5%', wide: '5%', modes: 2 },
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
      else if (typeof old === 'object' && old !== null)
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
    s.device,
    s.precision,
    s.threads,
    s.tau,
    s.lambda,
    s.weights,
    s.store,
  ];
  return differ(of(a), of(b));
};

/** Do findings, or which of them are shown? */
export const findingsDiffer = (a: ServerSettings, b: ServerSettings): boolean =>
  differ([a.thresholds, a.maxDiagnostics], [b.thresholds, b.maxDiagnostics]);

/** `5%` is a share of the dataset's own figures, `-0.2` a limit in the figure's unit. */
export function parseThreshold(text: string, name: string): Threshold {
  const percent = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100)
    return { kind: 'relative', share: Number(percent) / 100 };
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value))
    throw new Error(
      `qrmLens.thresholds.${name}: found '${text}', expected a number or a share such as 5%`,
    );
  return { kind: 'absolute', value };
}

/** The thresholds of the settings; a bad one keeps its default and is told. */
export function thresholdsOf(s: ServerSettings, warn: (message: string) => void): Thresholds {
  const one = (name: 'tail' | 'inverted' | 'ambiguous' | 'wide'): Threshold => {
    try {
      return parseThreshold(s.thresholds[name], name);
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error));
      return DEFAULT_THRESHOLDS[name];
    }
  };
  return {
    ...DEFAULT_THRESHOLDS,
    tail: one('tail'),
    inverted: one('inverted'),
    ambiguous: one('ambiguous'),
    wide: one('wide'),
    modes: s.thresholds.modes,
  };
}
