import { pullModel } from '../../engine.js';
import { EXIT } from '../../errors.js';
import { print } from '../../output/output.js';
import { loadingLine } from '../../output/progress.js';
import { interrupted, onInterrupt } from '../../interrupt.js';

/** Downloads a model of the hub, or finds that all of it is there; prints its folder. */
export async function pullCommand(name: string, o: { quiet?: boolean }): Promise<number> {
  const { signal } = onInterrupt();
  const line = loadingLine(o.quiet ?? false);
  try {
    const options = { signal, onProgress: line.show, refresh: true };
    const folder = await pullModel(name, options).finally(line.clear);
    await print(`${folder}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    return interrupted('What came is kept');
  }
}
