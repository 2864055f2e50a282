import { convertModel } from '../../engine.js';
import { EXIT, UsageError } from '../../errors.js';
import { loadingLine } from '../../output/progress.js';
import { interrupted, onInterrupt } from '../../interrupt.js';

export interface ConvertOptions {
  precision?: 'auto' | 'float32' | 'int8' | 'int4';
  heads?: string;
  quiet?: boolean;
}

export async function convertCommand(from: string, to: string, o: ConvertOptions) {
  if (to === '') throw new UsageError('found an empty name; expected a folder for the bundle');
  const { signal } = onInterrupt();
  const line = loadingLine(o.quiet ?? false);
  try {
    const { precision, heads } = o;
    await convertModel(from, to, { precision, heads, signal, onProgress: line.show }).finally(
      line.clear,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    return interrupted(`${to} is as it was, the parts that are made are kept`);
  }
  if (!o.quiet) process.stderr.write(`Bundle: ${to}\n`);
  return EXIT.ok;
}
