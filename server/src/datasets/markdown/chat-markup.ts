// Conversations that somebody's chat template has written already: `<|im_start|>user\nHi<|im_end|>`.
import {
  looksLikeHH,
  hasHuman,
  normalizeRole,
  splitHH,
  trimRange,
  type TextTurn,
} from './transcript.js';

/** How a family of chat templates writes a turn. */
interface Markup {
  /** What opens a turn (sticky); its group is the role. */
  readonly open: RegExp;
  /** What closes it (global); a turn may also end where the next one opens, or with the text. */
  readonly close: RegExp;
  /** Is white space around the content the template's own? */
  readonly trims?: true;
}

const MARKUPS: readonly Markup[] = [
  // ChatML: Qwen, SmolLM, Yi, Hermes.
  { open: /<\|im_start\|>([\w-]{1,20})\n/y, close: /<\|im_end\|>/g },
  // Llama 3.
  {
    open: /<\|start_header_id\|>([\w-]{1,20})<\|end_header_id\|>\n\n/y,
    close: /<\|(?:eot_id|eom_id|end_of_text)\|>/g,
  },
  // Llama 4.
  { open: /<\|header_start\|>([\w-]{1,20})<\|header_end\|>\n\n/y, close: /<\|(?:eot|eom)\|>/g },
  // Gemma.
  { open: /<start_of_turn>(user|model|system)\n/y, close: /<end_of_turn>/g },
  // Zephyr, Phi 3, Tulu.
  {
    open: /<\|(system|user|assistant)\|>\n/y,
    close: /<\/s>|<\|end\|>|<\|endoftext\|>|<\|eot_id\|>/g,
    trims: true,
  },
];

/** Marks of these templates: of a turn's beginning, of its end, and of a text's beginning and end, which belong to no turn. */
const OPENS = [
  ...['<|im_start|>', '<|start_header_id|>', '<|end_header_id|>', '<|header_start|>'],
  ...['<|header_end|>', '<start_of_turn>', '<|system|>', '<|user|>', '<|assistant|>'],
  ...['[INST]', '[/INST]', '<<SYS>>', '<</SYS>>'],
];
const CLOSES = [
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|eot|>',
  '<|eom|>',
  '<|end|>',
  '<end_of_turn>',
];
const AROUND = [
  '<s>',
  '</s>',
  '<bos>',
  '<eos>',
  '<|begin_of_text|>',
  '<|end_of_text|>',
  '<|endoftext|>',
];
const ENDS = [...CLOSES, ...AROUND];

const anyOf = (marks: readonly string[]): string =>
  marks.map((mark) => mark.replace(/[|[\]/]/g, '\\$&')).join('|');
const BLANKS = new RegExp(`(?:\\s|${anyOf(AROUND)})+`, 'y');
/** What no text holds by chance: `<s>` is HTML as well. */
const MARK = new RegExp(anyOf([...OPENS, ...ENDS].filter((mark) => !/^<\/?[a-z]+>$/.test(mark))));
const RARE = ['<|', '_of_turn>', 'INST]'];

function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function turnsIn(text: string, { open, close, trims }: Markup): TextTurn[] | undefined {
  const turns: TextTurn[] = [];
  let at = after(BLANKS, text, 0);
  // Looked for once for each that is passed: a text of turns without ends is read once.
  close.lastIndex = at;
  let closed = close.exec(text);
  while (at < text.length) {
    open.lastIndex = at;
    const role = open.exec(text)?.[1];
    if (role === undefined) return undefined;
    const from = open.lastIndex;
    if (closed !== null && closed.index < from) {
      close.lastIndex = from;
      closed = close.exec(text);
    }
    const end = closed?.index ?? text.length;
    const next = nextOpen(text, open, from, end);
    const to = next ?? end;
    const bare = next !== undefined || closed === null;
    const range = trims === true || bare ? trimRange(text, from, to) : { from, to };
    turns.push({ role: normalizeRole(role), ...range });
    at = after(BLANKS, text, next ?? end + (closed?.[0].length ?? 0));
  }
  return turns.length === 0 ? undefined : turns;
}

/** Where a turn opens at a line's start in [from, to): one that nothing closed. */
function nextOpen(text: string, open: RegExp, from: number, to: number): number | undefined {
  for (let at = text.indexOf('\n<', from); at >= 0 && at < to; at = text.indexOf('\n<', at + 1)) {
    open.lastIndex = at + 1;
    if (open.test(text)) return at + 1;
  }
  return undefined;
}

/** `<s>[INST] <<SYS>>\nsystem\n<</SYS>>\n\nuser [/INST] assistant</s>`: Llama 2 and Mistral. */
function instTurns(text: string): TextTurn[] | undefined {
  const turns: TextTurn[] = [];
  const add = (role: string, from: number, to: number): void => {
    turns.push({ role, ...trimRange(text, from, to) });
  };
  let at = after(BLANKS, text, 0);
  while (at < text.length) {
    if (!text.startsWith('[INST]', at)) return undefined;
    let from = at + '[INST]'.length;
    const to = text.indexOf('[/INST]', from);
    if (to < 0) return undefined;
    const system = /\s*<<SYS>>/y;
    const inner = after(system, text, from);
    if (inner > from) {
      const end = text.indexOf('<</SYS>>', inner);
      if (end < 0 || end > to) return undefined;
      add('system', inner, end);
      from = end + '<</SYS>>'.length;
    }
    add('user', from, to);
    const said = to + '[/INST]'.length;
    const next = text.indexOf('[INST]', said);
    const until = next < 0 ? text.length : next;
    // Nothing at all is an answer that is only opened; one that is closed may be empty.
    if (trimRange(text, said, until).to > said)
      add('assistant', said, beforeMarks(text, said, until));
    at = after(BLANKS, text, until);
  }
  return turns.length === 0 ? undefined : turns;
}

/**
 * The turns of a text that is, from its first character to its last, a conversation in the markup of a
 * chat template; undefined when it is not. An answer that is only opened has an empty turn (Mistral's: none).
 */
export function markupTurns(text: string): TextTurn[] | undefined {
  const first = after(BLANKS, text, 0);
  if (text[first] === '[') return instTurns(text);
  if (text[first] !== '<') return undefined;
  for (const markup of MARKUPS) {
    markup.open.lastIndex = first;
    if (markup.open.test(text)) return turnsIn(text, markup);
  }
  return undefined;
}

/** Where [from, to) ends without the marks that close an answer, and white space around them. */
export function beforeMarks(text: string, from: number, to: number): number {
  let end = to;
  for (;;) {
    const { to: bare } = trimRange(text, from, end);
    const mark = ENDS.find((close) => text.endsWith(close, bare) && bare - close.length >= from);
    if (mark === undefined) return end === to ? to : bare;
    end = bare - mark.length;
  }
}

/** The first mark of a chat template in a text, or `</s>` at its end. */
export function markIn(text: string): string | undefined {
  if (RARE.some((part) => text.includes(part))) {
    const found = MARK.exec(text)?.[0];
    if (found !== undefined) return found;
  }
  return text.endsWith('</s>') ? '</s>' : undefined;
}

/** Is the text a transcript: Human and Assistant as in hh-rlhf, or a chat template's markup? */
export const isTranscript = (text: string): boolean =>
  looksLikeHH(text) || markupTurns(text) !== undefined;

/** Does the text hold a turn of the user's as a transcript writes it? */
export const asksInTranscript = (text: string): boolean =>
  hasHuman(text) || (markupTurns(text)?.some(({ role }) => role === 'user') ?? false);

/** The turns of a transcript. */
export const splitTranscript = (text: string): TextTurn[] => markupTurns(text) ?? splitHH(text);
