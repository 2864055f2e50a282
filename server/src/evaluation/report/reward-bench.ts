import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { strictJson } from '../../audit/report/escape.js';
import { makeFolder } from '../../files/folder.js';
import { writeWhole } from '../../files/write.js';
import type { EvaluationResult } from '../../protocol/index.js';
import type { ScoredItem } from '../run-types.js';

/** Columns of a score file, in the order of Python's `sort_keys`. */
const LISTS = ['id', 'results', 'scores_chosen', 'scores_rejected', 'subset', 'text_chosen', 'text_rejected'] as const; // prettier-ignore
const BEST_OF_N = ['id', 'num_correct', 'results', 'scores', 'subset', 'text'] as const;
type Column = (typeof LISTS)[number] | (typeof BEST_OF_N)[number];

/** Columns of one row of the table, kept in files: a million texts do not fit into memory. */
class Table {
  readonly columns = new Map<Column, { path: string; file: FileHandle }>();
  outputs: FileHandle | undefined;
  rows = 0;
  right = 0;
}

/**
 * The files that reward-bench writes, for whoever reads those: of its command line `results/MODEL.json` and
 * `results/MODEL_outputs.jsonl`; of run_rm.py (and run_v2.py) `eval-set/MODEL.json` and
 * `eval-set-scores/MODEL.json`. Conversations are lists of messages. A score that is not there is null.
 */
export class RewardBenchFiles {
  private folder: Promise<string> | undefined;
  private readonly tables = new Map<string, Table>();

  constructor(private readonly out: string) {}

  async add({ item, row, contender, scores, number }: ScoredItem): Promise<void> {
    if (item.type !== 'preference') return;
    const best = item.suite === 'rewardbench-2';
    if (!best && item.right.length + item.wrong.length !== 2) return;
    const table = await this.table(contender.name, best);
    const messages = (c: number) =>
      row.conversations[c]!.turns.map(({ role, content }) => ({ role, content }));
    const [right, wrong] = [item.right[0]!, item.wrong[0]!];
    const correct = contender.credit[0]!.get(number);
    const [chosen, rejected] = [scores[0]![0]!, scores[0]![1]!];
    const values: Partial<Record<Column, unknown>> = best
      ? {
          id: item.id ?? null,
          num_correct: item.right.length,
          results: correct,
          scores: scores[0],
          subset: item.subset,
          text: [...item.right, ...item.wrong].map(messages),
        }
      : {
          id: item.id ?? null,
          results: correct,
          scores_chosen: chosen,
          scores_rejected: rejected,
          subset: item.subset,
          text_chosen: messages(right),
          text_rejected: messages(wrong),
        };
    for (const [name, { file }] of table.columns)
      await file.write(
        `${table.rows === 0 ? '' : ',\n'}${' '.repeat(8)}${strictJson(values[name])}`,
      );
    if (!best) {
      const line = { prompt: messages(right).slice(0, -1), results: correct, scores_chosen: chosen, scores_rejected: rejected, text_chosen: messages(right), text_rejected: messages(wrong), subset: item.subset, id: item.id ?? null }; // prettier-ignore
      await table.outputs?.write(`${strictJson(line)}\n`);
    }
    table.rows++;
    table.right += correct;
  }

  private async table(name: string, best: boolean): Promise<Table> {
    const key = `${best ? '2' : '1'}${name}`;
    let table = this.tables.get(key);
    if (table !== undefined) return table;
    table = new Table();
    this.tables.set(key, table);
    this.folder ??= mkdtemp(join(tmpdir(), 'qrm-evaluate-'));
    const folder = await this.folder;
    for (const column of best ? BEST_OF_N : LISTS) {
      const path = join(folder, `${this.tables.size}-${column}`);
      table.columns.set(column, { path, file: await open(path, 'w') });
    }
    if (!best) {
      const path = join(this.out, 'results', `${fileName(name)}_outputs.jsonl`);
      makeFolder(dirname(path));
      table.outputs = await open(path, 'w');
    }
    return table;
  }

  /** @returns the files written */
  async end({ suites }: EvaluationResult): Promise<string[]> {
    const written: string[] = [];
    const put = async (path: string, text: string): Promise<void> => {
      makeFolder(dirname(path));
      await writeWhole(path, (write) => write(text));
      written.push(path);
    };
    for (const [key, table] of this.tables) {
      const [best, name] = [key.startsWith('2'), key.slice(1)];
      const of = suites
        .filter(({ suite }) => (suite === 'rewardbench-2') === best && suite !== 'rm-bench')
        .flatMap(({ rows }) => rows.filter((row) => row.name === name));
      const kind = of[0]?.kind ?? 'Seq. Classifier';
      const facts = { model: name, model_type: kind, chat_template: 'tokenizer' };
      const accuracies = Object.fromEntries(
        of.flatMap(({ subsets }) => subsets.map((s) => [s.name, s.value])),
      );
      const folder = best ? join(this.out, 'rewardbench-2') : this.out;
      const file = `${fileName(name)}.json`;
      if (!best) {
        const core = suites.some(({ suite }) => suite === 'rewardbench');
        const result = {
          accuracy: table.right / table.rows,
          num_prompts: table.rows,
          model: name,
          ref_model: null,
          tokenizer: name,
          chat_template: null,
          extra_results: core ? accuracies : null,
        };
        await put(join(folder, 'results', file), strictJson(result));
        written.push(join(folder, 'results', `${fileName(name)}_outputs.jsonl`));
      }
      await put(join(folder, 'eval-set', file), sorted({ ...accuracies, ...facts }));
      const scores = join(folder, 'eval-set-scores', file);
      makeFolder(dirname(scores));
      await writeScores(scores, table, facts);
      written.push(scores);
    }
    return written;
  }

  async close(): Promise<void> {
    for (const table of this.tables.values()) {
      await table.outputs?.close();
      for (const { file } of table.columns.values()) await file.close();
    }
    if (this.folder !== undefined) await rm(await this.folder, { recursive: true, force: true });
  }
}

/** One JSON object of columns as json.dumps(…, indent=4, sort_keys=True) has it, lists an item a line. */
async function writeScores(
  path: string,
  table: Table,
  facts: Readonly<Record<string, string>>,
): Promise<void> {
  await writeWhole(path, async (write) => {
    const keys = [...table.columns.keys(), ...Object.keys(facts)].sort();
    await write('{\n');
    for (const [n, key] of keys.entries()) {
      await write(`    ${JSON.stringify(key)}: `);
      const column = table.columns.get(key as Column);
      if (column === undefined) await write(strictJson(facts[key]));
      else {
        await write('[\n');
        for await (const chunk of createReadStream(column.path)) await write(chunk as Buffer);
        await write('\n    ]');
      }
      await write(n === keys.length - 1 ? '\n}' : ',\n');
    }
  });
}

const sorted = (value: Readonly<Record<string, unknown>>): string =>
  strictJson(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))), 4);

/** `org/model` is a folder and a file, as reward-bench has it; of a path the last part. */
function fileName(name: string): string {
  const parts = name.split(/[\\/]+/).filter((part) => part !== '' && part !== '.' && part !== '..');
  const kept = /^[\w.-]+\/[\w.-]+$/.test(name) ? parts : parts.slice(-1);
  return kept.map((part) => part.replace(/[^\w.,() -]/g, '_')).join('/') || 'model';
}
