import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Hover } from 'vscode-languageserver-protocol';
import { stuckRecord } from '../../stuck.js';
import { Client } from './editor/client.js';
import { hhLines } from './editor/hh.js';

let client: Client;
beforeAll(async () => {
  process.env['QRM_LENS_READER_SECONDS'] = '1.5';
  client = await Client.start();
});
afterAll(() => {
  delete process.env['QRM_LENS_READER_SECONDS'];
  return client.stop();
});

it('answers for another file while a reader spins, and says that its file cannot be read', async () => {
  const lines = hhLines(2);
  writeFileSync(join(client.folder, 'bad.jsonl'), `${lines[0]}\n${stuckRecord()}\n`);
  const good = await client.open('good.jsonl', lines.join('\n'));
  await client.audit(good);
  let ended = false;
  const bad = client.audit(client.uri('bad.jsonl')).finally(() => (ended = true));
  let answers = 0;
  const position = { line: 0, character: (lines[0] ?? '').lastIndexOf('Assistant:') + 14 };
  // The reader spins for the whole time that its watchdog gives it: one answer after another comes.
  while (!ended) {
    const hover = await client.request<Hover | null>('textDocument/hover', {
      textDocument: { uri: good },
      position,
    });
    expect(hover).not.toBeNull();
    expect(await client.summary(good)).toMatchObject({ state: 'done', rows: 2 });
    if (!ended) answers++;
    await Promise.race([bad.catch(() => undefined), new Promise((r) => setTimeout(r, 100))]);
  }
  expect(answers).toBeGreaterThan(3);
  const summary = await bad;
  expect(summary.counts['malformed-row']).toBeGreaterThan(0);
  expect(client.last(client.uri('bad.jsonl')).map((d) => d.message)).toContainEqual(
    expect.stringContaining('the reader made no progress'),
  );
});
