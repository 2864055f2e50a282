import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../../../server/src/datasets/index.js';
import { ofText, readAll, TextView, turnsOf, type Read } from '../helpers.js';
import { told } from '../rows/helpers.js';

const lines = (...records: unknown[]): string =>
  records.map((r) => JSON.stringify(r)).join('\n') + '\n';

/** What is read of a text, of which every placed turn must stand at its place. */
async function read(
  text: string,
  name = 'x.jsonl',
): Promise<{ said: string[][]; problems: string[]; all: Read }> {
  const all = await ofText(text, name);
  const view = new TextView(Buffer.from(text));
  for (const { place, content } of turnsOf(all.rows))
    if (place !== undefined && !name.endsWith('.md'))
      expect(JSON.parse(`"${view.sliceByColumns(place)}"`)).toBe(content);
  return {
    said: all.rows.map(told),
    problems: all.problems.map((p) => `${p.code}: ${p.message}`),
    all,
  };
}

describe('logs of which many lines are one talk', () => {
  const claude = (type: string, uuid: string, parentUuid: string | null, message: unknown, more = {}) => ({
    type, uuid, parentUuid, sessionId: 's', isSidechain: false, message, ...more,
  }); // prettier-ignore

  it('Claude Code: up along parentUuid, messages of one id joined, summaries and thoughts left out', async () => {
    const text = lines(
      { type: 'summary', summary: 'Old talk', leafUuid: 'z' },
      claude('user', 'a', null, { role: 'user', content: 'List “the” files' }),
      claude('assistant', 'b', 'a', { id: 'm1', role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.' }] }),
      claude('assistant', 'c', 'b', { id: 'm1', role: 'assistant', content: [{ type: 'text', text: 'I look. ' }] }),
      claude('assistant', 'd', 'c', { id: 'm1', role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'ls', input: {} }] }),
      claude('user', 'e', 'd', { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'a.txt' }] }),
      claude('assistant', 'x', 'e', { id: 'm9', role: 'assistant', content: [{ type: 'text', text: 'An answer that was rewound.' }] }),
      claude('assistant', 'f', 'e', { id: 'm2', role: 'assistant', content: [{ type: 'text', text: 'One: a.txt' }] }),
      claude('user', 'g', 'f', { role: 'user', content: 'What was said' }, { isCompactSummary: true }),
      claude('user', 'h', 'g', { role: 'user', content: 'Thanks' }),
      claude('assistant', 'i', 'h', { id: 'm3', role: 'assistant', content: [{ type: 'text', text: 'Welcome 😀' }] }),
    ); // prettier-ignore
    expect(await detectFormat({ bytes: Buffer.from(text), name: 'x.txt' })).toMatchObject({
      schema: 'claude-code',
      log: 'claude-code',
    });
    const { said, problems, all } = await read(text);
    expect(said).toEqual([
      [
        'transcript: user List “the” files | *assistant I look.  | tool a.txt | *assistant One: a.txt | user Thanks | *assistant Welcome 😀',
      ],
    ]);
    expect(problems).toEqual([expect.stringContaining('1 answers stand on branches')]);
    expect(all.rows[0]!.place).toMatchObject({ line: 1, endLine: 10 });
  });

  it('Claude Code: an agent below is a talk of its own, an answer of calls alone no target', async () => {
    const text = lines(
      claude('user', 'a', null, { role: 'user', content: 'Q' }),
      claude('assistant', 'b', 'a', { id: 'm1', role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'task', input: {} }] }),
      claude('user', 'p', null, { role: 'user', content: 'Do it' }, { isSidechain: true }),
      claude('assistant', 'q', 'p', { id: 'm5', role: 'assistant', content: [{ type: 'text', text: 'Did it' }] }, { isSidechain: true }),
      claude('assistant', 'c', 'b', { id: 'm2', role: 'assistant', content: [{ type: 'text', text: 'Done' }] }),
    ); // prettier-ignore
    expect((await read(text)).said).toEqual([
      ['transcript: user Q | assistant  | *assistant Done'],
      ['sidechain: user Do it | *assistant Did it'],
    ]);
  });

  it('Codex: response items of the kind message, plain and in gzip', async () => {
    const item = (role: string, type: string, text: string) => ({ timestamp: 't', type: 'response_item', payload: { type: 'message', role, content: [{ type, text }] } }); // prettier-ignore
    const text = lines(
      { timestamp: 't', type: 'session_meta', payload: { id: 'x', cwd: '/' } },
      item('user', 'input_text', 'Q'),
      { timestamp: 't', type: 'event_msg', payload: { type: 'user_message', message: 'Q' } },
      { timestamp: 't', type: 'response_item', payload: { type: 'reasoning', summary: [] } },
      item('assistant', 'output_text', 'A'),
      { timestamp: 't', type: 'event_msg', payload: { type: 'agent_message', message: 'A' } },
    );
    expect(await read(text)).toMatchObject({
      said: [['transcript: user Q | *assistant A']],
      problems: [],
    });
    const zipped = await readAll({ bytes: gzipSync(text), name: 'rollout.jsonl.gz' });
    expect(zipped.rows.map(told)).toEqual([['transcript: user Q | *assistant A']]);
  });

  it("Hugging Face's session traces", async () => {
    const text = lines(
      { type: 'session', harness: 'h', id: '1' },
      { type: 'message', message: { role: 'user', content: 'Q' } },
      { type: 'message', message: { role: 'assistant', content: [{ type: 'text', text: 'A' }] } },
    );
    expect(await read(text)).toMatchObject({
      said: [['transcript: user Q | *assistant A']],
      problems: [],
    });
  });

  it('VS Code: the state after its changes, with votes and names of references', async () => {
    const request = (id: string, text: string) => ({
      requestId: id,
      message: { text, parts: [] },
      response: [],
    });
    const text = lines(
      { kind: 0, v: { version: 3, sessionId: 's', requests: [request('1', 'Q')] } },
      { kind: 2, k: ['requests', 0, 'response'], v: [{ value: 'See ' }, { kind: 'progressTask', content: { value: 'x' } }] },
      { kind: 2, k: ['requests', 0, 'response'], v: [{ kind: 'inlineReference', inlineReference: { name: 'main' } }, { value: '.' }], i: 1 },
      { kind: 1, k: ['requests', 0, 'vote'], v: 1 },
      { kind: 2, k: ['requests'], v: [request('2', 'R')] },
      { kind: 2, k: ['requests', 1, 'response'], v: [{ value: 'Wrong' }] },
      { kind: 1, k: ['requests', 1, 'vote'], v: 0 },
      { kind: 1, k: ['requests', 1, 'modelId'], v: 'm' },
      { kind: 3, k: ['requests', 1, 'modelId'] },
      { kind: 1, k: ['nowhere', 'at', 'all'], v: 1 },
    ); // prettier-ignore
    const { said, problems, all } = await read(text);
    expect(said).toEqual([
      ['transcript: user Q | *assistant See main. | user R | *assistant Wrong'],
    ]);
    expect(all.rows[0]!.conversations[0]!.turns.map((t) => t.verdict)).toEqual([
      undefined,
      'desirable',
      undefined,
      'undesirable',
    ]);
    expect(problems).toEqual([expect.stringContaining('unread-part: this change')]);
    expect(all.problems[0]!.place.line).toBe(9);
  });

  it('a line that is cut or damaged costs itself', async () => {
    const text = `${lines({ type: 'session', harness: 'h', id: '1' }, { type: 'message', message: { role: 'user', content: 'Q' } }, { type: 'message', message: { role: 'assistant', content: 'A' } })}{"type":"message","mess`;
    const { said, all } = await read(text);
    expect(said).toEqual([['transcript: user Q | *assistant A']]);
    expect(all.problems).toMatchObject([{ code: 'truncated-line', place: { line: 3 } }]);
  });
});

describe('logs of one record each', () => {
  it.each([
    ['ChatGPT export', [{ title: 't', current_node: 'd', mapping: {
      r: { message: null, parent: null, children: ['a'] },
      a: { message: { author: { role: 'user' }, content: { content_type: 'text', parts: ['Q'] } }, parent: 'r', children: ['b', 'd'] },
      b: { message: { author: { role: 'assistant' }, content: { content_type: 'text', parts: ['Old'] } }, parent: 'a', children: [] },
      d: { message: { author: { role: 'assistant' }, content: { content_type: 'text', parts: ['A'] } }, parent: 'a', children: [] } } }]],
    ['Continue', { sessionId: 's', title: 't', history: [{ message: { role: 'user', content: 'Q' }, contextItems: [] }, { message: { role: 'assistant', content: 'A' }, contextItems: [] }] }],
    ['Cline of before', [{ role: 'user', content: [{ type: 'text', text: 'Q' }] }, { role: 'assistant', content: [{ type: 'text', text: 'A' }] }]],
    ['Cline 4', { version: 1, messages: [{ role: 'user', content: 'Q' }, { role: 'assistant', content: [{ type: 'text', text: 'A' }] }] }],
    ['Inspect', { version: 2, status: 'success', eval: { dataset: { samples: 1 } }, samples: [{ id: 1, epoch: 1, input: 'Q', target: 'A', attachments: { abcdef0123: 'Q' }, messages: [{ role: 'user', content: 'attachment://abcdef0123' }, { role: 'assistant', content: [{ type: 'text', text: 'A' }] }], output: { choices: [{ message: { role: 'assistant', content: 'A' } }] }, scores: { x: { value: 'C' } } }] }],
    ['VS Code, the state', { version: 3, sessionId: 's', requests: [{ requestId: '1', message: { text: 'Q' }, response: [{ value: 'A' }] }] }],
  ])('%s', async (_, value) => {
    const { said, problems } = await read(JSON.stringify(value, null, 1), 'x.json');
    expect(problems).toEqual([]);
    expect(said).toEqual([['transcript: user Q | *assistant A']]);
  }); // prettier-ignore

  it.each([
    ['lm-evaluation-harness', { doc_id: 0, doc: {}, target: 'A', arguments: { gen_args_0: { arg_0: 'Q', arg_1: {} } }, resps: [['A']], filtered_resps: ['A'], metrics: ['acc'] }],
    ['OpenAI evals', { run_id: 'r', event_id: 1, sample_id: 's', type: 'sampling', data: { prompt: [{ role: 'user', content: 'Q' }], sampled: ['A'] } }],
    ['LangSmith', { id: 'x', run_type: 'llm', inputs: { messages: [[{ id: ['langchain', 'schema', 'HumanMessage'], kwargs: { content: 'Q' } }]] }, outputs: { generations: [[{ text: 'A' }]] } }],
    ['LangSmith of a table', { id: 'x', run_type: 'llm', inputs: '{"messages":[{"role":"user","content":"Q"}]}', outputs: '{"choices":[{"message":{"role":"assistant","content":"A"}}]}' }],
    ['Langfuse', { id: 'x', type: 'GENERATION', input: { messages: [{ role: 'user', content: 'Q' }] }, output: { role: 'assistant', content: 'A' }, model: 'm' }],
  ])('%s', async (_, record) => {
    const { said, problems } = await read(lines(record));
    expect(problems).toEqual([]);
    expect(said.map(([c]) => c!.replace(/^[^:]*: /, ''))).toEqual(['user Q | *assistant A']);
  }); // prettier-ignore

  it('promptfoo: results in results', async () => {
    const value = { evalId: 'e', results: { version: 3, results: [{ prompt: { raw: 'Q', label: 'l' }, vars: {}, response: { output: 'A' }, success: true }, { prompt: { raw: 'R' }, vars: {}, response: { output: 'B' }, success: false }], stats: { successes: 1 } }, config: { a: [{ b: 1 }] } }; // prettier-ignore
    for (const space of [0, 2]) {
      const { said, problems } = await read(JSON.stringify(value, null, space), 'x.json');
      expect(problems).toEqual([]);
      expect(said.map(([c]) => c)).toEqual([
        'response: user Q | *assistant A',
        'response: user R | *assistant B',
      ]);
    }
  });

  it('batches of OpenAI and Anthropic: the prompt is said to be missing, failures are no rows', async () => {
    const { said, problems } = await read(
      lines(
        { id: 'b', custom_id: '1', response: { status_code: 200, body: { choices: [{ message: { role: 'assistant', content: 'A' } }] } }, error: null },
        { id: 'b', custom_id: '2', response: null, error: { code: 'x' } },
        { custom_id: '3', result: { type: 'succeeded', message: { role: 'assistant', content: [{ type: 'text', text: 'B' }] } } },
      ),
    ); // prettier-ignore
    expect(said.map(([c]) => c)).toEqual(['0: *assistant A', '0: *assistant B']);
    expect(problems.every((p) => p.startsWith('blank-prompt'))).toBe(true);
  });

  it('records of a log without an answer are passed over', async () => {
    const { said, problems } = await read(
      lines(
        { spec: { completion_fns: ['x'] } },
        { run_id: 'r', sample_id: 's', type: 'sampling', data: { prompt: 'Q', sampled: 'A' } },
        { run_id: 'r', sample_id: 's', type: 'match', data: { correct: true } },
        { final_report: { accuracy: 1 } },
      ),
    );
    expect(problems).toEqual([]);
    expect(said).toEqual([['response: user Q | *assistant A']]);
  });

  it('aider: each chat a row; quotes in code are the answer', async () => {
    const text =
      '\n# aider chat started at 2024-01-01 10:00:00\n\n> Aider v0.50\n\n#### first line  \n#### second\n\nAnswer 😀\n\n```\n> quoted\n#### no user\n```\n\n> Applied edit\n\n# aider chat started at 2024-01-02 10:00:00\n\n#### again\n\nYes\n';
    const { all, problems } = await read(text, '.aider.chat.history.md');
    expect(problems).toEqual([]);
    expect(all.rows).toHaveLength(2);
    const turns = all.rows[0]!.conversations[0]!.turns;
    expect(turns.map((t) => t.role)).toEqual(['tool', 'user', 'assistant', 'tool']);
    expect(turns[2]!.content).toBe('Answer 😀\n\n```\n> quoted\n#### no user\n```');
    const view = new TextView(Buffer.from(text));
    for (const t of turns) expect(view.sliceByColumns(t.place!)).toBe(t.content);
    expect(all.rows[1]!.conversations[0]!.turns.map((t) => t.content)).toEqual(['again', 'Yes']);
  });
});
