import type { ServeOptions } from '../../protocol/index.js';
import { EXIT } from '../errors.js';
import { onSignals } from '../interrupt.js';
import { loadingLine } from '../output/progress.js';

/** What dist/http.js has: a bundle of its own, so that no other command loads a web server. */
interface HttpModule {
  readonly serve: (
    options: ServeOptions,
    hooks: {
      readonly say: (line: string) => void;
      readonly log: (line: Readonly<Record<string, unknown>>) => void;
      readonly onStop: (stop: (name: string) => void) => void;
      readonly onProgress: (progress: { message: string; fraction?: number }) => void;
    },
  ) => Promise<void>;
}

export async function serveCommand(options: ServeOptions): Promise<number> {
  const { quiet } = options;
  const loading = loadingLine(quiet);
  const say = (line: string) => {
    if (quiet) return;
    loading.clear();
    process.stderr.write(`${line}\n`);
  };
  const log = (line: Readonly<Record<string, unknown>>) => {
    if (!quiet)
      process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
  };
  const { serve } = (await import(new URL('./http.js', import.meta.url).href)) as HttpModule;
  await serve(options, { say, log, onStop: onSignals, onProgress: loading.show });
  return EXIT.ok;
}
