import type { GroupResult, ScoreGroup, TargetResult } from '../types.js';
import type { RemoteEngine } from './engine.js';
import { ask, EndpointError } from './http.js';

/** What `GET /v1/models` of `qrm serve` says of its model. */
export interface QrmModel {
  readonly name: string;
  readonly hash: string;
  readonly precision: string;
  readonly execution_provider: string;
  readonly levels: readonly number[];
  readonly attributes: readonly string[];
  readonly equal_weights: boolean;
  /** Absent of earlier versions. */
  readonly pooled?: boolean;
}

interface Entry {
  readonly error?: string;
  readonly quantiles: string;
  readonly attributes: string;
  readonly gate: string;
  readonly expectation: number;
  readonly tokens: number;
  readonly truncated_tokens: number;
}

/** Another `qrm serve`: whole distributions come back, bit for bit. */
export function qrmEngine(url: string, model: QrmModel, maxTokens: number): RemoteEngine {
  const { levels, attributes, equal_weights: equal, pooled } = model;
  return {
    url,
    info: {
      spec: { levels, attributes, ...(equal && { equalWeights: true }), ...(pooled && { pooled }) },
      modelName: model.name,
      modelHash: `${model.hash}@qrm-${model.execution_provider}`,
      precision: model.precision,
      executionProvider: `${model.execution_provider} at ${new URL(url).host}`,
      maxTokens,
    },
    async score({ conversations }: ScoreGroup, signal, priority): Promise<GroupResult> {
      const body = {
        conversations: conversations.map(({ messages, targets }) => ({ messages, targets })),
        what: ['quantiles', 'attributes', 'gate'],
        encoding_format: 'base64',
        priority: Math.max(-10, Math.min(10, Math.round(priority))),
      };
      const { data } = (await ask(url, '/v1/distributions', body, signal)) as { data?: Entry[] };
      const wanted = conversations.reduce((n, c) => n + c.targets.length, 0);
      if (!Array.isArray(data) || data.length !== wanted)
        throw new EndpointError('down', `${url}: expected ${wanted} distributions`);
      let at = 0;
      return { results: conversations.map((c) => c.targets.map(() => resultOf(data[at++]!))) };
    },
  };
}

function resultOf(entry: Entry): TargetResult {
  if (entry.error !== undefined) return { ok: false, error: entry.error };
  return {
    ok: true,
    score: {
      quantiles: float32s(entry.quantiles),
      attributeQuantiles: float32s(entry.attributes),
      gate: float32s(entry.gate),
      expectation: entry.expectation,
      tokens: entry.tokens,
      truncatedTokens: entry.truncated_tokens,
    },
  };
}

/** Little-endian float32 in base64. */
export function float32s(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length >> 2 }, (_, i) => bytes.readFloatLE(4 * i));
}
