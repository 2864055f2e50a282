import type { CodeLens, Diagnostic } from 'vscode-languageserver-protocol/node.js';
import type { Client } from '../integration/lsp/editor/client.js';
import { hhLines } from '../integration/lsp/editor/hh.js';
import { OpenText } from '../integration/lsp/editor/open-text.js';

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Pair {
  readonly chosen: string;
  readonly rejected: string;
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** Five small files, one of each form that an editor opens. */
export function smallFiles(rows: number): { name: string; text: string }[] {
  const lines = hhLines(5 * rows, 900);
  const pairs = lines.map((line) => JSON.parse(line) as Pair);
  const part = (n: number) => pairs.slice(n * rows, (n + 1) * rows);
  const asked = ({ chosen, rejected }: Pair) => {
    const cut = chosen.lastIndexOf('\n\nAssistant:') + '\n\nAssistant:'.length;
    return { prompt: chosen.slice(0, cut), chosen: chosen.slice(cut).trim(), rejected };
  };
  const chat = (p: Pair) => ({
    messages: [
      { role: 'user', content: asked(p).prompt },
      { role: 'assistant', content: asked(p).chosen },
    ],
  });
  const csv = part(2).map((p) => {
    const { prompt, chosen } = asked(p);
    return [prompt, chosen, 'I would rather not say.'].map(quoted).join(',');
  });
  const markdown = part(4).flatMap((p) => [
    `## User\n\n${asked(p).prompt.replaceAll('\n', ' ')}`,
    `## Assistant\n\n${asked(p).chosen || 'Yes.'}`,
  ]);
  return [
    { name: 'pairs.jsonl', text: lines.slice(0, rows).join('\n') + '\n' },
    {
      name: 'chats.jsonl',
      text: part(1)
        .map((p) => JSON.stringify(chat(p)))
        .join('\n'),
    },
    { name: 'table.csv', text: ['prompt,chosen,rejected', ...csv].join('\n') + '\n' },
    { name: 'array.json', text: JSON.stringify(part(3), null, 1) },
    { name: 'chat.md', text: markdown.join('\n\n') + '\n' },
  ];
}

/**
 * Chats of so many words that occur nowhere else that the tokenizer's caches (segment-encoder.ts: 100,000 words,
 * 1,000,000 characters of sections) are as full as they get. Filling them in the soak would look like a leak.
 */
function manyWords(next: () => number): string {
  const letter = () => String.fromCharCode(97 + Math.floor(26 * next()));
  const word = () => Array.from({ length: 7 }, letter).join('');
  return Array.from({ length: 36 }, () => {
    const content = Array.from({ length: 3750 }, word).join(' ');
    const messages = [
      { role: 'user', content: 'Go on.' },
      { role: 'assistant', content },
    ];
    return JSON.stringify({ messages });
  }).join('\n');
}

/** What a user does with five small files, at random and the same for the same seed. */
export class Workload {
  edits = 0;
  private readonly next: () => number;

  private constructor(
    private readonly client: Client,
    private readonly texts: readonly OpenText[],
    private readonly first: readonly string[],
    seed: number,
  ) {
    this.next = random(seed);
  }

  /** @param full are the tokenizer's caches to be full when it begins? */
  static async start(
    client: Client,
    { rows = 20, seed = 1, full = false } = {},
  ): Promise<Workload> {
    const files = smallFiles(rows);
    if (full) {
      const words = await OpenText.open(client, 'words.jsonl', manyWords(random(seed)));
      await client.audit(words.uri);
      await words.close();
    }
    const texts: OpenText[] = [];
    for (const { name, text } of files) texts.push(await OpenText.open(client, name, text));
    for (const { uri } of texts) await client.audit(uri);
    return new Workload(
      client,
      texts,
      files.map(({ text }) => text),
      seed,
    );
  }

  private below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** One thing that a user does: a burst of keys, a code action, a look at a view. */
  async step(pause: (ms: number) => Promise<void>): Promise<void> {
    const n = this.below(this.texts.length);
    const text = this.texts[n] as OpenText;
    const what = this.next();
    const line = this.below(text.lines.length);
    // A file that has lost or gained much begins again: the soak is of small files.
    const { length } = this.first[n] as string;
    if (text.text.length < length / 2 || text.text.length > 2 * length) {
      await text.all(this.first[n] as string);
      this.edits++;
    } else if (what < 0.4) await this.type(text, pause);
    else if (what < 0.55) this.edits += Number(await text.act(line, 'Swap'));
    else if (what < 0.62) this.edits += Number(await text.act(line, 'Delete'));
    else if (what < 0.8) {
      for (let k = this.below(6); k >= 0; k--) await text.undo();
      this.edits++;
    } else if (what < 0.85) {
      await text.close();
      await pause(50);
      await text.reopen();
    } else if (what < 0.87) await this.settings();
    else if (what < 0.94) await this.view(text);
    else await this.look(text, line);
    await pause(60);
  }

  private async type(text: OpenText, pause: (ms: number) => Promise<void>): Promise<void> {
    let at = this.below(text.text.length + 1);
    for (let key = this.below(8); key >= 0; key--) {
      // A line end stays whole; a pair of surrogates too.
      while (/[\n\udc00-\udfff]/.test(text.text[at] ?? '')) at--;
      await text.replace(at, at, 'etaoin shr'[this.below(10)] as string);
      at++;
      this.edits++;
      await pause(25);
    }
  }

  private async settings(): Promise<void> {
    const tau = this.next() < 0.5 ? 0.05 : 0.1;
    const settings = { qrmLens: { ...this.client.settings, tau } };
    await this.client.connection.sendNotification('workspace/didChangeConfiguration', { settings });
  }

  /** As the dashboard and the detail view ask. */
  private async view({ uri }: OpenText): Promise<void> {
    const summary = await this.client.summary(uri);
    if (summary === null) return;
    const { epoch } = summary;
    const rows = await this.client.columns(summary);
    await this.client.request('qrmLens/findings', { uri, epoch, from: 0, limit: 500 });
    const responses = rows.filter((r) => r.kind !== 255).map((r) => r.id);
    await this.client.request('qrmLens/texts', { uri, epoch, responses: responses.slice(0, 20) });
    await this.client.request('qrmLens/contributions', { uri, epoch }).catch(() => undefined);
    const response = responses[this.below(responses.length)];
    if (response !== undefined)
      await this.client.request('qrmLens/detail', { uri, epoch, response }).catch(() => undefined);
  }

  private async look({ uri }: OpenText, line: number): Promise<void> {
    const textDocument = { uri };
    const position = { line, character: 40 };
    await this.client.request('textDocument/hover', { textDocument, position });
    await this.client.request<CodeLens[]>('textDocument/codeLens', { textDocument });
    await this.client.request<Diagnostic[]>('textDocument/documentSymbol', { textDocument });
    await this.client.connection.sendNotification('qrmLens/visibleRanges', {
      uri,
      ranges: [{ from: line, to: line + 40 }],
    });
  }

  /** Everything is scored and nothing is under way. */
  async settle(): Promise<void> {
    for (const { uri } of this.texts) await this.client.audit(uri).catch(() => undefined);
  }
}
