import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallFiles } from '../../../soak/workload.js';
import { Client } from '../editor/client.js';
import { OpenText } from '../editor/open-text.js';
import { told } from '../editor/told.js';

/** The same text gives the same findings, numbers and counts, whatever came before. */

/** Texts edited at random in each form; QRM_RUNS asks for more, QRM_SEED for others. */
const RUNS = Number(process.env['QRM_RUNS'] ?? 4);
const SEED = process.env['QRM_SEED'] ?? (process.env['QRM_RUNS'] === undefined ? 1 : undefined);
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
  const files = smallFiles(ROWS);
  it.each(files)(
    '$name',
    async ({ name, text }) => {
      const lines = text.split(/(?<=\n)/);
      // A row twice; the other way about; nothing; no data set; data sets of other formats.
      const others = [
        text,
        text + lines.slice(1, 4).join(''),
        [...lines].reverse().join(''),
        '',
        'A note.\n',
        ...files.filter((f) => f.name !== name).map((f) => f.text),
      ];
      await fc.assert(
        fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 10 }), async (edits) => {
          const own = `${opened++}/${name}`;
          const document = await OpenText.open(edited, own, text);
          await edited.audit(document.uri);
          for (const one of edits) await make(document, one, others);
          const again = await OpenText.open(fresh, own, document.text);
          const now = await told(edited, document.uri);
          expect(now, JSON.stringify(document.text)).toEqual(await told(fresh, again.uri));
          await document.close();
          await again.close();
        }),
        // The same edits in every run of the tests; QRM_RUNS has others each time.
        { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) },
      );
    },
    300_000 + 60_000 * RUNS,
  );
});
