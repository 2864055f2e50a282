import { readFile } from 'node:fs/promises';
import { UsageError } from '../../errors.js';
import { own } from '../../fields.js';

/** What a judge is asked: a system text and a template of the user's, with names in braces. */
export interface JudgePrompt {
  readonly mode: JudgeMode;
  /** The user's own: it may ask for a bare letter or number, where the usual one wants double brackets. */
  readonly own: boolean;
  readonly system: string;
  readonly template: string;
}

/** Pairwise: which of two, in both orders. Absolute: a mark from 1 to 10 for each. */
export const JUDGE_MODES = ['pairwise', 'absolute'] as const;
export type JudgeMode = (typeof JUDGE_MODES)[number];

/** In the words of MT-Bench and RewardBench (Zheng et al. 2023), which models know. */
const DEFAULTS: Readonly<Record<JudgeMode, JudgePrompt>> = {
  pairwise: {
    mode: 'pairwise',
    own: false,
    system:
      'Please act as an impartial judge and evaluate the quality of the responses provided by two AI assistants to the user question displayed below. You should choose the assistant that follows the user\'s instructions and answers the user\'s question better. Your evaluation should consider factors such as the helpfulness, relevance, accuracy, depth, creativity, and level of detail of their responses. Begin your evaluation by comparing the two responses and provide a short explanation. Avoid any position biases and ensure that the order in which the responses were presented does not influence your decision. Do not allow the length of the responses to influence your evaluation. Be as objective as possible. After providing your explanation, output your final verdict by strictly following this format: "[[A]]" if assistant A is better, "[[B]]" if assistant B is better.',
    template:
      "[User Question]\n{question}\n\n[The Start of Assistant A's Answer]\n{answer_a}\n[The End of Assistant A's Answer]\n\n[The Start of Assistant B's Answer]\n{answer_b}\n[The End of Assistant B's Answer]",
  },
  absolute: {
    mode: 'absolute',
    own: false,
    system:
      'Please act as an impartial judge and evaluate the quality of the response provided by an AI assistant to the user question displayed below. Your evaluation should consider factors such as the helpfulness, relevance, accuracy, depth, creativity, and level of detail of the response. Begin your evaluation by providing a short explanation. Be as objective as possible. After providing your explanation, you must rate the response on a scale of 1 to 10 by strictly following this format: "[[rating]]", for example: "Rating: [[5]]".',
    template:
      "[Question]\n{question}\n\n[The Start of Assistant's Answer]\n{answer}\n[The End of Assistant's Answer]",
  },
};

const NEEDED: Readonly<Record<JudgeMode, readonly string[]>> = {
  pairwise: ['{question}', '{answer_a}', '{answer_b}'],
  absolute: ['{question}', '{answer}'],
};

/**
 * The prompt of a file, or the usual one: a template with the names in braces; what stands before a line `---` is the
 * system text (a rubric).
 * @throws UsageError naming what a file lacks
 */
export async function judgePrompt(mode: JudgeMode, file?: string): Promise<JudgePrompt> {
  if (file === undefined) return DEFAULTS[mode];
  const text = (await readFile(file, 'utf8')).replaceAll('\r\n', '\n');
  const at = /^---\s*$/m.exec(text);
  const [system, template] = at
    ? [text.slice(0, at.index).trim(), text.slice(at.index + at[0].length).trim()]
    : [DEFAULTS[mode].system, text.trim()];
  const lost = NEEDED[mode].filter((name) => !template.includes(name));
  if (lost.length > 0)
    throw new UsageError(
      `${file}: no ${lost.join(', ')}; expected a template of a ${mode} judge with ${NEEDED[mode].join(', ')}, after a rubric and a line "---" if you have one`,
    );
  return { mode, own: true, system, template };
}

export interface JudgeMessage {
  readonly role: 'system' | 'user';
  readonly content: string;
}

/** The messages of one game. What a text holds is never taken for a name in braces. */
export function messagesOf(
  { system, template }: JudgePrompt,
  texts: Readonly<Record<string, string>>,
): JudgeMessage[] {
  const content = template.replace(
    /\{(\w+)\}/g,
    (whole, name: string) => own(texts, name) ?? whole,
  );
  return [
    ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user', content },
  ];
}

/**
 * `[[A]]` or `[[B]]`, the last that stands there (reasoning may name both); `tie` for `[[C]]`.
 * @param bare read a letter that the answer begins with too (`B`, `A: the first`), but no word (`A good answer…`)
 */
export function readVerdict(answer: string, bare = false): 'A' | 'B' | 'tie' | undefined {
  const text = visible(answer);
  const found =
    [...text.matchAll(/\[\[\s*([ABC])\s*\]\]/g)].at(-1)?.[1] ??
    (bare ? /^[\s"'*([]*([ABC])\s*(?:$|[\n.,:;)\]"'*])/.exec(text)?.[1] : undefined);
  return found === 'C' ? 'tie' : (found as 'A' | 'B' | undefined);
}

/** A mark from 1 to 10: the last in double brackets. @param bare read a number that the answer begins with too */
export function readMark(answer: string, bare = false): number | undefined {
  const text = visible(answer);
  const found =
    [...text.matchAll(/\[\[\s*(\d+(?:\.\d+)?)\s*(?:\/\s*10\s*)?\]\]/g)].at(-1)?.[1] ??
    (bare
      ? /^[\s"'*([]*(\d+(?:\.\d+)?)(?:\s*\/\s*10)?\s*(?:$|[\n.,:;)\]"'*])/.exec(text)?.[1]
      : undefined);
  const mark = Number(found);
  return found !== undefined && mark >= 1 && mark <= 10 ? mark : undefined;
}

/** Without what a reasoning model thinks aloud. */
const visible = (answer: string): string => answer.replace(/^[\s\S]*<\/think>/, '');
