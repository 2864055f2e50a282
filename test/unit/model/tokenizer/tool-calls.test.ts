import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whyUnscored } from '../../../../server/src/session/unscored.js';
import {
  ChatTemplate,
  type Message,
} from '../../../../server/src/model/tokenizer/chat-template.js';
import { ChatTokenizer } from '../../../../server/src/model/tokenizer/chat-tokenizer.js';

const SMOL = resolve(import.meta.dirname, '../../../../models/default');
const json = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(SMOL, name), 'utf8')) as Record<string, unknown>;

/** As Qwen 2.5's template writes calls. */
const RENDERS = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}{% for tool_call in message.tool_calls or [] %}{% if tool_call.function is defined %}{% set tool_call = tool_call.function %}{% endif %}
<tool_call>
{"name": "{{ tool_call.name }}", "arguments": {{ tool_call.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}`;
const MARKS = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}{% if message.tool_calls %}<call>{% endif %}<|im_end|>
{% endfor %}`;
const PLAIN = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}`;

const tokenizer = (template: string): ChatTokenizer =>
  ChatTokenizer.create(
    json('tokenizer.json'),
    { ...json('tokenizer_config.json'), chat_template: template },
    'test',
  );
const calling = (args: unknown, content = ''): Message => ({
  role: 'assistant',
  content,
  tool_calls: [{ type: 'function', function: { name: 'get_weather', arguments: args } }],
});
const asked: Message = { role: 'user', content: 'Weather?' };

describe('tool calls and the chat template', () => {
  it('render as in transformers: an object as JSON, a string as a JSON string', () => {
    const template = new ChatTemplate(RENDERS, {}, 'test');
    expect(template.render([asked, calling({ city: 'Rome' })])).toContain(
      '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>',
    );
    expect(template.render([asked, calling('{"city": "Rome"}')])).toContain(
      '"arguments": "{\\"city\\": \\"Rome\\"}"',
    );
  });

  it('give different tokens for different calls', () => {
    const paths = ['Rome', 'Oslo'].map((city) =>
      tokenizer(RENDERS).paths([asked, calling({ city })], [1], 1000),
    );
    expect(paths[0]![0]).not.toHaveProperty('error');
    expect(paths[0]).not.toEqual(paths[1]);
  });

  it.each([
    ['not at all', PLAIN],
    ['as a mark that says nothing of them', MARKS],
  ])('that the template renders %s leave the response unscored', (_name, template) => {
    const answer: Message = { role: 'assistant', content: '30 degrees.' };
    const messages = [
      asked,
      { role: 'assistant', content: 'Let me see.' },
      asked,
      calling({ city: 'Rome' }),
      { role: 'tool', content: '30' },
      answer,
      asked,
      calling({ city: 'Oslo' }, 'I look.'),
    ];
    const [first, call, after, last] = tokenizer(template).paths(messages, [1, 3, 5, 7], 1000);
    expect(first).not.toHaveProperty('error');
    for (const path of [call, after, last])
      expect(path).toEqual({
        error: expect.stringMatching(/^turn 4 calls tools, which/) as string,
      });
  });

  it('survive the repair of a template that wants alternate roles', () => {
    const strict = `{% for message in messages %}{% if loop.index0 > 0 and messages[loop.index0 - 1].role == message.role %}{{ raise_exception('alternate') }}{% endif %}{% endfor %}${RENDERS}`;
    const template = new ChatTemplate(strict, {}, 'test');
    const text = template.render([asked, calling({ a: 1 }), calling({ b: 2 })]);
    expect(text).toContain('{"a": 1}');
    expect(text).toContain('{"b": 2}');
    expect(text).not.toContain('\n\n');
  });
});

describe('responses that no model scores', () => {
  const said = (content: string) => ({ role: 'assistant', content });
  it.each([
    '',
    ' ',
    '\n\t',
    '\u00a0',
    '\u200b\u200d\ufeff',
    '\u2060',
    '\u0000',
    '\u3164',
    '\u2800',
  ])('%j', (content) => {
    expect(whyUnscored(said(content))).toMatch(/^the response (is empty|holds no visible text)/);
  });
  it.each(['.', '\u200bx', '0', '👍', '\u0301'])('but %j may be scored', (content) => {
    expect(whyUnscored(said(content))).toBeUndefined();
  });
  it('but calls of tools may be', () => {
    expect(whyUnscored({ ...said(''), tool_calls: [{}] })).toBeUndefined();
  });
});
