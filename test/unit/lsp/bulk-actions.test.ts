import { describe, expect, it } from 'vitest';
import type { TextEdit } from 'vscode-languageserver';
import { Ledger } from '../../../server/src/audit/index.js';
import type { Container } from '../../../server/src/datasets/index.js';
import { FindingSet } from '../../../server/src/live/finding-set.js';
import { LineDocument } from '../../../server/src/live/text/line-document.js';
import { OpenAudit } from '../../../server/src/live/text/open-audit.js';
import { bulkActions } from '../../../server/src/lsp/features/bulk-actions.js';
import { DEFAULT_LAMBDA, DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import { slotsOf } from '../../../server/src/session/slots.js';
import { applyEdits } from '../../integration/lsp/editor/client.js';
import { scoreOf, SETTINGS, TextEvaluator } from '../audit/helpers.js';
import { CLEAN_KIND } from '../../../server/src/protocol/index.js';

/** The texts after each bulk action, by its title. */
async function after(text: string, container: Container): Promise<Record<string, string>> {
  const none = () => undefined;
  const audit = new OpenAudit(
    new LineDocument('file:///pairs', 1, text),
    container,
    'pairs',
    {
      service: () => new Promise(none),
      measures: () => ({ tau: DEFAULT_TAU, lambda: DEFAULT_LAMBDA }),
    },
    { changed: none, found: none, log: none },
    { thresholds: {}, ignored: () => false },
  );
  const ledger = new Ledger(new TextEvaluator().info, SETTINGS);
  const order: number[] = [];
  for await (const entry of audit.entries.sweep(new AbortController().signal)) {
    const row = audit.entries.data(entry);
    if (row === undefined) continue;
    const slots = slotsOf(row);
    entry.ids = ledger.add(entry.row, slots);
    order.push(...entry.ids);
    const scores = slots.map((s) => {
      const said = row.conversations[s.conversation]!.turns[s.target]!.content;
      return scoreOf(Number(/r=(-?[\d.]+)/.exec(said)![1]));
    });
    ledger.settle(entry.ids, scores.map((score) => ({ result: { ok: true, score }, fromStore: false }))); // prettier-ignore
  }
  audit.ledger = ledger;
  const inverted = { kind: 'absolute', value: 0.3 } as const;
  audit.findings = await FindingSet.of(
    ledger,
    order,
    { inverted, tail: { kind: 'absolute', value: -9 } },
    () => false,
  );
  return Object.fromEntries(
    bulkActions(audit, CLEAN_KIND).map(({ title, edit }) => {
      expect(edit!.changeAnnotations!['qrm-lens']!.needsConfirmation).toBe(true);
      const [change] = edit!.documentChanges as { edits: TextEdit[] }[];
      return [title, applyEdits(text, change!.edits)];
    }),
  );
}

const pair = (n: number, chosen: number, rejected: number) => ({ prompt: `Q${n}`, chosen: `a${n} r=${chosen}`, rejected: `b${n} r=${rejected}` }); // prettier-ignore
const rows = [pair(1, 1, 0), pair(2, 0, 1), pair(1, 1, 0), pair(3, 0, 2), pair(2, 0, 1), pair(1, 1, 0)]; // prettier-ignore
const swapped = (row: (typeof rows)[number]) => ({ ...row, chosen: row.rejected, rejected: row.chosen }); // prettier-ignore
const fixed = rows.map((r, n) => ([1, 3, 4].includes(n) ? swapped(r) : r));
const single = [rows[0], rows[1], rows[3]];
const WRITERS: Record<string, [Container, (rows: unknown[]) => string]> = {
  'JSON Lines': ['jsonl', (r) => r.map((x) => JSON.stringify(x)).join('\n')],
  'JSON Lines with an end': ['jsonl', (r) => r.map((x) => `${JSON.stringify(x)}\r\n`).join('')],
  JSON: ['json', (r) => JSON.stringify(r, null, 2)],
  'JSON on one line': ['json', (r) => JSON.stringify(r)],
};
const parsed = (container: Container, text: string): unknown =>
  container === 'json' ? JSON.parse(text) : text.trim().split(/\r?\n/).map((l) => JSON.parse(l) as unknown); // prettier-ignore

describe('changes of all rows with a finding, shown before they are made', () => {
  it.each(Object.entries(WRITERS))('%s', async (_, [container, write]) => {
    const made = await after(write(rows), container);
    expect(Object.keys(made)).toEqual([
      'QRM Lens: Swap all inverted pairs of this file (3)',
      'QRM Lens: Delete all duplicates of this file (3)',
    ]);
    const [swaps, deletions] = Object.values(made) as [string, string];
    expect(swaps).toBe(write(fixed));
    expect(parsed(container, deletions)).toEqual(single);
  });

  it('a vote is turned, the responses stay where they are', async () => {
    const vote = (better: number) => JSON.stringify({ prompt: 'Q', response_0: 'a r=1', response_1: 'b r=0', better_response_id: better }); // prettier-ignore
    expect(Object.values(await after(`${vote(1)}\n`, 'jsonl'))).toEqual([`${vote(0)}\n`]);
  });
});
