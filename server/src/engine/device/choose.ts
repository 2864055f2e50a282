import type { Provider } from '../../protocol/index.js';
import type { Device, FromEvaluator } from '../process/messages.js';
import { forkWorker, sendTo } from '../process/worker-process.js';
import { candidates, lacking } from './candidates.js';
import { keepProbe, keptProbe } from './known.js';
import type { ProbeResult } from './probe.js';

/** The longest a probe may take. */
const PATIENCE = 120_000;

/**
 * How many times the CPU's float32 speed a GPU must reach to be taken: the CPU runs models in int8, which is so much
 * faster than its float32 (test/bench/RESULTS.md).
 */
const WORTH = 4;

/** Why a probed provider is not to be used where the user leaves the choice, or undefined. */
export function drawback({ error, rate = 0, cpuRate = 0 }: ProbeResult): string | undefined {
  if (error !== undefined) return error;
  if (rate >= WORTH * cpuRate) return undefined;
  const times = (rate / cpuRate).toPrecision(2);
  return `it runs, at ${times} times the CPU's float32 speed; from ${WORTH} times it is faster than the CPU's int8`;
}

/** A probe in a process of its own: a driver that crashes must not take us with it. */
export function probeApart(provider: Provider): Promise<ProbeResult> {
  const error = lacking(provider);
  if (error !== undefined) return Promise.resolve({ error });
  return new Promise((resolve) => {
    const child = forkWorker();
    const patience = `it did not answer within ${PATIENCE / 1000} s`;
    const timer = setTimeout(() => finish({ error: patience }), PATIENCE);
    const finish = (result: ProbeResult): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve(result);
    };
    child.on('message', (m: FromEvaluator) => m.type === 'probed' && finish(m.result));
    child.once('exit', (code, signal) =>
      finish({ error: `loading it ended the process (${signal ?? code})` }),
    );
    child.once('error', ({ message }) => finish({ error: message }));
    sendTo(child, { type: 'probe', provider });
  });
}

/** The kept result of a provider, or a new one. */
async function resultOf(provider: Provider, folder: string | undefined): Promise<ProbeResult> {
  const kept = await keptProbe(folder, provider);
  if (kept !== undefined) return kept;
  const result = await probeApart(provider);
  await keepProbe(folder, provider, result);
  return result;
}

export interface DeviceChoice {
  readonly provider: Provider;
  /** In words, where a GPU was there and is not used. */
  readonly note?: string;
}

/**
 * The provider for a device: the one named, or the fastest that runs right; the CPU where none is worth it.
 * @param folder where results of probes are kept
 * @param avoid providers that failed in use
 * @throws Error when the one named does not run right
 */
export async function chooseDevice(
  device: Device,
  folder: string | undefined,
  avoid: readonly Provider[] = [],
): Promise<DeviceChoice> {
  if (device === 'cpu') return { provider: device };
  if (device !== 'auto') {
    const { error } = lacking(device) ? { error: lacking(device) } : await resultOf(device, folder);
    if (error !== undefined) throw new Error(`device ${device}: ${error} (see qrm doctor)`);
    return { provider: device };
  }
  let best: { provider: Provider; rate: number } | undefined;
  const notes: string[] = [];
  for (const provider of candidates()) {
    if (provider === 'cpu' || avoid.includes(provider) || lacking(provider) !== undefined) continue;
    const result = await resultOf(provider, folder);
    const why = drawback(result);
    if (why === undefined && (best === undefined || result.rate! > best.rate))
      best = { provider, rate: result.rate! };
    // A machine without a GPU is no news; one that ran and is slow or wrong is.
    else if (why !== undefined && (result.rate ?? result.off) !== undefined)
      notes.push(`${provider}: ${why}`);
  }
  if (best !== undefined) return { provider: best.provider };
  return { provider: 'cpu', ...(notes.length > 0 ? { note: notes.join('; ') } : {}) };
}
