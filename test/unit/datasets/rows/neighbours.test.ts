import { describe, expect, it } from 'vitest';
import { readDataset } from '../../../../server/src/datasets/index.js';

/** Rows as `label: role=content`, an answer with a star; then problems by code. */
async function read(body: string, name = 'x.jsonl'): Promise<string[]> {
  const rows: string[] = [];
  const problems: string[] = [];
  for await (const event of readDataset({ bytes: Buffer.from(body), name })) {
    if (event.type === 'problem') problems.push(event.problem.code);
    else
      for (const { label, turns, targets } of event.row.conversations)
        rows.push(
          `${label}: ${turns.map((t, i) => `${t.role}=${t.content}${targets.includes(i) ? '*' : ''}`).join(' ')}`,
        );
  }
  return [...rows, ...problems];
}
const json = (record: unknown) => read(JSON.stringify(record));
const PAIR = ['chosen: user=Q assistant=Good*', 'rejected: user=Q assistant=Bad*'];
const WITH_SYSTEM = PAIR.map((row) => row.replace('user=Q', 'system=S user=Q'));
const TALK = ['transcript: user=Q assistant=A*'];

describe('a system text beside messages that hold one', () => {
  const asked = (content: string) => [
    { role: 'system', content },
    { role: 'user', content: 'Q' },
  ];
  const rest = { chosen: 'Good', rejected: 'Bad' };
  it('is given once where both are the same', async () =>
    expect(await json({ system: 'S', prompt: asked('S'), ...rest })).toEqual(WITH_SYSTEM));
  it('is a problem where they differ', async () =>
    expect(await json({ system: 'T', prompt: asked('S'), ...rest })).toEqual(['missing-field']));
  it.each(['system_instruction', 'systemInstruction'])('may be called %s', async (name) =>
    expect(await json({ [name]: { parts: [{ text: 'S' }] }, prompt: 'Q', ...rest })).toEqual(
      WITH_SYSTEM,
    ),
  );
});

describe('messages in other clothes', () => {
  it.each<[string, unknown]>([
    ['lists of role and text', { messages: [['user', 'Q'], ['assistant', 'A']] }],
    ['the same with other words', { conversation: [['human', 'Q'], ['ai', 'A']] }],
    ['contents of parts', { contents: [{ role: 'user', parts: [{ text: 'Q' }] }, { role: 'model', parts: [{ text: 'A' }] }] }],
    ['contents of parts as JSON in a text', { contents: JSON.stringify([{ role: 'user', parts: [{ text: 'Q' }] }, { role: 'model', parts: [{ text: 'A' }] }]) }],
    ['USER and CHATBOT', { messages: [{ role: 'USER', content: 'Q' }, { role: 'CHATBOT', content: 'A' }] }],
  ])('%s are a talk', async (_, record) => expect(await json(record)).toEqual(TALK)); // prettier-ignore

  it('questions with their answers are no roles', async () =>
    expect(await json({ prompt: 'Q', history: [['user', 'an assistant']], response: 'A' })).toEqual(
      ['response: user=user assistant=an assistant user=Q assistant=A*'],
    ));
});

describe('names with capitals and blanks', () => {
  it('are those of the fields', async () => {
    expect(await json({ Prompt: 'Q', ' Chosen': 'Good', REJECTED: 'Bad' })).toEqual(PAIR);
    expect(await read('Prompt,Chosen,Rejected\nQ,Good,Bad\n', 'x.csv')).toEqual(PAIR);
  });
  it('but where a field has the plain name already', async () =>
    expect(await json({ prompt: 'Q', Prompt: 'R', chosen: 'Good', rejected: 'Bad' })).toEqual(
      PAIR,
    ));
});

describe('what people say of a completion', () => {
  it.each([
    ['desirable', ['True', '1', 'yes', 'desirable', ' TRUE ']],
    ['undesirable', ['False', '0', 'no', 'undesirable', '0.0']],
    ['response', ['maybe', '', '-1', '2', 'good']],
  ])('%s: %s', async (label, words) => {
    for (const word of words)
      expect(await json({ prompt: 'Q', completion: 'A', label: word })).toEqual([
        `${label}: user=Q assistant=A*`,
      ]);
  });
});

describe('tables of Chatbot Arena', () => {
  const votes = { winner_model_a: 1, winner_model_b: 0, winner_tie: 0 };
  const lists = { prompt: '["Q", "R"]', response_a: '["A", "B"]', response_b: '["C", "D"]' };
  it('lists of texts are the turns of a talk', async () =>
    expect(await json({ ...lists, ...votes })).toEqual([
      'response_a: user=Q assistant=A user=R assistant=B*',
      'response_b: user=Q assistant=C user=R assistant=D*',
    ]));
  it('elsewhere an answer that is a list is a text', async () =>
    expect(await json(lists)).toEqual([
      'response_a: user=["Q", "R"] assistant=["A", "B"]*',
      'response_b: user=["Q", "R"] assistant=["C", "D"]*',
    ]));
});

it('a cell that the dataset viewer cut is told', async () => {
  const row = { prompt: 'Q', chosen: 'Good', rejected: 'Bad' };
  const page = (cells: string[]) => read(JSON.stringify({ rows: [{ row_idx: 0, row, truncated_cells: cells }] }), 'x.json'); // prettier-ignore
  expect(await page([])).toEqual(PAIR);
  expect(await page(['chosen'])).toEqual([...PAIR, 'unread-part']);
});

it('an empty transcript is an empty file', async () =>
  expect(await read(' \n', 'x.md')).toEqual(['empty-file']));

describe('a question that is empty is told', () => {
  const talk = (...contents: unknown[]) => ({ messages: contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })) }); // prettier-ignore
  it.each([
    ['the first of a talk', talk('', 'A', 'R', 'B'), 1],
    ['a later one', talk('Q', 'A', null, 'B'), 1],
    ['one that nobody sees', talk('Q', 'A', '\u200b', 'B'), 1],
    ['the last of a prompt', { prompt: talk('Q', 'A', '').messages, chosen: 'c', rejected: 'd' }, 1],
    ['one of a history', { prompt: 'Q', history: [['', 'x']], response: 'y' }, 1],
    ['but not one without an answer', talk('Q', 'A', ''), 0],
    ['nor an empty answer, which is unscored', talk('Q', '', 'R', 'B'), 0],
    ['nor one that only shows a picture, which is told', talk([{ type: 'image_url', image_url: { url: 'x' } }], 'A'), 0],
  ])('%s', async (_, record, times) => expect((await json(record)).filter((c) => c === 'blank-prompt')).toHaveLength(times)); // prettier-ignore
});

describe('what a template would be given beside the messages', () => {
  const rest = { prompt: 'Q', chosen: 'Good', rejected: 'Bad' };
  it.each<[string, object, string[]]>([
    ['tools as an object', { tools: { name: 'f', parameters: {} } }, ['unread-part']],
    ['a document as a text', { documents: 'The moon is far.' }, ['unread-part']],
    ['no document', { documents: '[]', tools: {} }, []],
    ['a word about tools', { tools: 'none', functions: 2 }, []],
  ])('%s', async (_, record, told) =>
    expect(await json({ ...rest, ...record })).toEqual([...PAIR, ...told]),
  );
});

it('a message with two roles that differ is told; a name beside its role is none', async () => {
  const talk = (message: object) => ({ messages: [{ role: 'user', content: 'Q' }, { content: 'A', ...message }] }); // prettier-ignore
  expect(await json(talk({ role: 'assistant', from: 'human' }))).toEqual(['missing-field']);
  expect(await json(talk({ role: 'assistant', from: 'gpt', author: 'Ann' }))).toEqual(TALK);
});
