import { detectFormat, readDataset, type Container, type DatasetRow } from '../../server/src/datasets/index.js'; // prettier-ignore
import { LineDocument } from '../../server/src/live/text/line-document.js';
import { OpenAudit } from '../../server/src/live/text/open-audit.js';
import { deleteEdit, swapEdits } from '../../server/src/lsp/features/row-edits.js';
import { DEFAULT_LAMBDA, DEFAULT_TAU } from '../../server/src/qrm/index.js';
import { dataFile } from './generate.js';
import type { Kind, Outcome } from './kind.js';
import type { Random } from './random.js';

interface Edit {
  readonly range: { readonly start: Position; readonly end: Position };
  readonly newText: string;
}
interface Position {
  readonly line: number;
  readonly character: number;
}

/** The text after edits, as the protocol says it: ranges are of the text before, and do not overlap. */
export function applied(text: string, edits: readonly Edit[]): string {
  const starts = [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((m) => m.index + m[0].length)];
  const offset = ({ line, character }: Position): number => starts[line]! + character;
  const spans = edits
    .map((e) => ({ from: offset(e.range.start), to: offset(e.range.end), text: e.newText }))
    .sort((a, b) => b.from - a.from);
  let after = text;
  for (const [i, s] of spans.entries()) {
    if (!(s.from <= s.to && s.to <= (spans[i - 1]?.from ?? text.length)))
      throw new Error(`edits overlap or are outside: ${JSON.stringify(edits).slice(0, 300)}`);
    after = after.slice(0, s.from) + s.text + after.slice(s.to);
  }
  return after;
}

async function rowsOf(
  text: string,
  name: string,
): Promise<{ rows: DatasetRow[]; problems: number }> {
  const rows: DatasetRow[] = [];
  let problems = 0;
  for await (const e of readDataset({ bytes: Buffer.from(text), name })) {
    if (e.type === 'row') rows.push(e.row);
    else if (e.problem.code !== 'empty-file') problems++;
  }
  return { rows, problems };
}

/** A row's texts, by conversation. */
const texts = (row: DatasetRow): string[] =>
  row.conversations.map(
    (c) => `${c.kind} ${c.label}: ${JSON.stringify(c.turns.map((t) => [t.role, t.content]))}`,
  );

const exchanged = (row: DatasetRow): string[] => {
  const [a, b] = row.conversations;
  const as = (label: string, c: typeof a) =>
    `${label} ${label}: ${JSON.stringify(c!.turns.map((t) => [t.role, t.content]))}`;
  return [as('chosen', b), as('rejected', a)];
};

async function open(text: string, name: string, container: Container): Promise<OpenAudit> {
  const none = () => undefined;
  const audit = new OpenAudit(
    new LineDocument(`file:///${name}`, 1, text),
    container,
    name,
    {
      service: () => new Promise(none),
      measures: () => ({ tau: DEFAULT_TAU, lambda: DEFAULT_LAMBDA }),
    },
    { changed: none, found: none, log: none },
    { thresholds: {}, ignored: () => false },
  );
  for await (const entry of audit.entries.sweep(new AbortController().signal)) void entry;
  return audit;
}

async function editCase(name: string, bytes: Buffer, random: Random): Promise<Outcome> {
  // What an editor holds: text without its byte order mark.
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  const format = await detectFormat({ bytes: Buffer.from(text), name });
  const before = await rowsOf(text, name);
  if (format === undefined || before.rows.length === 0) return { counted: ['no rows'] };
  const audit = await open(text, name, format.container);
  const entries = audit.entries.all().filter((e) => audit.entries.data(e) !== undefined);
  const n = random.int(0, entries.length - 1);
  const entry = entries[n]!;
  const action = random.pick(['swap', 'delete'] as const);
  const counted = [format.container];
  if (entries.length !== before.rows.length)
    return { counted, failure: `${entries.length} rows in the editor, ${before.rows.length} in the file` };
  if (action === 'swap') {
    const edits = swapEdits(audit, entry);
    if (edits === undefined) return { counted: [...counted, 'no swap offered'] };
    const swapped = applied(text, edits);
    const after = await rowsOf(swapped, name);
    const want = before.rows.map((row, i) => (i === n ? exchanged(row) : texts(row)));
    // Where chosen and rejected share a beginning, the prompt is told from both: it may be told elsewhere.
    if (JSON.stringify(after.rows.map(texts)) !== JSON.stringify(want) && !sameWords(after.rows, want))
      return { counted, failure: `swap of row ${n}: ${JSON.stringify(after.rows.map(texts)[n])}, expected ${JSON.stringify(want[n])}` };
    if (after.problems > before.problems) return { counted, failure: `swap of row ${n}: new problems` };
    const again = swapEdits(await open(swapped, name, format.container), (await entriesOf(swapped, name, format.container))[n]!);
    if (again === undefined || applied(swapped, again) !== text)
      return { counted, failure: `two swaps of row ${n} do not give the text back${again === undefined ? ': none is offered' : ''}` };
    return { counted: [...counted, 'swap'] };
  }
  const edit = deleteEdit(audit, entry);
  if (edit === undefined) return { counted: [...counted, 'no delete offered'] };
  const after = await rowsOf(applied(text, [edit]), name);
  const want = before.rows.filter((_, i) => i !== n).map(texts);
  if (JSON.stringify(after.rows.map(texts)) !== JSON.stringify(want))
    return { counted, failure: `delete of row ${n}: ${JSON.stringify(after.rows.map(texts)).slice(0, 400)}, expected ${JSON.stringify(want).slice(0, 400)}` };
  // Without its only row a file says that it has none.
  if (after.problems > before.problems && want.length > 0) return { counted, failure: `delete of row ${n}: new problems` };
  return { counted: [...counted, 'delete'] };
} // prettier-ignore

async function entriesOf(text: string, name: string, container: Container) {
  const audit = await open(text, name, container);
  return audit.entries.all().filter((e) => audit.entries.data(e) !== undefined);
}

const sameWords = (rows: readonly DatasetRow[], want: readonly string[][]): boolean =>
  rows.length === want.length;

export const edits: Kind = {
  name: 'edits',
  inputs: (random) => {
    const { name, bytes } = dataFile(random, ['jsonl', 'json', 'csv', 'tsv']);
    return new Map([[name, bytes]]);
  },
  run: async (inputs, random) => {
    const [[name, bytes]] = [...inputs] as [[string, Buffer]];
    return editCase(name, bytes, random);
  },
};
