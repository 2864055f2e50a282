/** One turn of a plain text: decoded offsets [from, to) of its content, without the white space around it. */
export interface TextTurn {
  readonly role: string;
  readonly from: number;
  readonly to: number;
}

const NAMES: Readonly<Record<string, string>> = {
  human: 'user',
  user: 'user',
  prompter: 'user',
  you: 'user',
  me: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  assistant: 'assistant',
  'ai assistant': 'assistant',
  model: 'assistant',
  bot: 'assistant',
  ai: 'assistant',
  claude: 'assistant',
  gemini: 'assistant',
  copilot: 'assistant',
  'github copilot': 'assistant',
  chosen: 'assistant',
  system: 'system',
  developer: 'system',
  tool: 'tool',
  function: 'tool',
  observation: 'tool',
  function_call: 'tool',
};

/** The chat template's name of a role; an unknown one is kept in lower case. */
export function normalizeRole(role: string): string {
  const name = role.trim().toLowerCase();
  return NAMES[name] ?? name;
}

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

const ROLE =
  '(user|human|you|me|prompter|assistant|ai assistant|ai|bot|gpt|chatgpt|claude|gemini|github copilot|copilot|model|system)';
const STYLES = [
  // ## Assistant, ### **User:**, ## 🧑 User (10:31)
  new RegExp(
    `^#{1,6}[ \\t]+[^\\w\\n#]*${ROLE}[*_]*:?[*_]*(?:[ \\t]*\\([^()\\n]*\\))?[ \\t]*:?[ \\t]*$`,
    'i',
  ),
  // **User:** text, **User**: text, __Assistant:__, **User** alone
  new RegExp(
    `^(?:\\*\\*|__)${ROLE}(?::(?:\\*\\*|__)|(?:\\*\\*|__)[ \\t]*:|(?:\\*\\*|__)[ \\t]*$)`,
    'i',
  ),
  // User: text
  new RegExp(`^${ROLE}:(?=[ \\t]|$)`, 'i'),
];

/**
 * The turns of a Markdown or plain-text transcript (line ends already LF). The first marker fixes the
 * style (heading, bold or plain label), so that a label of another style inside an answer stays text;
 * nothing inside a code fence is a marker. Text before the first marker (a title) is no turn.
 */
export function splitMarkdown(text: string): TextTurn[] {
  const turns: TextTurn[] = [];
  let style: RegExp | undefined;
  let fence: string | undefined;
  let open: { role: string; from: number } | undefined;
  const close = (to: number): void => {
    if (open !== undefined) turns.push({ role: open.role, ...trimRange(text, open.from, to) });
  };
  for (let at = 0; at < text.length;) {
    let end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    const line = text.slice(at, end);
    const tick = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      if (tick?.startsWith(fence) === true && line.trim() === tick) fence = undefined;
    } else if (tick !== undefined) {
      fence = tick;
    } else {
      const candidates = style === undefined ? STYLES : [style];
      for (const candidate of candidates) {
        const m = candidate.exec(line);
        if (m === null) continue;
        style = candidate;
        close(at);
        open = { role: normalizeRole(m[1]!), from: at + m[0].length };
        break;
      }
    }
    at = end + 1;
  }
  close(text.length);
  return turns;
}
