import { Budget, TemplateLimitError } from './jinja/budget.js';
import { JinjaTemplate } from './jinja/template.js';
import { messageOf } from '../../errors.js';

export interface Message {
  readonly role: string;
  readonly content: string;
  /** As transformers has them: `[{type: 'function', function: {name, arguments}}]`. */
  readonly tool_calls?: readonly unknown[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Llama 3's own default date. A template that asks for today's date must not change scores from one
 * day to the next: a store could never be reused and an audit never repeated.
 */
const FIXED_DATE = new Date(2024, 6, 26);

/** The text of a special token in `tokenizer_config.json`: a string, or an object with `content`. */
export function specialToken(config: Json, name: string): string | undefined {
  const value = config[name];
  if (typeof value === 'string') return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

/** The texts of the tokens that may stand before or after a conversation, each once. */
export const specialTokens = (config: Json): string[] => [
  ...new Set(
    ['bos_token', 'eos_token', 'pad_token'].flatMap((name) => specialToken(config, name) ?? []),
  ),
];

/**
 * The template in a `tokenizer_config.json`: one text, or a list of named ones of which `default` counts.
 * @throws Error naming the file when there is none
 */
export function templateOf(config: Json, where: string): string {
  const value = config['chat_template'];
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const named = value as { name?: unknown; template?: unknown }[];
    const found = named.find((t) => t?.name === 'default')?.template;
    if (typeof found === 'string') return found;
    const names = named.map((t) => (typeof t?.name === 'string' ? t.name : 'one without a name')).join(', ') || 'nothing'; // prettier-ignore
    throw new Error(`${where}: "chat_template" lists ${names}; expected one named "default"`);
  }
  throw new Error(
    `${where}: no chat template; expected "chat_template" in it, or a file chat_template.jinja beside it`,
  );
}

/** A model's chat template (Jinja, as in transformers' `apply_chat_template`). */
export class ChatTemplate {
  readonly #template: JinjaTemplate;
  readonly #globals: Record<string, unknown>;

  /** @throws Error naming the file when the template is not valid Jinja */
  constructor(
    source: string,
    config: Json,
    private readonly where: string,
  ) {
    try {
      this.#template = new JinjaTemplate(source);
    } catch (error) {
      throw new Error(`${where}: the chat template cannot be read as Jinja: ${messageOf(error)}`);
    }
    this.#globals = {
      add_generation_prompt: false,
      tools: null,
      documents: null,
    };
    for (const name of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
      this.#globals[name] = specialToken(config, name) ?? '';
    }
  }

  /**
   * The conversation's text, without the opening of a further assistant turn.
   * Where the template rejects an order of roles, the usual repairs are tried: a system message goes to the
   * beginning of the user turn after it, consecutive turns of one role become one.
   * @throws Error with the template's own reason
   */
  render(messages: readonly Message[]): string {
    try {
      return this.#render(messages);
    } catch (error) {
      if (error instanceof TemplateLimitError) {
        throw new TemplateLimitError(
          `${this.where}: the chat template has no end: ${error.message}`,
        );
      }
      const folded = foldSystem(messages);
      for (const repaired of [folded, mergeTurns(messages), mergeTurns(folded)]) {
        if (repaired.length === messages.length) continue;
        try {
          return this.#render(repaired);
        } catch {
          // The first reason is about what the user wrote; it is the one to show.
        }
      }
      const roles = messages.map((m) => m.role);
      const shown = roles.length > 6 ? [...roles.slice(0, 5), '…'] : roles;
      throw new Error(
        `the chat template rejects this conversation (${shown.join(', ')}): ${messageOf(error)}`,
      );
    }
  }

  #render(messages: readonly Message[]): string {
    const characters = messages.reduce((sum, m) => sum + m.content.length, 0);
    return this.#template.render(
      { ...this.#globals, messages },
      new Budget(messages.length, characters),
      (format) => strftime(FIXED_DATE, format),
    );
  }
}

/** System text goes before the next user turn's text, or becomes a user turn where none follows. */
function foldSystem(messages: readonly Message[]): Message[] {
  const out: Message[] = [];
  let pending: string[] = [];
  for (const message of messages) {
    const { role, content } = message;
    if (role === 'system') {
      pending.push(content);
      continue;
    }
    if (pending.length > 0 && role !== 'user') {
      out.push({ role: 'user', content: pending.join('\n\n') }, message);
    } else {
      out.push({ ...message, content: [...pending, content].join('\n\n') });
    }
    pending = [];
  }
  return out;
}

function mergeTurns(messages: readonly Message[]): Message[] {
  const out: Message[] = [];
  for (const message of messages) {
    const last = out.at(-1);
    if (last?.role !== message.role) out.push(message);
    else {
      const calls = [...(last.tool_calls ?? []), ...(message.tool_calls ?? [])];
      const texts = [last.content, message.content];
      out[out.length - 1] = {
        ...last,
        // A turn that only calls tools has no text to part from the next.
        content: (calls.length > 0 ? texts.filter((t) => t !== '') : texts).join('\n\n'),
        ...(calls.length > 0 && { tool_calls: calls }),
      };
    }
  }
  return out;
}

const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** The directives of C's strftime that chat templates use, in the C locale. */
function strftime(date: Date, format: string): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const values: Readonly<Record<string, string>> = {
    Y: String(date.getFullYear()),
    y: two(date.getFullYear() % 100),
    m: two(date.getMonth() + 1),
    d: two(date.getDate()),
    B: MONTHS[date.getMonth()]!,
    b: MONTHS[date.getMonth()]!.slice(0, 3),
    A: DAYS[date.getDay()]!,
    a: DAYS[date.getDay()]!.slice(0, 3),
    H: two(date.getHours()),
    M: two(date.getMinutes()),
    S: two(date.getSeconds()),
    '%': '%',
  };
  return format.replace(/%([A-Za-z%])/g, (all, key: string) => values[key] ?? all);
}
