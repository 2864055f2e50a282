import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Diagnostic } from 'vscode-languageserver-protocol/node.js';
import type { FindingBatch, ResponseText } from '../../../server/src/protocol/index.js';
import { smallFiles } from '../../soak/workload.js';
import { Client, type Columns } from './client.js';
import { OpenText } from './open-text.js';

/** The same text gives the same findings, numbers and counts, whatever came before. */

/** Texts edited at random in each form; QRM_RUNS asks for more. */
const RUNS = Number(process.env['QRM_RUNS'] ?? 4);
const ROWS = 8;

let edited: Client;
let fresh: Client;
beforeAll(async () => {
  const options = {
    capabilities: { textDocument: { publishDiagnostics: { relatedInformation: true } } },
    settings: {
      thresholds: { tail: '20%', inverted: '20%', ambiguous: '20%', wide: '20%', modes: 2 },
    },
  };
  [edited, fresh] = await Promise.all([Client.start(options), Client.start(options)]);
});
afterAll(() => Promise.all([edited.stop(), fresh.stop()]));

/** All that is told of a document, in words that do not depend on how responses are numbered. */
async function told(client: Client, uri: string): Promise<unknown> {
  const failed = (error: unknown) =>
    String(error).replaceAll(uri, 'URI').replaceAll(client.folder, '');
  const audited = await client.audit(uri).catch(failed);
  if (typeof audited === 'string') return audited.replace(/\/\d+\//, '/');
  const { epoch, state, rows, scored, counts, thresholds, tau, lambda } = audited;
  const byId = new Map<number, Columns>();
  for (const column of await client.columns(audited)) byId.set(column.id, column);
  const live = [...byId.values()].filter((c) => c.kind !== 255);
  const where = (id: number | undefined) => {
    const c = byId.get(id ?? -1);
    return c && `row ${c.row} line ${c.line} kind ${c.kind}`;
  };
  const columns = live
    .map(({ id, partner, ...rest }) => ({ ...rest, at: where(id), partner: where(partner) }))
    .sort((a, b) => a.row - b.row || a.line - b.line || a.kind - b.kind);
  const list = await client.request<FindingBatch>('qrmLens/findings', {
    uri,
    epoch,
    from: 0,
    limit: 20_000,
  });
  const found = list.response.map((id, n) => [where(id), list.code[n], list.severity[n]]);
  const texts = await client.request<ResponseText[]>('qrmLens/texts', {
    uri,
    epoch,
    responses: list.response,
  });
  const messages = texts.map(({ response, findings, ...text }) => ({
    ...text,
    at: where(response),
    findings: findings.map(({ related, ...f }) => ({ ...f, related: where(related) })),
  }));
  const diagnostics = client.last(uri).map(({ data: _, relatedInformation, ...d }: Diagnostic) => ({
    ...d,
    related: relatedInformation?.map(({ location, message }) => ({
      range: location.range,
      message,
    })),
  }));
  return {
    state,
    rows,
    scored,
    counts,
    thresholds,
    tau,
    lambda,
    columns,
    found,
    messages,
    diagnostics,
  };
}

const KINDS = [
  'insert',
  'delete',
  'typed',
  'swap',
  'remove',
  'undo',
  'move',
  'copy',
  'all',
  'reopen',
  'wait',
] as const;
type Edit = readonly [kind: (typeof KINDS)[number], a: number, b: number];
const edit: fc.Arbitrary<Edit> = fc.tuple(fc.constantFrom(...KINDS), fc.nat(), fc.nat());

/** A place that parts no line end and no pair of surrogates. */
function place(text: string, n: number): number {
  let at = n % (text.length + 1);
  while (/[\n\udc00-\udfff]/.test(text[at] ?? '') && at > 0) at--;
  return at;
}

async function make(text: OpenText, [kind, a, b]: Edit, others: readonly string[]): Promise<void> {
  const { lines } = text;
  const start = (n: number) => lines.slice(0, n).join('').length;
  const from = a % lines.length;
  const to = b % lines.length;
  if (kind === 'insert') {
    const at = place(text.text, a);
    await text.replace(
      at,
      at,
      ['"', 'word ', '\n', '{', ',', '\\', '## User\n\n'][b % 7] as string,
    );
  } else if (kind === 'delete') {
    const at = place(text.text, a);
    await text.replace(at, place(text.text, Math.min(at + (b % 40), text.text.length)), '');
  } else if (kind === 'typed') {
    let at = place(text.text, a);
    for (const letter of 'well') await text.replace(at, at++, letter);
  } else if (kind === 'swap') await text.act(from, 'Swap');
  else if (kind === 'remove') await text.act(from, 'Delete');
  else if (kind === 'undo') for (let n = b % 3; n >= 0; n--) await text.undo();
  else if (kind === 'move') {
    const moved = [...lines];
    const [line = ''] = moved.splice(from, 1);
    moved.splice(to, 0, line);
    await text.all(moved.join(''));
  } else if (kind === 'copy') {
    const line = lines[from] ?? '';
    await text.replace(start(to), start(to), line.endsWith('\n') ? line : `${line}\n`);
  } else if (kind === 'all') await text.all(others[b % others.length] as string);
  else if (kind === 'reopen') {
    await text.close();
    await text.reopen();
  } else await new Promise((resolve) => setTimeout(resolve, (a % 3) * 200));
}

let opened = 0;
describe('the same text gives the same findings', () => {
  // A transcript is one row: every edit scores all of it again, which is too slow for here.
  it.each(smallFiles(ROWS).slice(0, 4))(
    '$name',
    async ({ name, text }) => {
      const lines = text.split(/(?<=\n)/);
      // A row twice; the other way about; nothing.
      const others = [text, text + lines.slice(1, 4).join(''), [...lines].reverse().join(''), ''];
      await fc.assert(
        fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 10 }), async (edits) => {
          const own = `${opened++}/${name}`;
          const document = await OpenText.open(edited, own, text);
          await edited.audit(document.uri);
          for (const one of edits) await make(document, one, others);
          const again = await OpenText.open(fresh, own, document.text);
          // On a loaded machine an answer may be of a moment before the last findings: what comes in the end counts.
          let [now, then] = [await told(edited, document.uri), await told(fresh, again.uri)];
          for (let n = 0; n < 20 && !isDeepStrictEqual(now, then); n++) {
            await new Promise((resolve) => setTimeout(resolve, 500));
            [now, then] = [await told(edited, document.uri), await told(fresh, again.uri)];
          }
          expect(now, JSON.stringify(document.text)).toEqual(then);
          await document.close();
          await again.close();
        }),
        // The same edits in every run of the tests; QRM_RUNS has others each time.
        { numRuns: RUNS, ...(process.env['QRM_RUNS'] === undefined && { seed: 1 }) },
      );
    },
    300_000 + 60_000 * RUNS,
  );
});
