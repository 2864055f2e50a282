import type { ChatTemplate, Message } from './chat-template.js';

const SYSTEM = 'Qrmsystemword';
const USERS = ['Qrmuserword', 'Qrmotheruserword'] as const;
const ASSISTANTS = ['Qrmassistantword', 'Qrmotherassistantword'] as const;
/** A date as templates write it (`26 Jul 2024`): whoever made the text wrote that of another day. */
const DATE = /\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{4}/g;

/** What a template puts between the contents of a conversation. */
interface Marks {
  /** Before the first user turn of a conversation without a system message. */
  readonly start: RegExp;
  readonly system?: { readonly start: RegExp; readonly user: RegExp };
  /** From a user's content to the assistant's, and on to the next user's. */
  readonly assistant: RegExp;
  readonly user: RegExp;
  /** After the last content, as a text. */
  readonly end: string;
}

/** Texts that a chat template made, back as messages; the template is known by what it makes of probes. */
export class TemplateReader {
  /** Undefined for a template that is not a row of turns with marks between. */
  readonly #marks: Marks | undefined;
  readonly #specials: readonly string[];

  /** @param specials texts that may stand before and after a conversation: BOS, EOS and padding tokens */
  constructor(
    private readonly template: ChatTemplate,
    specials: readonly string[],
  ) {
    const opening = openingOf(template) ?? '';
    // ChatML models name the mark that opens every turn as BOS: that one belongs to the turn. What the
    // opening begins with closes the turn before, and may well stand at the end.
    this.#specials = specials.filter((s) => s !== '' && !opening.trimStart().slice(1).includes(s));
    this.#marks = marksOf(template, this.#specials);
  }

  get usable(): boolean {
    return this.#marks !== undefined;
  }

  /**
   * The messages of which the template makes `text`, give or take white space, the specials at both ends and
   * the mark that closes the last turn (a response that was cut short has none).
   * @returns undefined where there are none, or none that end with the assistant
   */
  read(text: string): Message[] | undefined {
    const marks = this.#marks;
    if (marks === undefined) return undefined;
    const whole = this.#without(text);
    const messages = turns(whole, marks, this.#specials);
    if (messages === undefined) return undefined;
    let made: string;
    try {
      made = this.template.render(messages);
    } catch {
      return undefined;
    }
    // What was taken for marks and what for contents must give the same text again.
    const body = cutEnd(whole, marks.end, this.#specials);
    return squashed(this.#without(made)) === squashed(body + marks.end) ? messages : undefined;
  }

  /** The text with its last turn closed as the template does it, where that is the assistant's. */
  closed(text: string): string {
    const marks = this.#marks;
    if (marks === undefined) return text;
    let last = -1;
    for (const { index } of text.matchAll(marks.assistant)) last = index;
    if (last < 0 || matchAt(marks.user, text, last) !== undefined) return text;
    return cutEnd(text, marks.end, this.#specials) + marks.end;
  }

  #without(text: string): string {
    return withoutLeading(text, this.#specials);
  }
}

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });
const [u1, u2] = USERS;
const [a1, a2] = ASSISTANTS;

const openingOf = (template: ChatTemplate): string | undefined =>
  pieces(template, [], [user(u1), assistant(a1)])?.[1];

function marksOf(template: ChatTemplate, specials: readonly string[]): Marks | undefined {
  const plain = pieces(template, specials, [user(u1), assistant(a1), user(u2), assistant(a2)]);
  if (plain === undefined) return undefined;
  const [start = '', first = '', next = '', second = '', end = ''] = plain;
  // A template may open the last turn by more (an empty thought): that is read as content.
  const opening = common(first, second);
  if (opening.trim() === '' || next.trim() === '') return undefined;
  const system = pieces(template, specials, [
    { role: 'system', content: SYSTEM },
    user(u1),
    assistant(a1),
  ]);
  const [before = '', after = ''] = system ?? [];
  return {
    start: mark(start, '^'),
    ...(after.trim() !== '' && { system: { start: mark(before, '^'), user: mark(after) } }),
    assistant: mark(opening),
    user: mark(next),
    end,
  };
}

/** The texts before, between and after the contents, which must be there once each and in order. */
function pieces(
  template: ChatTemplate,
  specials: readonly string[],
  messages: readonly Message[],
): string[] | undefined {
  let text: string;
  try {
    text = template.render(messages);
  } catch {
    return undefined;
  }
  const out: string[] = [];
  let at = 0;
  for (const { content } of messages) {
    const found = text.indexOf(content, at);
    if (found < 0) return undefined;
    out.push(text.slice(at, found));
    at = found + content.length;
  }
  out.push(text.slice(at));
  out[0] = withoutLeading(out[0] ?? '', specials);
  return out;
}

/** The mark as it stands, but for dates, and for white space at its edges where a decoder changed that. */
function mark(text: string, anchor = ''): RegExp {
  const escaped = (t: string) =>
    t
      .split(DATE)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join(DATE.source);
  return new RegExp(`${anchor}(?:${escaped(text)}|\\s*${escaped(text.trim())})`, 'g');
}

function turns(text: string, marks: Marks, specials: readonly string[]): Message[] | undefined {
  const plain = matchAt(marks.start, text, 0);
  const withSystem = marks.system && matchAt(marks.system.start, text, 0);
  const messages: Message[] = [];
  let at: number;
  if (plain !== undefined && plain.to >= (withSystem?.to ?? 0)) at = plain.to;
  else if (withSystem !== undefined && marks.system) {
    const next = matchAt(marks.system.user, text, withSystem.to);
    if (next === undefined) return undefined;
    messages.push({ role: 'system', content: text.slice(withSystem.to, next.from) });
    at = next.to;
  } else return undefined;
  for (;;) {
    const opened = matchAt(marks.assistant, text, at);
    if (opened === undefined) return undefined;
    messages.push({ role: 'user', content: text.slice(at, opened.from) });
    const next = matchAt(marks.user, text, opened.to);
    if (next === undefined) {
      const content = cutEnd(text.slice(opened.to), marks.end, specials);
      return [...messages, { role: 'assistant', content }];
    }
    messages.push({ role: 'assistant', content: text.slice(opened.to, next.from) });
    at = next.to;
  }
}

function matchAt(
  mark: RegExp,
  text: string,
  from: number,
): { from: number; to: number } | undefined {
  mark.lastIndex = from;
  const found = mark.exec(text);
  return found === null ? undefined : { from: found.index, to: found.index + found[0].length };
}

function withoutLeading(text: string, specials: readonly string[]): string {
  let at = 0;
  for (;;) {
    const special = specials.find((s) => text.startsWith(s, at));
    if (special === undefined) return at === 0 ? text : text.slice(at);
    at += special.length;
  }
}

/** Without what closes the last turn, and specials after that. */
function cutEnd(text: string, end: string, specials: readonly string[]): string {
  const close = end.trimEnd();
  let out = text;
  for (let last = ''; last !== out;) {
    last = out;
    const bare = out.trimEnd();
    const tail = [close, ...specials].find((s) => s !== '' && bare.endsWith(s));
    if (tail === undefined) break;
    out = bare.slice(0, -tail.length);
  }
  return out;
}

function common(a: string, b: string): string {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return a.slice(0, n);
}

const squashed = (text: string): string => text.replace(DATE, '').replace(/\s+/g, '');
