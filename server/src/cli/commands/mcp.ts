import type { McpOptions } from '../../protocol/index.js';
import { EXIT } from '../errors.js';
import { onSignals } from '../interrupt.js';
import { sayer } from '../output/output.js';

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
  await serveMcp(options, { say: sayer(options.quiet), onStop: onSignals });
  return EXIT.ok;
}
