import { normalizeRole, trimRange, type TextTurn } from './transcript.js';

/** How a transcript marks who speaks. */
type Style = 'heading' | 'underlined' | 'bold' | 'label';

/** A line that may begin a turn: decoded offsets of the line, and where its text begins. */
interface Mark {
  readonly style: Style;
  /** Of a heading: its level. */
  readonly level: number;
  readonly role: string;
  /** As it is written, in lower case. */
  readonly label: string;
  readonly line: number;
  readonly text: number;
}

/** A transcript's turns, and what in it cannot be told. */
export interface Transcript {
  readonly turns: readonly TextTurn[];
  readonly doubts: readonly {
    readonly from: number;
    readonly to: number;
    readonly message: string;
  }[];
}

const ROLES =
  /^(?:user|human|you|me|prompter|assistant|ai assistant|ai|bot|gpt|chatgpt|claude|gemini|github copilot|copilot|model|system)(?![\p{L}\p{N}])/iu;
/** A line that marks a role is short; longer ones are not looked at. */
const MAX_MARK = 200;

const isSpace = (c: string | undefined): boolean => c === ' ' || c === '\t';

/** Nothing but what may follow a role's name in its heading: `:`, `**`, `said`, a time in brackets. */
function endsHeading(rest: string): boolean {
  const left = rest.replace(/[*_:]/g, ' ').trim();
  return left === '' || /^said$/i.test(left) || /^(?:said\s{1,3})?\([^()]*\)$/i.test(left);
}

/** `## Assistant`, `### **User:**`, `## 🧑 User (10:31)`, `#### ChatGPT said:` */
function headingMark(line: string): { level: number; label: string } | undefined {
  let level = 0;
  while (line[level] === '#') level++;
  if (level === 0 || level > 6 || !isSpace(line[level])) return undefined;
  // Closing marks (`## User ##`) and what stands before the name: emphasis, a picture.
  const body = line
    .slice(level)
    .replace(/#{1,6}[ \t]*$/, '')
    .replace(/^[^\p{L}\p{N}#]*/u, '')
    .trimEnd();
  const label = ROLES.exec(body)?.[0];
  return label !== undefined && endsHeading(body.slice(label.length))
    ? { level, label }
    : undefined;
}

/** `**User:** text`, `**User**: text`, `__Assistant:__`, `**User** alone`; gives the mark's length too. */
function boldMark(line: string): { label: string; length: number } | undefined {
  const quote = line.slice(0, 2);
  if (quote !== '**' && quote !== '__') return undefined;
  const label = ROLES.exec(line.slice(2))?.[0];
  if (label === undefined) return undefined;
  let at = 2 + label.length;
  if (/^ said(?=:)/i.test(line.slice(at))) at += 5;
  if (line[at] === ':' && line.startsWith(quote, at + 1)) return { label, length: at + 3 };
  if (!line.startsWith(quote, at)) return undefined;
  at += 2;
  let colon = at;
  while (isSpace(line[colon])) colon++;
  if (line[colon] === ':') return { label, length: colon + 1 };
  return colon === line.length ? { label, length: at } : undefined;
}

/** `User: text`, `ChatGPT said:` */
function labelMark(line: string): { label: string; length: number } | undefined {
  const label = ROLES.exec(line)?.[0];
  if (label === undefined) return undefined;
  const said = /^ said(?=:)/i.test(line.slice(label.length)) ? 5 : 0;
  const at = label.length + said;
  const after = line[at + 1];
  return line[at] === ':' && (after === undefined || isSpace(after))
    ? { label, length: at + 1 }
    : undefined;
}

/** `* * *`, `---`: a line across the page. */
function isRule(line: string): boolean {
  const marks = line.replace(/[ \t]/g, '');
  return marks.length >= 3 && /^(?:-+|\*+|_+)$/.test(marks);
}

/** A fence's characters, where a line opens or closes one; backticks after it make it a span of code. */
function fenceOf(line: string): string | undefined {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
  if (fence === undefined) return undefined;
  return fence[0] === '`' && line.trimStart().slice(fence.length).includes('`') ? undefined : fence;
}

/** CommonMark's blocks of HTML that go on over empty lines: what begins one, and what the line that ends it holds. */
const HTML_BLOCKS: readonly (readonly [begin: RegExp, end: RegExp])[] = [
  [/^ {0,3}<!--/, /-->/g],
  [/^ {0,3}<(?:pre|script|style|textarea)(?=[\s>]|$)/i, /<\/(?:pre|script|style|textarea)>/gi],
];

/** Finds where a block of HTML ends that a line begins; one without an end is none. */
class HtmlBlocks {
  /** Beyond these no block of the kind has an end, so that each text is searched once in vain. */
  private readonly vain = new Set<RegExp>();
  constructor(private readonly text: string) {}

  /** @returns the offset of its end, undefined where the line begins none */
  endOf(line: string, at: number): number | undefined {
    for (const [begin, end] of HTML_BLOCKS) {
      if (this.vain.has(end) || !begin.test(line)) continue;
      end.lastIndex = at;
      const found = end.exec(this.text);
      if (found !== null) return found.index;
      this.vain.add(end);
    }
    return undefined;
  }
}

/**
 * Every line that may begin a turn, none of them inside a code fence, a comment or preformatted HTML; the last fence,
 * where it is open at the end.
 */
function marksOf(text: string): { marks: Mark[]; open: number | undefined } {
  const marks: Mark[] = [];
  let fence: string | undefined;
  let opened = 0;
  let before: { line: string; at: number } | undefined;
  const html = new HtmlBlocks(text);
  let htmlTo = -1;
  const lines = /\r\n|\n|\r|$/g;
  for (let at = 0; at < text.length;) {
    lines.lastIndex = at;
    const end = lines.exec(text)!;
    const line = text.slice(at, end.index);
    const tick = fenceOf(line);
    const push = (style: Style, level: number, label: string, from: number, to: number): void => {
      const name = label.toLowerCase();
      marks.push({ style, level, role: normalizeRole(name), label: name, line: from, text: to });
    };
    if (fence === undefined && at > htmlTo) htmlTo = html.endOf(line, at) ?? htmlTo;
    if (at <= htmlTo) {
      // HTML up to the end of the line that holds its end.
    } else if (fence !== undefined) {
      if (tick?.startsWith(fence) === true && line.trim() === tick) fence = undefined;
    } else if (tick !== undefined) {
      fence = tick;
      opened = at;
    } else if (line.length <= MAX_MARK) {
      const heading = headingMark(line);
      const bold = boldMark(line);
      const label = labelMark(line);
      const under = before !== undefined && /^(?:=+|-+)[ \t]*$/.test(line) ? before : undefined;
      const name = under && ROLES.exec(under.line)?.[0];
      if (heading) push('heading', heading.level, heading.label, at, end.index);
      else if (bold) push('bold', 0, bold.label, at, at + bold.length);
      else if (label) push('label', 0, label.label, at, at + label.length);
      else if (under && name !== undefined && endsHeading(under.line.slice(name.length)))
        push('underlined', line.startsWith('=') ? 1 : 2, name, under.at, end.index);
    }
    before = line.length <= MAX_MARK ? { line, at } : undefined;
    at = end.index + Math.max(1, end[0].length);
  }
  return { marks, open: fence === undefined ? undefined : opened };
}

/** Do user and assistant speak in turn, a system text at most before them? */
function alternates(marks: readonly Mark[]): boolean {
  const speaking = marks[0]?.role === 'system' ? marks.slice(1) : marks;
  return speaking.every(
    ({ role }, i) =>
      (role === 'user' || role === 'assistant') && (i === 0 || role !== speaking[i - 1]!.role),
  );
}

/** Those that the first of each role tells: its level, and with `labels` its name. */
function alike(marks: readonly Mark[], labels: boolean): Mark[] {
  const first = new Map<string, Mark>();
  return marks.filter((m) => {
    const known = first.get(m.role) ?? m;
    first.set(m.role, known);
    return known.level === m.level && (!labels || known.label === m.label);
  });
}

/** Of marks in one style: those that begin turns, and those that repeat a role, which may stand inside a turn. */
function choose(marks: readonly Mark[]): { turns: Mark[]; repeated: Mark[] } {
  for (const labels of [false, true]) {
    const turns = alike(marks, labels);
    if (alternates(turns)) return { turns, repeated: [] };
    // A system text stands before the talk; a heading of this name later is text.
    const talk = turns.filter((m, i) => m.role !== 'system' || i === 0);
    if (labels && alternates(talk)) return { turns: talk, repeated: [] };
  }
  const turns: Mark[] = [];
  const repeated: Mark[] = [];
  for (const mark of alike(marks, true)) {
    if (mark.role === 'system' && turns.length > 0) continue;
    if (turns.at(-1)?.role === mark.role) repeated.push(mark);
    else turns.push(mark);
  }
  return { turns, repeated };
}

/**
 * The turns of a Markdown or plain-text transcript (CRLF already LF). The first style (heading, bold or plain
 * label) in which user and assistant both speak marks the turns, each role at its own level, so that a
 * label of another style inside an answer stays text; nothing inside a code fence is a mark. A mark splits
 * only where the whole file alternates: headings of other names in an answer stay text, and one that repeats
 * the role before it is told. Text before the first mark (a title) is no turn.
 */
export function transcriptOf(text: string): Transcript {
  const { marks, open } = marksOf(text);
  const styles = [...new Set(marks.map((m) => m.style))];
  const chosen = styles
    .map((style) => choose(marks.filter((m) => m.style === style)))
    .find(({ turns }) => ['user', 'assistant'].every((role) => turns.some((m) => m.role === role)));
  const { turns: begins, repeated } = chosen ?? { turns: [], repeated: [] };
  const ends = begins.map((_, i) => begins[i + 1]?.line ?? text.length);
  const ranges = begins.map((m, i) => trimRange(text, m.text, ends[i]!));
  const ruled =
    ranges.slice(0, -1).every((r) => ruleAt(text, r) !== undefined) && ranges.length > 1;
  const turns = begins.map(({ role }, i): TextTurn => {
    const to = ruled ? (ruleAt(text, ranges[i]!) ?? ranges[i]!.to) : ranges[i]!.to;
    return { role, ...trimRange(text, ranges[i]!.from, to) };
  });
  const line = (at: number): string => text.slice(at, at + MAX_MARK).split(/[\r\n]/, 1)[0]!;
  const doubts = repeated.map((m) => ({
    from: m.line,
    to: m.line + line(m.line).length,
    message: `'${line(m.line).slice(0, 60)}' follows a turn of the same role, so it is taken as text of that turn. Expected user and assistant in turn`,
  }));
  if (open !== undefined && begins.length > 0 && hasMarks(text.slice(open)))
    doubts.push({
      from: open,
      to: open + line(open).length,
      message: `the code fence '${line(open).slice(0, 20)}' is never closed, so what follows is code. Expected a closing fence before the next turn`,
    });
  return { turns, doubts };
}

/** Where a rule stands that ends the text of a range, after an empty line or as all of it. */
function ruleAt(text: string, { from, to }: { from: number; to: number }): number | undefined {
  let at = to;
  while (at > from && text[at - 1] !== '\n' && text[at - 1] !== '\r') at--;
  if (to - at > MAX_MARK || !isRule(text.slice(at, to))) return undefined;
  return at === from ||
    /(?:^|[\r\n])[ \t]{0,20}[\r\n]$/.test(text.slice(Math.max(from, at - 24), at))
    ? at
    : undefined;
}

/** Would an open fence hide marks? */
function hasMarks(code: string): boolean {
  const after = code.search(/[\r\n]/);
  return after >= 0 && marksOf(code.slice(after + 1)).marks.length > 0;
}

export const splitMarkdown = (text: string): readonly TextTurn[] => transcriptOf(text).turns;
