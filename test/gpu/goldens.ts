import { variantFor, makeVariant } from '../../server/src/model/graph/paths/variants.js';
import type { Precision, Provider } from '../../server/src/protocol/index.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import { goldenNames } from '../unit/model/golden.js';
import { distance, runGolden, type Distance } from './golden.js';

/** The lowest cosine with float32 that rounded activations may have. */
const COSINE: Readonly<Partial<Record<Precision, number>>> = { float16: 0.9999, bfloat16: 0.999 };

/** float32 is held against the published reference, weights in blocks against the CPU with the same weights. */
async function compare(provider: Provider, precision: Precision, name: string): Promise<Distance> {
  const variant = (config: ModelConfig): ReturnType<typeof makeVariant> =>
    variantFor(provider, precision, config)!;
  const { found, expected } = await runGolden(name, variant, { provider });
  if (precision !== 'int8' && precision !== 'int4') return distance(found, expected);
  const bits = precision === 'int8' ? 8 : 4;
  const exact = await runGolden(name, (config) =>
    makeVariant(precision, { activations: 'float32', bits }, config),
  );
  return distance(found, exact.found);
}

/**
 * All golden checkpoints in the forms of a provider, a line a form.
 * @returns how many were wrong
 */
export async function checkGoldens(
  provider: Provider,
  precisions: readonly Precision[],
): Promise<number> {
  let wrong = 0;
  for (const precision of precisions) {
    const rounds = COSINE[precision] ?? (provider === 'cuda' ? COSINE.float16 : undefined);
    let worst: Distance = { times: 0, cosine: 1 };
    const bad: string[] = [];
    for (const name of goldenNames) {
      let found: Distance;
      try {
        found = await compare(provider, precision, name);
      } catch (error) {
        bad.push(`${name}: ${String(error).split('\n')[0]!}`);
        continue;
      }
      const right = rounds === undefined ? found.times <= 1 : found.cosine >= rounds;
      if (!right) bad.push(`${name}: ${words(found)}`);
      worst = {
        times: Math.max(worst.times, found.times),
        cosine: Math.min(worst.cosine, found.cosine),
      };
    }
    const against = precision.startsWith('int') ? 'the CPU, same weights' : 'the reference';
    const limit = rounds === undefined ? '1e-4 relative' : `cosine ${rounds}`;
    console.log(
      `  ${precision.padEnd(8)} ${goldenNames.length - bad.length} of ${goldenNames.length} checkpoints within ` +
        `${limit} of ${against}; at worst ${words(worst)}`,
    );
    for (const line of bad) console.log(`    WRONG ${line}`);
    wrong += bad.length;
  }
  return wrong;
}

const words = ({ times, cosine }: Distance): string =>
  `${times.toPrecision(2)} times the limit, 1 - cosine ${(1 - cosine).toExponential(1)}`;
