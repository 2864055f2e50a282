import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditDataset } from '../../../server/src/audit/index.js';
import {
  makeReport,
  render,
  type ReportFormat,
  type Listed,
  type Report,
} from '../../../server/src/audit/report/index.js';
import { fit, visible, wellFormed, width } from '../../../server/src/audit/report/escape.js';
import { collect, pairLine, SETTINGS, sourceOf, TextEvaluator } from './helpers.js';

const ESC = '\x1b';
/** What a hostile dataset holds. */
const ATTACKS = [
  '<script>alert(1)</script><img src=x onerror="alert(2)">',
  `${ESC}[31mred${ESC}[2J${ESC}]0;title\x07`,
  '\u202egnihton\u2066 hidden\u200b',
  '=HYPERLINK("http://x","y")',
  '"; DROP TABLE, \r\n-- "quoted"',
  '</style></title>&amp;\u2028\ud800',
];
const FILE = `we<u>rd ${ESC}[1m,name.jsonl`;

async function reportOf(texts: readonly string[], name = FILE, more = ''): Promise<Report> {
  const evaluator = new TextEvaluator();
  const rows = texts.map((text, i) =>
    pairLine(`p${i}`, `${text} r=${i / 10}`, `${text} r=${1 - i / 10}`),
  );
  const { audit, progress } = auditDataset([sourceOf([...rows, more].join('\n'), name)], {
    evaluator,
    ...SETTINGS,
  });
  await collect(progress);
  return makeReport(audit, evaluator.info, { top: 50, version: '1.2.3' });
}
async function written(
  format: Exclude<ReportFormat, 'parquet'>,
  report: Report,
  colour = false,
): Promise<string> {
  const lines: string[] = [];
  for await (const line of render(format, report, { columns: 100, colour })) lines.push(line);
  return lines.join('\n');
}

let hostile: Report;
let listed: Listed[];
beforeAll(async () => {
  const texts = [...ATTACKS, ...Array.from({ length: 14 }, (_, i) => ATTACKS[i % 6]!)];
  hostile = await reportOf(texts, FILE, `{"bad": ${ESC}[31m`);
  listed = await collect(hostile.listed());
});

describe('json', () => {
  it('is one document with every finding and the riskiest first', async () => {
    const json = JSON.parse(await written('json', hostile)) as {
      findings: { code: string; line: number; column: number; excerpt?: string }[];
      riskiest: { tail: number; quantiles: number[] }[];
      responses: number;
      version: string;
    };
    expect([json.version, json.responses]).toEqual(['1.2.3', 40]);
    expect(json.findings.map((f) => f.code)).toEqual(listed.map((l) => l.finding.code));
    const tails = json.riskiest.map((r) => r.tail);
    expect(tails).toEqual([...tails].sort((a, b) => a - b));
    expect(json.riskiest[0]!.quantiles).toHaveLength(19);
  });
  it('is one finding a line as jsonl, with the exact text and the place from 1', async () => {
    const lines = (await written('jsonl', hostile))
      .split('\n')
      .map((l) => JSON.parse(l) as Record<string, unknown>);
    expect(lines).toHaveLength(listed.length);
    const { table } = hostile.audit;
    listed.forEach(({ finding: f, text }, n) => {
      if (!('response' in f)) return;
      const line = lines[n]!;
      const i = table.row.get(f.response) / 10;
      expect(text?.split(' r=').at(-1)).toBe(
        `${table.kindOf(f.response) === 'chosen' ? i : 1 - i}`,
      );
      expect(line['excerpt']).toBe(wellFormed(text ?? ''));
      expect(line['line']).toBe(table.place(f.response).line + 1);
      expect(line['column']).toBe(table.place(f.response).column + 1);
    });
  });
});

describe('csv', () => {
  it('is read back cell by cell, and no cell is a formula', async () => {
    const rows = parse(await written('csv', hostile), { columns: true }) as Record<
      string,
      string
    >[];
    expect(rows).toHaveLength(listed.length);
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        const isNumber = value !== '' && Number.isFinite(Number(value));
        if (!isNumber) expect(`${name}: ${value}`).not.toMatch(/^[^:]+: [=+\-@\t\r]/);
      }
    }
    const formula = rows.find((r) => r['excerpt']?.includes('HYPERLINK'));
    expect(formula?.['excerpt']).toMatch(/^'=HYPERLINK\("http:\/\/x","y"\)/);
  });
});

describe('html', () => {
  it('shows hostile text as text: no tag, attribute or style of the data becomes markup', async () => {
    const html = await written('html', hostile);
    expect(/<(script|img|u>)/i.exec(html)?.[0]).toBe(undefined);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).toContain('we&lt;u&gt;rd');
    expect(html.match(/<\/style>/g)).toHaveLength(1);
    expect(/[\u202e\u2066\u200b\u2028\x1b]|[\ud800-\udfff]/u.exec(html)).toBe(null);
  });
  it('allows its own style sheet and nothing else', async () => {
    const { createHash } = await import('node:crypto');
    const html = await written('html', hostile);
    const style = /<style>([^]*?)<\/style>/.exec(html)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(html).toContain(`default-src 'none'; style-src 'sha256-${hash}'`);
    // Data cannot hold a `<`, so these are all tags of the page.
    for (const tag of html.match(/<[^>]*>/g)!) {
      expect(tag).not.toMatch(/\s(style|href|src|on\w+)=/i);
    }
  });
  it('draws every response shown', async () => {
    expect((await written('html', hostile)).match(/<article>/g)).toHaveLength(
      hostile.ranked.length,
    );
  });
});

describe('text', () => {
  it('lets no control or bidirectional character of the data through', async () => {
    const text = await written('text', hostile);
    expect(text).not.toMatch(/[^\P{C}\n]/u);
    expect(text).toContain('\\x1b[31m');
  });
  it('has no other escape sequence than its own colours', async () => {
    const text = await written('text', hostile, true);
    expect(text).toMatch(/\x1b\[31m/);
    expect(text.replace(/\x1b\[(?:0|1|2|31|33|36)m/g, '')).not.toContain(ESC);
  });
  it('fits the terminal but for the summary, and names place, threshold and counts', async () => {
    const text = await written('text', hostile);
    const table = text.slice(0, text.indexOf('Rows that could not be read')).split('\n');
    for (const line of table) expect(width(line)).toBeLessThanOrEqual(100);
    expect(text).toMatch(/:1:\d+/);
    expect(text).toContain('q05 ≤');
    expect(text).toContain("(the dataset's lowest 5 %)");
    expect(text).toMatch(/Pairs +20; the model prefers the chosen response in \d/);
    const total = /Findings +(\d+)/.exec(text)![1];
    expect(Number(total)).toBe(listed.length);
  });
  it('works with no row at all', async () => {
    const empty = await reportOf([]);
    for (const format of ['text', 'json', 'jsonl', 'csv', 'sarif', 'html'] as const) {
      expect(await written(format, empty)).toEqual(expect.any(String));
    }
    expect(await written('text', empty)).toContain('0 of 1 file');
  });
});

describe('sarif', () => {
  const schema = JSON.parse(
    readFileSync(
      fileURLToPath(new URL('../../fixtures/sarif/sarif-2.1.0-rtm.5.json', import.meta.url)),
      'utf8',
    ),
  ) as Record<string, unknown>;
  // The published schema is of draft 4; what it uses means the same in later drafts, but for its name.
  delete schema['$schema'];
  delete schema['id'];
  interface Log {
    runs: {
      tool: { driver: { rules: { id: string }[] } };
      results: {
        ruleId: string;
        ruleIndex: number;
        locations: {
          physicalLocation: {
            region: { startLine: number; byteOffset: number; byteLength: number };
          };
        }[];
      }[];
    }[];
  }
  const validate = () => {
    const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
    (addFormats as unknown as (a: Ajv) => void)(ajv);
    return ajv.compile(schema);
  };

  it('validates against the schema of SARIF 2.1.0, hostile data or no data', async () => {
    const check = validate();
    for (const report of [
      hostile,
      await reportOf([]),
      await reportOf(['plain', 'text'], '/abs/a b.jsonl'),
    ]) {
      check(JSON.parse(await written('sarif', report)));
      expect(check.errors ?? []).toEqual([]);
    }
  });
  it('points every result to its rule and its bytes', async () => {
    const log = JSON.parse(await written('sarif', hostile)) as Log;
    const { tool, results } = log.runs[0]!;
    expect(results).toHaveLength(listed.length);
    results.forEach((r, n) => {
      expect(tool.driver.rules[r.ruleIndex]!.id).toBe(r.ruleId);
      const finding = listed[n]!.finding;
      if (!('response' in finding)) return;
      const place = hostile.audit.table.place(finding.response);
      const { region } = r.locations[0]!.physicalLocation;
      expect(region.startLine).toBe(place.line + 1);
      expect([region.byteOffset, region.byteLength]).toEqual([
        place.start,
        place.end - place.start,
      ]);
    });
  });
});

describe('escape', () => {
  it('writes controls as escapes and keeps letters, emoji and joiners', async () => {
    expect(visible('a\u0000b\u202ec\nd')).toBe('a\\x00b\\u{202e}c⏎d');
    expect(visible('naïve 日本 👩‍👩‍👧 é')).toBe('naïve 日本 👩‍👩‍👧 é');
  });
  it('measures and cuts by columns, never inside a grapheme', async () => {
    expect(width('日本a')).toBe(5);
    expect(fit('日本語', 5)).toBe('日本…');
    expect(fit('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
    expect(fit('short', 5)).toBe('short');
  });
});
