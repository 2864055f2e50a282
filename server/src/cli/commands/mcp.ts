import type { McpOptions } from '../../protocol/index.js';
import { EXIT } from '../errors.js';
import { onSignals } from '../interrupt.js';

/** What dist/mcp.js has: a bundle of its own, so that no other command loads the protocol. */
interface McpModule {
  readonly serveMcp: (
    options: McpOptions,
    hooks: {
      readonly say: (line: string) => void;
      readonly onStop: (stop: (name: string) => void) => void;
    },
  ) => Promise<void>;
}

export async function mcpCommand(options: McpOptions): Promise<number> {
  const { serveMcp } = (await import(new URL('./mcp.js', import.meta.url).href)) as McpModule;
  const say = (line: string) => void (options.quiet || process.stderr.write(`${line}\n`));
  await serveMcp(options, { say, onStop: onSignals });
  return EXIT.ok;
}
