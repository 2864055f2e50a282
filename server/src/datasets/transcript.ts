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
  ['claude', 'assistant'],
  ['gemini', 'assistant'],
  ['copilot', 'assistant'],
  ['github copilot', 'assistant'],
  ['chosen', 'assistant'],
  ['system', 'system'],
  ['developer', 'system'],
  ['tool', 'tool'],
  ['function', 'tool'],
  ['observation', 'tool'],
  ['function_call', 'assistant'],
]);

/** The chat template's name of a role; undefined when it is none that is known. */
export const roleName = (role: string): string | undefined => NAMES.get(role.trim().toLowerCase());

/** As `roleName`; an unknown one is kept in lower case. */
export const normalizeRole = (role: string): string => roleName(role) ?? role.trim().toLowerCase();

/** Narrows [from, to) to what is left without white space at both ends. */
export function trimRange(text: string, from: number, to: number): { from: number; to: number } {
  const part = text.slice(from, to);
  const start = from + (part.length - part.trimStart().length);
  return { from: start, to: Math.max(start, from + part.trimEnd().length) };
}

/** Does the text hold Human/Assistant turns in the layout of hh-rlhf? */
export function looksLikeHH(text: string): boolean {
  return /(?:^|\n\n)(?:Human|Assistant):/.test(text);
}

/**
 * The turns of an hh-rlhf transcript: each begins with `\n\nHuman:` or `\n\nAssistant:` (the blank
 * line may be absent at the very start). Text before the first is a system turn.
 * Source: the data format of github.com/anthropics/hh-rlhf.
 */
export function splitHH(text: string): TextTurn[] {
  const marker = /(?:^|\n\n)(Human|Assistant):/g;
  const turns: TextTurn[] = [];
  let role = 'system';
  let from = 0;
  const close = (to: number, first: boolean): void => {
    const range = trimRange(text, from, to);
    if (!first || range.to > range.from) turns.push({ role, ...range });
  };
  let first = true;
  for (let m = marker.exec(text); m !== null; m = marker.exec(text)) {
    close(m.index, first);
    first = false;
    role = normalizeRole(m[1]!);
    from = m.index + m[0].length;
  }
  if (!first || text.trim() !== '') close(text.length, first);
  return turns;
}
