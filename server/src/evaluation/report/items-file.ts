import { writeFile } from 'node:fs/promises';
import { strictJson } from '../../audit/report/escape.js';
import { targetOf } from '../../files/target.js';
import { openSink, type Sink } from '../../files/write.js';
import type { ScoredItem } from '../run-types.js';

/**
 * What every row of the table made of every item, a line each: it joins back by `id`, or by file and line where
 * the data has no ids. Written anew by each run: scores come from the store.
 */
export class ItemsFile {
  private constructor(
    private readonly sink: Sink,
    private readonly files: readonly string[],
  ) {}

  static async open(
    path: string,
    files: readonly string[],
    signal?: AbortSignal,
  ): Promise<ItemsFile> {
    const target = targetOf(path);
    // A sink writes into what is there already: a pipe, a terminal.
    if (target.kind === 'file') await writeFile(target.path, '');
    return new ItemsFile(await openSink(path, target, signal), files);
  }

  async add({ item, row, file, contender, scores, beats, number }: ScoredItem): Promise<void> {
    if (item.type !== 'preference') return;
    const right = item.right.length;
    const readings = Object.fromEntries(
      contender.readings.map(({ name }, r) => [
        name,
        { chosen: scores[r]!.slice(0, right), rejected: scores[r]!.slice(right) },
      ]),
    );
    const line = {
      id: item.id ?? null,
      suite: item.suite,
      subset: item.subset,
      file: this.files[file],
      line: row.place.line + 1,
      row: row.index,
      model: contender.name,
      correct: contender.credit[0]!.get(number),
      beats,
      scores: readings,
    };
    await this.sink.write(`${strictJson(line)}\n`);
  }

  end(): Promise<void> {
    return this.sink.end();
  }

  close(): Promise<void> {
    return this.sink.close();
  }
}
