import type { CodeAction, Position, Range, TextEdit } from 'vscode-languageserver-protocol/node.js';
import { applyEdits, type Client } from './client.js';

/** A text as an editor holds it: its edits go to the server, and can be undone. */
export class OpenText {
  private readonly past: string[] = [];

  private constructor(
    readonly client: Client,
    readonly name: string,
    readonly uri: string,
    private readonly languageId: string,
    public text: string,
  ) {}

  static async open(client: Client, name: string, text: string): Promise<OpenText> {
    const languageId = name.slice(name.lastIndexOf('.') + 1);
    const uri = await client.open(name, text, languageId);
    return new OpenText(client, name, uri, languageId, text);
  }

  /** Lines as the protocol counts them, with their ends. */
  get lines(): string[] {
    return this.text.split(/(?<=\n|\r(?!\n))/);
  }

  position(offset: number): Position {
    const before = this.text.slice(0, offset);
    // Between CR and LF there is no position.
    const ends = [...before.matchAll(/\r\n|\r|\n/g)];
    const last = ends.at(-1);
    return { line: ends.length, character: last ? offset - last.index - last[0].length : offset };
  }

  get whole(): Range {
    return { start: { line: 0, character: 0 }, end: this.position(this.text.length) };
  }

  /** Replaces [from, to) as one keystroke does; offsets of UTF-16 units. */
  async replace(from: number, to: number, text: string): Promise<void> {
    this.past.push(this.text);
    const range = { start: this.position(from), end: this.position(to) };
    this.text = this.text.slice(0, from) + text + this.text.slice(to);
    await this.client.edit(this.uri, range, text);
  }

  /** Edits of a code action, in one change as an editor sends it: the last first. */
  async apply(edits: readonly TextEdit[]): Promise<void> {
    this.past.push(this.text);
    this.text = applyEdits(this.text, edits);
    const backwards = [...edits].sort(
      (a, b) =>
        b.range.start.line - a.range.start.line ||
        b.range.start.character - a.range.start.character,
    );
    await this.client.change(
      this.uri,
      backwards.map(({ range, newText }) => ({ range, text: newText })),
    );
  }

  /** The whole text, as a formatter or another program's save replaces it. */
  async all(text: string): Promise<void> {
    this.past.push(this.text);
    this.text = text;
    await this.client.change(this.uri, [{ text }]);
  }

  /** What is different between now and before goes back; nothing when nothing was done. */
  async undo(): Promise<void> {
    const before = this.past.pop();
    if (before === undefined) return;
    const now = this.text;
    const most = Math.min(before.length, now.length);
    let head = 0;
    while (head < most && before[head] === now[head]) head++;
    // A position may not part CR and LF.
    while (head > 0 && /[\r\ud800-\udbff]/.test(now[head - 1] ?? '')) head--;
    let tail = 0;
    while (tail < most - head && before.at(-1 - tail) === now.at(-1 - tail)) tail++;
    while (tail > 0 && /[\n\udc00-\udfff]/.test(now[now.length - tail] ?? '')) tail--;
    await this.replace(head, now.length - tail, before.slice(head, before.length - tail));
    this.past.pop();
  }

  /** Takes what the server offers at a line; false when it offers nothing of that title. */
  async act(line: number, title: string): Promise<boolean> {
    const at = { line, character: 0 };
    const actions = await this.client.request<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri: this.uri },
      range: { start: at, end: at },
      context: { diagnostics: [] },
    });
    const edits = actions.find((a) => a.title.includes(title))?.edit?.changes?.[this.uri];
    if (edits === undefined) return false;
    await this.apply(edits);
    return true;
  }

  async close(): Promise<void> {
    await this.client.close(this.uri);
  }

  async reopen(): Promise<void> {
    await this.client.open(this.name, this.text, this.languageId);
  }
}
