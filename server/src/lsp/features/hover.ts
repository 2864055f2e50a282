import type { Hover } from 'vscode-languageserver';
import { contributions, quantileAt, strongest } from '../../qrm/index.js';
import {
  cvarName,
  decimals,
  percent,
  signed,
  tailName,
  type FindingCode,
  type ThemeKind,
} from '../../protocol/index.js';
import type { LiveAudit } from '../../live/live-audit.js';
import { plain } from './markdown.js';
import { rawScore } from '../../live/raw-score.js';
import type { ScoreService } from '../../session/score-service.js';
import { blocks, image, sparkline, type Drawing } from './sparkline.js';
import { toRange } from './ranges.js';

const PULLING = 4;
const SHOWN = [0.05, 0.25, 0.5, 0.75, 0.95];

/** What the client can show. */
export interface HoverLook {
  /** Of its pictures, where it shows pictures; else the distribution is drawn in block characters. */
  readonly theme: ThemeKind;
  readonly pictures: boolean;
  readonly markdown: boolean;
}

/**
 * What is known of the response at a position; nothing between responses. Findings that the client
 * shows itself (an editor puts its diagnostics above the hover) are not told a second time.
 */
export async function hover(
  audit: LiveAudit,
  service: ScoreService | undefined,
  at: { line: number; character: number },
  look: HoverLook,
  told: (response: number, code: FindingCode) => boolean = () => false,
): Promise<Hover | null> {
  const { ledger } = audit;
  const id = audit.locate(at.line, at.character);
  if (ledger === undefined || id === undefined) return null;
  const part = audit.partAt(id, at.line, at.character);
  if (part === undefined) return null;
  const range = toRange(part);
  const { table, options } = ledger;
  const error = table.errors.get(id);
  if (!table.scored(id)) {
    const why = error === undefined ? 'waiting for its score' : `not scored: ${plain(error)}`;
    return contents(range, `**QRM Lens** — ${why}`, look);
  }
  const sorted = table.quantiles(id);
  const tail = table.tail.get(id);
  const mean = table.expectation.get(id);
  const name = tailName(options.tau);
  const share = audit.findings?.percentile(tail) ?? null;
  const label = table.label(id);
  const kind = table.kindOf(id);
  const other = table.partner(id);
  const drawing = {
    sorted,
    levels: table.levels,
    tail,
    mean,
    ...(other !== undefined && table.scored(other) && { other: table.quantiles(other) }),
  };
  const raw = service && (await rawScore(audit, service, id, false));
  const attributes = ledger.info.spec.attributes;
  const pulls = raw === undefined ? [] : contributions(raw, options.weights);
  const named = strongest(pulls, PULLING).map(
    (m) => `${plain(attributes[m] ?? `attribute ${m}`, 60)} ${signed(pulls[m] ?? 0)}`,
  );
  const facts = [
    ...(named.length > 0 ? [`Pulling most: ${named.join(', ')}`] : []),
    ...(pairLine(audit, id) ?? []),
  ];
  // One number has no tail, and no density to draw.
  const distribution = table.levels.length > 1;
  const figures: [string, number][] = [
    ...SHOWN.map((q): [string, number] => [tailName(q), quantileAt(sorted, table.levels, q)]),
    [cvarName(options.cvarLevel), table.cvar.get(id)],
    ['q95 − q05', table.spread.get(id)],
    [`cert. eq. (λ ${options.lambda})`, table.certaintyEquivalent.get(id)],
  ];
  // A diagnostic stands at the first part of an answer, and is not above the others.
  const spot = audit.spot(id);
  const above = part.line === spot.line && part.column === spot.column;
  const findings = (audit.findings?.of(id) ?? []).filter(({ code }) => !(above && told(id, code)));
  // The editor puts its diagnostics above and shows a dozen lines: what a table repeats comes last.
  const text = [
    `**QRM Lens** — ${kind}${label === '' || label === kind ? '' : ` ${plain(label, 60)}`}: ${distribution ? `${name} **${decimals(tail)}**, mean` : 'score'} **${decimals(mean)}**` +
      (share === null
        ? ''
        : `; **${percent(share)}** of this file have a lower ${distribution ? 'left tail' : 'score'}`),
    ...(distribution ? [picture(drawing, look)] : []),
    ...(facts.length > 0 ? [facts.join('  \n')] : []),
    ...findings.map(({ message }) => `- ${plain(message, 400)}`),
    ...(distribution
      ? [
          [
            // A line of text wraps at the hover's width, which a table of nine columns does not.
            figures.map(([head, value]) => `${head}\u00a0**${decimals(value)}**`).join(' · '),
          ].join('\n'),
        ]
      : []),
  ];
  return contents(range, text.join('\n\n'), look);
}

const picture = (drawing: Drawing, { pictures, theme }: HoverLook): string =>
  pictures
    ? image(sparkline(drawing, theme), 'reward distribution')
    : `\`\`\`text\n${blocks(drawing)}\n\`\`\``;

/** Markdown, or what it says without its marks where the client asked for plain text. */
const contents = (range: Hover['range'] & object, value: string, look: HoverLook): Hover => ({
  range,
  contents: look.markdown
    ? { kind: 'markdown', value }
    : { kind: 'plaintext', value: withoutMarks(value) },
});

const withoutMarks = (markdown: string): string =>
  markdown
    .replace(/^```(?:text)?\n/gm, '')
    .replaceAll('**', '')
    .replace(/ {2}\n/g, '\n')
    .replace(/\\([^\w\s])/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');

function pairLine(audit: LiveAudit, id: number): string[] | undefined {
  const { table } = audit.ledger ?? {};
  const other = table?.partner(id);
  if (table === undefined || other === undefined) return undefined;
  const chosen = table.kindOf(id) === 'chosen' ? id : other;
  const rejected = chosen === id ? other : id;
  const p = table.beats.get(chosen);
  if (Number.isNaN(p)) return undefined;
  const margin = table.expectation.get(chosen) - table.expectation.get(rejected);
  return [`Pair: margin ${signed(margin)}, P(chosen beats rejected) ${percent(p)}`];
}
