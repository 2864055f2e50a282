import { isUrl } from '../client.js';
import { EndpointError } from './http.js';
import { EnginePool } from './pool.js';
import { messageOf } from '../../errors.js';

/** What an engine serves, for the words of an error and for telling two apart. */
export interface Serving {
  readonly url: string;
  readonly modelName: string;
  /** Equal for engines that give equal numbers but for rounding within one dtype. */
  readonly identity: string;
}

/** An engine of the pool, asked what it serves when it is first used, where it was not there at the start. */
export interface Member<E> {
  readonly url: string;
  readonly engine: () => Promise<E>;
}

export interface GatherOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { message: string }) => void;
  /** Told when an engine is left out, or is back. */
  readonly onRestart?: (reason: string) => void;
}

/**
 * Engines that share one work. Those that cannot be reached at the start are tried again later, if one can.
 * @param open asks an engine what it serves
 * @returns the first that answered, and all of them
 * @throws Error naming the URL and what was expected of it, or two that serve different things; AbortError
 */
export async function gather<E extends Serving>(
  urls: readonly string[],
  open: (url: string) => Promise<E>,
  { signal, onProgress, onRestart }: GatherOptions,
): Promise<{ first: E; pool: EnginePool<Member<E>> }> {
  for (const url of urls)
    if (!isUrl(url) || !URL.canParse(url))
      throw new Error(`${url}: expected the URL of an engine, such as http://127.0.0.1:8000`);
  onProgress?.({ message: `Asking ${urls.join(', ')}` });
  const opened = await Promise.allSettled(urls.map((url) => patiently(() => open(url), signal)));
  signal?.throwIfAborted();
  const there = opened.flatMap((o) => (o.status === 'fulfilled' ? [o.value] : []));
  const failed = opened.flatMap((o) => (o.status === 'rejected' ? [o.reason as Error] : []));
  const wrong = failed.find((e) => !(e instanceof EndpointError) || e.ends);
  const [first] = there;
  if (wrong !== undefined) throw wrong;
  if (first === undefined) throw failed[0]!;
  for (const engine of there) sameModel(engine, first);
  for (const error of failed) onRestart?.(`${error.message}; it is tried again later`);
  const members = urls.map((url, i): Member<E> => {
    const o = opened[i]!;
    if (o.status === 'rejected') return lateMember(url, first, () => open(url));
    return { url, engine: () => Promise.resolve(o.value) };
  });
  return { first, pool: new EnginePool(members, onRestart) };
}

/** Tries anew what failed in passing: three times, within two seconds. */
async function patiently<T>(open: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let wait = 250; ; wait *= 2) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof EndpointError) || error.ends || wait > 1000) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
      signal?.throwIfAborted();
    }
  }
}

/** @throws Error where two engines would give one run numbers of two kinds */
function sameModel(engine: Serving, first: Serving): void {
  if (engine.identity === first.identity) return;
  throw new Error(
    `${engine.url} serves ${engine.modelName} (${engine.identity}), ` +
      `${first.url} ${first.modelName} (${first.identity}): expected one model, precision and kind of device`,
  );
}

/** One that was not there at the start: asked what it serves before the first work. */
function lateMember<E extends Serving>(url: string, first: E, open: () => Promise<E>): Member<E> {
  let known: E | undefined;
  return {
    url,
    async engine() {
      if (known !== undefined) return known;
      const found = await open();
      try {
        sameModel(found, first);
      } catch (error) {
        // It must not have work; the others go on.
        throw new EndpointError('down', messageOf(error));
      }
      return (known = found);
    },
  };
}
