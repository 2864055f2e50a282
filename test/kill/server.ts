import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../integration/lsp/editor/client.js';
import { hhLines } from '../integration/lsp/editor/hh.js';
import type { Prepare } from './kind.js';
import { killed, sleep } from './processes.js';

const ROWS = 60;

/** The language server, over standard input and output, with a document open that it is scoring. */
export const server: Prepare = async (folder) => {
  const storeFolder = join(folder, 'store');
  const text = hhLines(ROWS).join('\n');
  const open = async () => {
    const client = await Client.start({ init: { storeFolder } });
    return { client, uri: await client.open('open.jsonl', text) };
  };
  /** What it tells of every response once all is scored. */
  const audited = async ({ client, uri }: Awaited<ReturnType<typeof open>>) => {
    const summary = await client.audit(uri);
    const columns = await client.columns(summary);
    if (new Set(columns.map((c) => c.id)).size !== columns.length)
      throw new Error('a response came twice');
    const rows = columns
      .map(({ id: _, partner: __, ...numbers }) => JSON.stringify(numbers))
      .sort();
    const { rows: n, scored, counts } = summary;
    if (n !== ROWS) throw new Error(`${n} of ${ROWS} rows`);
    return JSON.stringify({ n, scored, counts, rows });
  };
  const first = Date.now();
  const whole = await open();
  const undisturbed = await audited(whole);
  await whole.client.stop();
  /** How long it takes where the scores are to be made, and where they are found. */
  const fresh = Date.now() - first;
  let stored = 0;
  let n = -1;
  let making = false;
  return {
    async start() {
      // Every second time the scores are to be made, not found; and where the evaluator is to die.
      n++;
      making = n % 2 === 0 || n % 3 === 2;
      for (const name of making && existsSync(storeFolder) ? readdirSync(storeFolder) : [])
        if (name.startsWith('scores-')) rmSync(join(storeFolder, name), { recursive: true });
      const opened = await open();
      const { client } = opened;
      const result = audited(opened).catch((error: unknown) => String(error));
      let over = false;
      result.then(
        () => (over = true),
        () => undefined,
      );
      return {
        pid: client.process.pid,
        over: () => over,
        evaluators: () => client.evaluators(),
        async loaded() {
          while (!over && making && client.evaluators().length === 0) await sleep(2);
        },
        async gone(evaluator) {
          if (evaluator && (await result) !== undisturbed)
            throw new Error(`the evaluator's death showed: ${await result}`);
          if (client.process.exitCode === null && client.process.signalCode === null) {
            const exit = new Promise((done) => client.process.once('exit', done));
            killed(client.process.pid);
            await exit;
          }
          client.connection.dispose();
          rmSync(client.folder, { recursive: true, force: true });
        },
      };
    },
    span: () => (making ? fresh : stored),
    async check() {
      const again = await open();
      try {
        const began = Date.now();
        const now = await audited(again);
        stored = Math.max(Date.now() - began, stored / 2);
        if (now !== undisturbed) throw new Error(`after the kill: ${now.slice(0, 300)}`);
        const warning = again.client.logs.find((line) => /damaged/.test(line));
        if (warning !== undefined) throw new Error(warning);
      } finally {
        await again.client.stop();
      }
    },
  };
};
