import { describe, expect, it } from 'vitest';
import { ChatTemplate } from '../../../../server/src/model/tokenizer/chat-template.js';

const HI = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
];
const LOOP = '{% for a in range(1000) %}';
const END = '{% endfor %}';

describe('a template without end', () => {
  it.each([
    ['a long range', '{% for i in range(1000000000) %}x{% endfor %}'],
    ['loops in loops', `${LOOP}${LOOP}${LOOP}${LOOP}${END}${END}${END}${END}`],
    ['a join of many', "{{ range(50000000) | join('aaaaaaaaaaaaaaaa') }}"],
    ['a long text', '{% for i in range(90000) %}{{ "x" * 100000 }}{% endfor %}'],
    [
      'a text that doubles',
      '{% set n = namespace(s="ab") %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}',
    ],
    [
      'a text that doubles by replace',
      '{% set n = namespace(s="ab") %}{% for i in range(60) %}{% set n.s = n.s|replace("a", n.s) %}{% endfor %}',
    ],
    [
      'a list that doubles',
      '{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}',
    ],
    [
      'a list within itself',
      '{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s|tojson }}',
    ],
    [
      'lists compared',
      '{% set n = namespace(s=[1], t=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.s == n.t }}',
    ],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
    [
      'macros that call twice',
      '{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(200) }}',
    ],
    ['a wide field', '{{ "x".rjust(1000000000) }}'],
    ['a wide indent', '{{ "x\ny"|indent(1000000000) }}'],
    ['a repeated list', '{{ [0] * 1000000000 }}'],
    ['sorts without end', '{% for i in range(100000) %}{{ range(100000)|sort }}{% endfor %}'],
    [
      'long texts searched',
      '{% set s = "a" * 1000000 %}{% for i in range(100000) %}{{ s.find("b") }}{{ s|trim }}{% endfor %}',
    ],
  ])('%s: is stopped, and the file is named', (_, source) => {
    const template = new ChatTemplate(source, {}, '/models/x/tokenizer_config.json');
    expect(() => template.render(HI)).toThrow(/^\/models\/x\/tokenizer_config\.json: .*no end/);
  });

  it('leaves long conversations alone', () => {
    const source =
      '{% for m in messages %}<|{{ m.role }}|>\n{{ m.content | trim }}<|end|>\n{% endfor %}';
    const template = new ChatTemplate(source, {}, 'x');
    const many = Array.from({ length: 5000 }, () => HI).flat();
    expect(template.render(many)).toHaveLength(
      5000 * '<|user|>\nHi<|end|>\n<|assistant|>\nHello<|end|>\n'.length,
    );
    const long = [HI[0]!, { role: 'assistant', content: 'word '.repeat(2_000_000) }];
    expect(template.render(long).length).toBeGreaterThan(9_999_999);
  });

  it('work on a text grows with its length alone', () => {
    // A final sigma depends on what stands around it: hours, where each is looked up anew.
    const template = new ChatTemplate('{{ messages[1].content.title() }}', {}, 'x');
    const said = [HI[0]!, { role: 'assistant', content: `${'Σ'.repeat(200_000)} İΣ` }];
    expect(template.render(said)).toBe(`Σ${'σ'.repeat(199_998)}ς İς`);
  });

  it.each(['{{'.repeat(100_000), `{{ ${'('.repeat(100_000)} }}`, 'x'.repeat(2_000_000)])(
    'is refused when it cannot be read (%#)',
    (source) => {
      expect(() => new ChatTemplate(source, {}, '/x/chat_template.jinja')).toThrow(
        /^\/x\/chat_template\.jinja: /,
      );
    },
  );
});
