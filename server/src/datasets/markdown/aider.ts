import { trimRange, type TextTurn } from './transcript.js';

const HEAD = /^# aider chat started at /m;

/** Is the text a history of aider's chats? */
export const isAider = (text: string): boolean => HEAD.test(text.slice(0, 4096));

/**
 * The chats of aider's `.aider.chat.history.md`: each begins with `# aider chat started at`; lines after
 * `#### ` are the user's, after `> ` output of tools, the rest is the assistant's. Code between fences is
 * the assistant's, whatever its lines begin with.
 */
export function aiderChats(text: string): TextTurn[][] {
  const chats: TextTurn[][] = [];
  let turns: TextTurn[] = [];
  let open: { role: string; from: number; to: number } | undefined;
  let fenced = false;
  const close = (): void => {
    if (open !== undefined) {
      const range = trimRange(text, open.from, open.to);
      if (range.to > range.from) turns.push({ role: open.role, ...range });
    }
    open = undefined;
  };
  for (let at = 0; at < text.length;) {
    const lf = text.indexOf('\n', at);
    const end = lf < 0 ? text.length : lf;
    const line = text.slice(at, Math.min(end, at + 80));
    if (!fenced && line.startsWith('# aider chat started at ')) {
      close();
      if (turns.length > 0) chats.push(turns);
      turns = [];
    } else {
      const role = fenced ? 'assistant' : roleOf(line);
      if (role === 'assistant' && /^\s*(?:```|~~~)/.test(line)) fenced = !fenced;
      // Between lines of the user's, an empty one is a part of what they say no more than of the answer.
      if (role !== undefined && role !== open?.role) {
        close();
        open = { role, from: at + (role === 'user' ? 5 : role === 'tool' ? 2 : 0), to: end };
      } else if (open !== undefined && role !== undefined) open.to = end;
    }
    at = end + 1;
  }
  close();
  if (turns.length > 0) chats.push(turns);
  return chats;
}

/** Undefined for an empty line, which goes on with what was before. */
function roleOf(line: string): string | undefined {
  if (line.startsWith('#### ') || line === '####') return 'user';
  if (line.startsWith('> ') || line === '>') return 'tool';
  return line.trim() === '' ? undefined : 'assistant';
}
