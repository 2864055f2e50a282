import type { ChatTemplate, Message } from './chat-template.js';
import { isFields } from '../../fields.js';

/**
 * Says which tool calls of one conversation the chat template leaves out: two answers that differ in
 * their calls would be the same text to the model, and get the same score.
 */
export class RenderedCalls {
  readonly #known = new Map<number, boolean>();

  constructor(private readonly template: ChatTemplate) {}

  /** @throws Error naming the first turn up to `target` whose calls are not in the template's text */
  check(messages: readonly Message[], target: number): void {
    for (let turn = 0; turn <= target; turn++) {
      if (messages[turn]!.tool_calls === undefined) continue;
      let rendered = this.#known.get(turn);
      if (rendered === undefined) {
        rendered = this.#rendered(messages.slice(0, turn + 1));
        this.#known.set(turn, rendered);
      }
      if (!rendered) {
        throw new Error(
          `turn ${turn + 1} calls tools, which the model's chat template does not render: the score would leave the call out`,
        );
      }
    }
  }

  #rendered(messages: readonly Message[]): boolean {
    const { tool_calls: calls = [], ...last } = messages.at(-1)!;
    const before = messages.slice(0, -1);
    const text = this.#render([...before, { ...last, tool_calls: calls }]);
    if (text === undefined) return true; // the template has its own reason, which is the one to show
    // Without the calls; and with other arguments, since a mark in their place is not the call.
    return (
      text !== this.#render([...before, last]) &&
      text !== this.#render([...before, { ...last, tool_calls: calls.map(otherArguments) }])
    );
  }

  /** A template may reject the altered turn: then it has looked at what was altered. */
  #render(messages: readonly Message[]): string | undefined {
    try {
      return this.template.render(messages);
    } catch {
      return undefined;
    }
  }
}

function otherArguments(call: unknown): unknown {
  if (!isFields(call)) return call;
  const inner = call['function'];
  if (isFields(inner)) return { ...call, function: otherArguments(inner) };
  const given = call['arguments'];
  const name = `${String(call['name'])}_`;
  if (typeof given === 'string') return { ...call, name, arguments: `${given} ` };
  return { ...call, name, arguments: { ...(isFields(given) ? given : {}), qrm_lens: 1 } };
}
