import type { Conversation, DatasetRow } from '../../datasets/types.js';
import type { PreferenceItem } from '../items/item.js';
import type { JudgeFigures } from '../../protocol/index.js';
import { bestOfN } from '../suites/rewardbench2.js';
import { twoGames } from '../suites/judgebench.js';
import type { JudgeAnswer, JudgeClient } from './client.js';
import { messagesOf, readMark, readVerdict, type JudgePrompt } from './prompt.js';

/** What a judge made of an item. */
export interface JudgedItem {
  /** In [0, 1], by the benchmark's rule. */
  readonly credit: number;
  /** Absolute marks, right responses first; NaN where not understood. Games won by the right response in pairwise. */
  readonly scores: readonly number[];
  /** RM-Bench's matrix, as `styleMatrix` has it. */
  readonly styles?: number;
}

/** Verdict for the right response: 1, against it: -1, a tie or an answer that was not understood: 0. */
type Game = -1 | 0 | 1;

/**
 * LLM-as-a-judge. Pairwise: every right response against every wrong one, in both orders. Absolute: a mark for each.
 * An answer that is not understood counts as reward-bench has it: half a point in pairwise games (a tie), the lowest
 * mark in absolute ones; in JudgeBench, a game that nobody won.
 */
export class Judge {
  private games = 0;
  private unparsed = 0;
  private decided = 0;
  private first = 0;
  private pairs = 0;
  private agreed = 0;
  private promptTokens = 0;
  private completionTokens = 0;
  private cached = 0;

  constructor(
    private readonly client: Pick<JudgeClient, 'ask'>,
    private readonly prompt: JudgePrompt,
  ) {}

  get figures(): JudgeFigures {
    return {
      games: this.games,
      unparsed: this.unparsed,
      first: this.first / this.decided,
      consistent: this.agreed / this.pairs,
      promptTokens: this.promptTokens,
      completionTokens: this.completionTokens,
      cached: this.cached,
    };
  }

  async judge(item: PreferenceItem, row: DatasetRow): Promise<JudgedItem> {
    const of = (c: number): Conversation => row.conversations[c]!;
    if (this.prompt.mode === 'absolute') return this.absolute(item, of);
    const games: [Game, Game][][] = [];
    for (const right of item.right) {
      const line: [Game, Game][] = [];
      for (const wrong of item.wrong) line.push(await this.both(of(right), of(wrong)));
      games.push(line);
    }
    const share = (g: [Game, Game]): number => (g[0] + g[1] + 2) / 4;
    const [only] = games[0]!;
    const all = games.flat();
    if (item.suite === 'judgebench') return { credit: twoGames(...only!), scores: [only![0] + only![1], 0] }; // prettier-ignore
    // Of several wrong ones all must lose; RM-Bench is the mean over its matrix, as are pairs over their orders.
    const mean = all.reduce((sum, g) => sum + share(g), 0) / all.length;
    const credit = item.suite === 'rewardbench-2' ? Math.min(...all.map(share)) : mean;
    // Games won by each response, the right ones first.
    const scores = [
      ...games.map((line) => line.reduce((s, g) => s + share(g), 0)),
      ...item.wrong.map((_, j) => games.reduce((s, line) => s + 1 - share(line[j]!), 0)),
    ];
    const won = games.map((line) => line.map((g) => share(g) > 0.5));
    const styles = won.flat().reduce((mask, w, bit) => mask | (w ? 1 << bit : 0), 0);
    return { credit, scores, ...(item.suite === 'rm-bench' && { styles }) };
  }

  private async absolute(
    item: PreferenceItem,
    of: (c: number) => Conversation,
  ): Promise<JudgedItem> {
    const scores: number[] = [];
    for (const c of [...item.right, ...item.wrong]) {
      const answer = await this.ask(messagesOf(this.prompt, { question: questionOf(of(c)), answer: answerOf(of(c)) })); // prettier-ignore
      const mark = readMark(answer.text, this.prompt.own);
      if (mark === undefined) this.unparsed++;
      scores.push(mark ?? -1);
    }
    const right = scores.slice(0, item.right.length);
    const wrong = scores.slice(item.right.length);
    if (item.suite === 'rm-bench') {
      const wins = right.flatMap((r) => wrong.map((w): number => (r > w ? 1 : 0)));
      return { credit: wins.reduce((a, b) => a + b, 0) / wins.length, scores };
    }
    if (item.suite === 'rewardbench-2') return { credit: bestOfN(right, wrong), scores };
    return { credit: right[0]! > wrong[0]! ? 1 : right[0] === wrong[0] ? 0.5 : 0, scores };
  }

  /** Both orders of one game. */
  private async both(right: Conversation, wrong: Conversation): Promise<[Game, Game]> {
    const question = questionOf(right);
    const [r, w] = [answerOf(right), answerOf(wrong)];
    const play = async (rightFirst: boolean): Promise<Game> => {
      const [answer_a, answer_b] = rightFirst ? [r, w] : [w, r];
      const { text } = await this.ask(messagesOf(this.prompt, { question, answer_a, answer_b }));
      const verdict = readVerdict(text, this.prompt.own);
      if (verdict === undefined) this.unparsed++;
      if (verdict === undefined || verdict === 'tie') return 0;
      this.decided++;
      if (verdict === 'A') this.first++;
      return (verdict === 'A') === rightFirst ? 1 : -1;
    };
    const games: [Game, Game] = [await play(true), await play(false)];
    this.pairs++;
    if (games[0] === games[1] && games[0] !== 0) this.agreed++;
    return games;
  }

  private async ask(messages: Parameters<JudgeClient['ask']>[0]): Promise<JudgeAnswer> {
    const answer = await this.client.ask(messages);
    this.games++;
    this.promptTokens += answer.promptTokens;
    this.completionTokens += answer.completionTokens;
    if (answer.cached) this.cached++;
    return answer;
  }
}

/** The last turn, and all before it as the question: a conversation with its roles where there are several turns. */
function answerOf({ turns, targets }: Conversation): string {
  return turns[targets.at(-1) ?? -1]?.content ?? '';
}

function questionOf({ turns, targets }: Conversation): string {
  const before = turns.slice(0, targets.at(-1) ?? turns.length);
  if (before.length === 1) return before[0]!.content;
  return before.map(({ role, content }) => `${role}: ${content}`).join('\n\n');
}
