import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../../../server/src/model/tokenizer/jinja/budget.js';
import { JinjaTemplate } from '../../../../server/src/model/tokenizer/jinja/template.js';

interface Case {
  readonly template: string;
  readonly variables?: Record<string, unknown>;
  readonly name?: string;
  readonly out?: string;
  /** jinja2's reason; absent: it rendered. */
  readonly error?: string;
}
/** By jinja2 and transformers: see make_reference.py beside it. */
const REFERENCE = JSON.parse(
  readFileSync(new URL('../../../fixtures/jinja/reference.json', import.meta.url), 'utf8'),
) as { expressions: Case[]; blocks: Case[]; chats: Case[]; messages: unknown[] };
const COMMON = {
  messages: REFERENCE.messages,
  tools: null,
  documents: null,
  bos_token: '<s>',
  add_generation_prompt: false,
};

function render(
  template: string,
  variables: Record<string, unknown>,
): { out?: string; error?: string } {
  try {
    const budget = new Budget(3, 1000);
    return { out: new JinjaTemplate(template).render(variables, budget, () => '') };
  } catch (error) {
    return { error: String(error) };
  }
}

describe('templates against jinja2', () => {
  it.each([...new Set(REFERENCE.expressions.map((c) => c.template))])('%s', (template) => {
    for (const { variables, out } of REFERENCE.expressions.filter((c) => c.template === template)) {
      const found = render(template, variables!);
      expect({
        variables,
        out: found.out,
        why: out === undefined ? undefined : found.error,
      }).toEqual({ variables, out, why: undefined });
    }
  });

  it.each(REFERENCE.blocks)('$template', ({ template, out, error }) => {
    const found = render(template, COMMON);
    expect(found.out, `${found.error} / ${error}`).toEqual(out);
  });

  it.each(REFERENCE.chats.map((c, i) => [`${c.name} ${i}`, c] as const))(
    'chat template of %s',
    (_, c) => {
      const found = render(c.template, c.variables!);
      expect(found.out, `${found.error} / ${c.error}`).toEqual(c.out);
    },
  );
});
