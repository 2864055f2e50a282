import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Workload } from '../../../soak/workload.js';
import { Client } from '../editor/client.js';

/** The short form of `npm run soak`: what the server holds after a collection, not what it has from the system. */
it('edits leave nothing behind in the server', async () => {
  const client = await Client.start({ measured: true, settings: { autoAudit: 'open' } });
  try {
    const workload = await Workload.start(client, { rows: 4 });
    const held = async (edits: number) => {
      while (workload.edits < edits) await workload.step(() => setImmediate());
      await workload.settle();
      const { heapUsed, external } = await client.memory();
      return heapUsed + external;
    };
    // Caches fill and code is compiled first.
    const before = await held(300);
    const after = await held(800);
    expect((after - before) / (workload.edits - 300)).toBeLessThan(4096);
  } finally {
    await client.stop();
  }
}, 600_000);
