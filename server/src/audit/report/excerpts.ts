import { take, type AuditSource } from '../index.js';
import { shownText } from '../../datasets/index.js';
import type { DatasetEvent } from '../../datasets/types.js';

import { cut } from './escape.js';

/** Longest excerpt, in UTF-16 code units. */
const EXCERPT = 400;

/** Where a response stands in its files. */
export interface TextAddress {
  readonly file: number;
  readonly row: number;
  readonly conversation: number;
  readonly target: number;
}

/**
 * The beginnings of responses, read from the files again: tables keep numbers only. Asked in the order
 * of the files, each file is read once, alongside, and left as soon as its last wanted row has come.
 */
export class Excerpts {
  private file = -1;
  private events: AsyncIterator<DatasetEvent> | undefined;
  private current: DatasetEvent | undefined;

  /** @param limit rows of each file that were audited; default all */
  constructor(
    private readonly sources: readonly AuditSource[],
    private readonly address: (response: number) => TextAddress,
    private readonly limit?: number,
  ) {}

  /** Of some responses, in any order. */
  async ofAll(responses: readonly number[]): Promise<Map<number, string>> {
    const inOrder = responses
      .map((response) => ({ response, at: this.address(response) }))
      .sort((a, b) => a.at.file - b.at.file || a.at.row - b.at.row);
    const texts = new Map<number, string>();
    try {
      for (const { response } of inOrder) texts.set(response, await this.of(response));
    } finally {
      await this.close();
    }
    return texts;
  }

  /** Empty when the file no longer has the response. */
  async of(response: number): Promise<string> {
    const { file, row, conversation, target } = this.address(response);
    if (file !== this.file || this.at() > row) await this.open(file);
    while (this.at() < row) await this.next();
    if (this.current?.type !== 'row' || this.current.row.index !== row) return '';
    const turn = this.current.row.conversations[conversation]?.turns[target];
    return turn === undefined ? '' : cut(shownText(turn), EXCERPT);
  }

  /** Index of the row that was read last; -1 before the first, infinite after the last. */
  private at(): number {
    if (this.events === undefined) return Infinity;
    return this.current?.type === 'row' ? this.current.row.index : -1;
  }

  private async open(file: number): Promise<void> {
    await this.close();
    this.file = file;
    const source = this.sources[file];
    if (source !== undefined) this.events = take(source.open(), this.limit);
  }

  private async next(): Promise<void> {
    const next = await this.events?.next();
    if (next === undefined || next.done === true) await this.close();
    else if (next.value.type === 'row') this.current = next.value;
  }

  async close(): Promise<void> {
    const { events } = this;
    this.events = undefined;
    this.current = undefined;
    await events?.return?.();
  }
}
