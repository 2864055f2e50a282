/** One turn of a plain text: decoded offsets [from, to) of its content, without the white space around it. */
export interface TextTurn {
  readonly role: string;
  readonly from: number;
  readonly to: number;
}

/** A map: a word of the data must not meet the names of an object's own properties. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['user', 'user'],
  ['prompter', 'user'],
  ['you', 'user'],
  ['me', 'user'],
  ['gpt', 'assistant'],
  ['chatgpt', 'assistant'],
  ['assistant', 'assistant'],
  ['ai assistant', 'assistant'],
  ['model', 'assistant'],
  ['bot', 'assistant'],
  ['ai', 'assistant'],
  ['chatbot', 'assistant'],
  ['bing', 'assistant'],
  ['bard', 'assistant'],
  ['claude', 'assistant'],
  ['gemini', 'assistant'],
  ['copilot', 'assistant'],
  ['github copilot', 'assistant'],
  ['chosen', 'assistant'],
  ['system', 'system'],
  ['developer', 'system'],
  ['tool', 'tool'],
  ['function', 'tool'],
  ['ipython', 'tool'],
  ['tool_response', 'tool'],
  ['function_response', 'tool'],
  ['observation', 'tool'],
  ['function_call', 'assistant'],
]);

/** The chat template's name of a role; undefined when it is none that is known. */
export const roleName = (role: string): string | undefined =>
  NAMES.get(role) ?? NAMES.get(role.trim().toLowerCase());

/** As `roleName`; an unknown one is kept in lower case. */
export const normalizeRole = (role: string): string => roleName(role) ?? role.trim().toLowerCase();

const isSpaceAt = (text: string, i: number): boolean => {
  const c = text.charCodeAt(i);
  return c < 0x80 ? c === 0x20 || (c >= 9 && c <= 13) : /\s/.test(text[i]!);
};

/** The first character that is no white space, if it is one of the first 200; else ''. */
export function firstChar(text: string): string {
  const to = Math.min(200, text.length);
  let i = 0;
  while (i < to && isSpaceAt(text, i)) i++;
  return i < to ? text[i]! : '';
}

/** Narrows [from, to) to what is left without white space at both ends. */
export function trimRange(text: string, from: number, to: number): { from: number; to: number } {
  let end = Math.min(to, text.length);
  let start = from;
  while (start < end && isSpaceAt(text, start)) start++;
  while (end > start && isSpaceAt(text, end - 1)) end--;
  return { from: start, to: end };
}

const opens = (text: string, label: string): boolean =>
  text.startsWith(label) || text.includes(`\n\n${label}`);

/** Does the text hold a human's turn in the layout of hh-rlhf? */
export const hasHuman = (text: string): boolean => opens(text, 'Human:');

/** Does the text hold Human/Assistant turns in the layout of hh-rlhf? */
export const looksLikeHH = (text: string): boolean => hasHuman(text) || opens(text, 'Assistant:');

const LABELS = [
  ['Human:', 'user'],
  ['Assistant:', 'assistant'],
] as const;

/**
 * The turns of an hh-rlhf transcript: each begins with `\n\nHuman:` or `\n\nAssistant:` (the blank
 * line may be absent at the very start). Text before the first is a system turn.
 * Source: the data format of github.com/anthropics/hh-rlhf.
 */
export function splitHH(text: string): TextTurn[] {
  const turns: TextTurn[] = [];
  let role = 'system';
  let from = 0;
  const close = (to: number, first: boolean): void => {
    const range = trimRange(text, from, to);
    if (!first || range.to > range.from) turns.push({ role, ...range });
  };
  let first = true;
  // The text may begin with a label; every other one stands after a blank line.
  for (let gap = 0, at = 0; gap >= 0; at = gap + 2) {
    const label = LABELS.find(([name]) => text.startsWith(name, at));
    if (label !== undefined) {
      close(gap, first);
      first = false;
      role = label[1];
      from = at + label[0].length;
    }
    gap = text.indexOf('\n\n', label !== undefined ? from : at === 0 ? 0 : gap + 1);
  }
  if (!first || text.trim() !== '') close(text.length, first);
  return turns;
}
