import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallFiles } from '../../../soak/workload.js';
import { Client } from '../editor/client.js';
import { hhLines } from '../editor/hh.js';
import { OpenText } from '../editor/open-text.js';
import { told } from '../editor/told.js';

/** Texts that become data sets by edits, of another format, or none: each is as if it was opened so. */

let edited: Client;
let fresh: Client;
beforeAll(async () => {
  [edited, fresh] = await Promise.all([Client.start(), Client.start()]);
});
afterAll(() => Promise.all([edited.stop(), fresh.stop()]));

const [pairs, chats, table, array, talk] = smallFiles(6).map(({ text }) => text) as [
  string,
  string,
  string,
  string,
  string,
];
const README = '# A title\n\nWords about a program.\n';
/** Waits for an audit that nobody asked for. */
async function found(client: Client, uri: string, rows?: number) {
  for (let n = 0; n < 900; n++) {
    const answer = await client.summary(uri);
    if (answer?.state === 'done' && (rows === undefined ? answer.rows > 0 : answer.rows === rows))
      return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${uri} was not audited`);
}
let opened = 0;

describe('a text becomes', () => {
  const session = (['user', 'assistant'] as const).map((role, n) =>
    JSON.stringify({
      type: role,
      uuid: `u${n}`,
      parentUuid: n === 0 ? null : 'u0',
      sessionId: 's',
      isSidechain: false,
      message: n === 0 ? { role, content: 'Two and two?' } : { role, id: 'm', content: 'Four.' },
    }),
  );
  it.each([
    ['JSON Lines', 'a.txt', 'A note.\n', pairs],
    ['a table', 'b.txt', 'A note.\n', table],
    ['a list', 'c.txt', '', array],
    ['a transcript', 'README.md', README, talk],
    ['a table, of JSON Lines', 'd.jsonl', pairs, table],
    ['chats, of pairs', 'e.jsonl', pairs, chats],
    ['JSON Lines, of a list', 'f.json', array, pairs],
    ['a list, of a table', 'g.csv', table, array],
    ['a log of a session, of pairs', 'h.jsonl', pairs, `${session.join('\n')}\n`],
  ])('%s', async (_, name, before, after) => {
    const own = `${opened++}/${name}`;
    const text = await OpenText.open(edited, own, before);
    await edited.summary(text.uri);
    // As a user pastes it: nobody asks for an audit.
    await text.replace(0, before.length, after);
    const again = await OpenText.open(fresh, own, after);
    const then = await found(fresh, again.uri);
    await found(edited, text.uri, then.rows);
    expect(await told(edited, text.uri)).toEqual(await told(fresh, again.uri));
  });

  it('a data set letter by letter', async () => {
    const [line = ''] = hhLines(1, 900);
    const text = await OpenText.open(edited, `${opened++}/typed`, '');
    for (let at = 0; at < line.length; at += 7) await text.replace(at, at, line.slice(at, at + 7));
    expect((await found(edited, text.uri)).scored).toBe(2);
  });

  it('no data set: its findings go, and come back with the text', async () => {
    const text = await OpenText.open(edited, `${opened++}/chat.txt`, pairs);
    const before = await found(edited, text.uri);
    await edited.until(() => edited.last(text.uri).length > 0, 'findings');
    await text.all('A note.\n');
    await edited.until(() => edited.last(text.uri).length === 0, 'no finding');
    expect(await edited.summary(text.uri)).toBeNull();
    await text.undo();
    expect((await found(edited, text.uri)).scored).toBe(before.scored);
  });
});

describe('an edit of the beginning', () => {
  it('brings nothing back that was cleared', async () => {
    const text = await OpenText.open(edited, `${opened++}/cleared.txt`, pairs);
    await found(edited, text.uri);
    await edited.request('qrmLens/clearFindings', { uris: [text.uri] });
    await text.all(table);
    expect(await edited.summary(text.uri)).toBeNull();
    expect((await edited.audit(text.uri)).rows).toBe(6);
  });

  it('leaves an audit that was asked for, though the text is not surely a data set', async () => {
    const text = await OpenText.open(edited, `${opened++}/README.md`, README);
    expect(await edited.summary(text.uri)).toBeNull();
    expect((await edited.audit(text.uri)).counts['malformed-row']).toBe(1);
    await text.replace(2, 2, 'New: ');
    await found(edited, text.uri, 1);
    expect(edited.last(text.uri).map((d) => d.code)).toEqual(['malformed-row']);
    await text.all(talk);
    expect((await edited.audit(text.uri)).scored).toBe(6);
  });

  it('during an audit is answered by the audit of the text as it is then', async () => {
    const text = await OpenText.open(edited, `${opened++}/now.txt`, pairs);
    const asked = edited.audit(text.uri);
    await text.all(`${table}${table.split('\n').slice(1).join('\n')}`);
    const answer = await asked;
    expect([answer.state, answer.rows, answer.scored]).toEqual(['done', 12, 24]);
  });

  it('of a selection asked for, while the table is still being read, doubles no row', async () => {
    const header = table.slice(0, table.indexOf('\n') + 1);
    const many = header + table.slice(header.length).repeat(400);
    const text = await OpenText.open(edited, `${opened++}/many.csv`, many);
    const part = { uri: text.uri, lines: [{ from: 1, to: 3 }] };
    await Promise.all([
      edited.request('qrmLens/audit', part),
      edited.request('qrmLens/audit', part),
    ]);
    expect((await edited.audit(text.uri)).rows).toBe(6 * 400);
  });
});
