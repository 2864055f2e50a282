import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { exportRows, MOST_WITH_TEXT } from '../../../webview/src/dashboard/export.js';
import { TextSearch } from '../../../webview/src/dashboard/search.js';
import { Texts } from '../../../webview/src/dashboard/texts.js';
import { buildRows, DEFAULT_FILTER } from '../../../webview/src/data/rows.js';
import { documentOf, fakeHost, summary, text, type FindingRow } from './helpers.js';

/** Texts over a host that answers every request with `excerpt(response)`. */
function answering(excerpt: (r: number) => string) {
  const { host, asked } = fakeHost(({ responses }) =>
    responses.map((r) => text(r, excerpt(r), `Low left tail of ${r}`)),
  );
  return { texts: new Texts(host, () => undefined), asked };
}
const many = (n: number) =>
  documentOf(
    Array.from({ length: n }, (_, id) => ({ id, expectation: 0.5, tail: id / n })),
    Array.from({ length: n }, (_, id): FindingRow => [id, 0, 1]),
  );

describe('Texts', () => {
  it('asks for each text once, in chunks', async () => {
    const { texts, asked } = answering((r) => `text ${r}`);
    const d = many(600);
    const ids = Array.from({ length: 600 }, (_, i) => i);
    texts.want(d, ids);
    texts.want(d, ids);
    await new Promise((done) => setTimeout(done, 5));
    expect(asked.flatMap(({ responses }) => responses)).toEqual(ids);
    expect(asked.length).toBe(3);
    expect(texts.get(d, 599)?.excerpt).toBe('text 599');
    // Outdated texts are shown until the new ones are here.
    texts.outdate();
    expect(texts.get(d, 599)?.excerpt).toBe('text 599');
    texts.want(d, [599]);
    expect(asked.length).toBe(4);
    texts.forget();
    expect(texts.get(d, 599)).toBeUndefined();
  });

  it('keeps nothing that it did not ask for, and asks again where the host failed', async () => {
    const stray = new Texts(fakeHost(() => [text(1, 'stray')]).host, () => undefined);
    const d = many(2);
    expect(await stray.load(d, [0])).toEqual([undefined]);
    expect(stray.get(d, 1)).toBeUndefined();
    const failing = fakeHost(() => {
      throw new Error('the server is gone');
    });
    const { request } = failing.host;
    failing.host.request = (name, params) => Promise.resolve().then(() => request(name, params));
    const texts = new Texts(failing.host, () => undefined);
    expect(await texts.load(d, [0])).toEqual([undefined]);
    texts.want(d, [0]);
    await new Promise((done) => setTimeout(done, 5));
    expect(failing.asked).toHaveLength(2);
  });
});

describe('TextSearch', () => {
  it('keeps the rows whose excerpt, message or code contains the query, without regard to case', async () => {
    const { texts } = answering((r) => (r % 7 === 0 ? `The NEEDLE ${r}` : 'hay'));
    const d = many(1500);
    const search = new TextSearch(texts, () => undefined);
    await search.search(' needle ', [d], 'findings');
    const kept = Array.from({ length: 1500 }, (_, i) => i).filter((r) => search.keep(0, r, 0));
    expect(kept).toEqual(Array.from({ length: 1500 }, (_, i) => i).filter((r) => r % 7 === 0));
    expect(search.fraction).toBe(1);
    await search.search('tail of 12', [d], 'findings');
    expect(search.keep(0, 12, 0)).toBe(true);
    expect(search.keep(0, 13, 0)).toBe(false);
    await search.search('inverted', [d], 'findings');
    expect(search.keep(0, 13, 1)).toBe(true);
    expect(search.keep(0, 13, 0)).toBe(false);
  });

  it('keeps what it found while the same search goes through a longer list', async () => {
    const { texts, asked } = answering((r) => `${r}`);
    const d = many(700);
    const search = new TextSearch(texts, () => undefined);
    await search.search('5', [d], 'findings');
    d.setSummary(summary({ state: 'running' }));
    const before = asked.length;
    const again = search.search('5', [d], 'findings');
    expect(search.keep(0, 555, 0)).toBe(true);
    await again;
    expect(asked.length).toBe(before);
  });

  it('gives up an older search when a newer begins', async () => {
    const { texts } = answering((r) => `${r}`);
    const d = many(1200);
    const search = new TextSearch(texts, () => undefined);
    const old = search.search('1', [d], 'findings');
    await Promise.all([old, search.search('1199', [d], 'findings')]);
    expect(Array.from({ length: 1200 }, (_, r) => r).filter((r) => search.keep(0, r, 0))).toEqual([
      1199,
    ]);
  });
});

describe('exportRows', () => {
  it('writes the rows in the order of the table, with texts that no spreadsheet runs', async () => {
    const { texts } = answering((r) => (r === 1 ? '=HYPERLINK("http://x")' : 'a "quoted"\nline'));
    const d = many(3);
    const rows = buildRows([d], { ...DEFAULT_FILTER, sort: 'tail', descending: true }, [undefined]);
    const parsed = parse(await exportRows(rows, [d], texts, () => undefined), {
      columns: true,
    }) as Record<string, string>[];
    expect(parsed.map((r) => r.line)).toEqual(['3', '2', '1']);
    expect(parsed[0]?.text).toBe('a "quoted"\nline');
    expect(parsed[1]?.text).toBe('\'=HYPERLINK("http://x")');
    expect(parsed[1]?.message).toBe('Low left tail of 1');
    expect(Number(parsed[0]?.q_tau)).toBeCloseTo(2 / 3, 6);
    expect(parsed[0]?.margin).toBe('');
  });

  it('leaves texts out of a very long table, and says so', async () => {
    const { texts, asked } = answering(() => 'text');
    const d = many(MOST_WITH_TEXT + 1);
    const said: string[] = [];
    const out = await exportRows(buildRows([d], DEFAULT_FILTER, []), [d], texts, (t) =>
      said.push(t),
    );
    expect(out.split('\r\n')).toHaveLength(MOST_WITH_TEXT + 3);
    expect(out.slice(0, out.indexOf('\r\n'))).not.toContain('text');
    expect(said[0]).toContain('without texts');
    expect(asked).toHaveLength(0);
  });
});
