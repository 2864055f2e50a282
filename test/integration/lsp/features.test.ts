import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  CodeLens,
  DocumentSymbol,
  Hover,
  InlayHint,
  MarkupContent,
  Position,
} from 'vscode-languageserver-protocol/node.js';
import type {
  Contributions,
  DetailResult,
  LocateResult,
} from '../../../server/src/protocol/index.js';
import { type StartOptions, Client, MODEL } from './editor/client.js';
import { hhLines } from './editor/hh.js';

/** As our extension does: it shows pictures. */
const start = (options: StartOptions = {}) =>
  Client.start({ ...options, init: { extension: true, ...options.init } });

const valueOf = (hover: Hover | null): string => (hover?.contents as MarkupContent).value;
const sameStart = (a: Position, b: Position) => a.line === b.line && a.character === b.character;
const svgOf = (markdown: string): string =>
  Buffer.from(/data:image\/svg\+xml;base64,([^)]*)/.exec(markdown)?.[1] ?? '', 'base64').toString();

describe('in the text of pairs', () => {
  const text = hhLines(14, 1200).join('\n');
  let client: Client;
  let uri: string;
  let epoch: number;
  beforeAll(async () => {
    client = await start({ settings: { inlayHints: { enabled: true } } });
    uri = await client.open('hh.jsonl', text);
    epoch = (await client.audit(uri)).epoch;
  });
  afterAll(() => client.stop());

  const detail = (response: number) =>
    client.request<DetailResult>('qrmLens/detail', { uri, epoch, response });
  const hoverAt = (line: number, character: number) =>
    client.request<Hover | null>('textDocument/hover', {
      textDocument: { uri },
      position: { line, character },
    });

  it('hover shows the response under the cursor: its figures, its attributes, its drawing', async () => {
    const { detail: d } = await detail(5);
    if (d === null) throw new Error('no detail');
    const hover = await hoverAt(d.spot.line, d.spot.column + 2);
    const shown = valueOf(hover);
    const mean = d.quantiles.reduce((a, b) => a + b, 0) / d.quantiles.length;
    expect(shown).toContain(`mean **${mean.toFixed(3).replace('-', '−')}**`);
    expect(hover?.range?.end).toEqual({ line: d.spot.endLine, character: d.spot.endColumn });
    expect(shown.replaceAll('\\', '')).toContain('helpsteer-helpfulness');
    // Diagnostics stand above: the drawing and what pulls come before what a table repeats.
    const order = ['mean **', 'data:image', 'Pulling most', 'Pair: margin', 'CVaR 20 %\u00a0**'];
    const places = order.map((word) => shown.indexOf(word));
    expect(Math.min(...places)).toBeGreaterThan(0);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    const svg = svgOf(shown);
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).not.toMatch(/<script|on\w+=|href/i);
  });

  it('hover changes its colours with the theme', async () => {
    const { detail: d } = await detail(4);
    if (d === null) throw new Error('no detail');
    const drawings = new Set<string>();
    for (const kind of ['dark', 'light', 'high-contrast']) {
      await client.connection.sendNotification('qrmLens/theme', { kind });
      drawings.add(svgOf(valueOf(await hoverAt(d.spot.line, d.spot.column))));
    }
    expect(drawings.size).toBe(3);
  });

  it('hover tells findings where the client shows no diagnostics, and there alone', async () => {
    const showing = await start({
      capabilities: { textDocument: { publishDiagnostics: {} } },
      settings: { maxDiagnostics: 1 },
    });
    try {
      const its = await showing.open('hh.jsonl', text);
      await showing.audit(its);
      const all = await client.until(() => client.last(uri).length > 1 && client.last(uri), 'all');
      const one = await showing.until(
        () => showing.last(its).length === 1 && showing.last(its)[0],
        'the one that the limit lets through',
      );
      const bullets = async (of: Client, at: string, { line, character }: Position) => {
        const params = { textDocument: { uri: at }, position: { line, character } };
        const shown = valueOf(await of.request<Hover | null>('textDocument/hover', params));
        expect(shown).toContain('mean **');
        return shown.match(/^- /gm)?.length ?? 0;
      };
      for (const { range, message } of all) {
        const here = all.filter((d) => sameStart(d.range.start, range.start));
        expect(await bullets(client, uri, range.start)).toBe(here.length);
        const given = here.some((d) => sameStart(d.range.start, one.range.start)) ? 1 : 0;
        expect(await bullets(showing, its, range.start), message).toBe(here.length - given);
      }
    } finally {
      await showing.stop();
    }
  });

  it('hover says nothing of a prompt', async () => {
    expect(await hoverAt(0, 14)).toBeNull();
  });

  it('the percentile counts the lower left tails of the file', async () => {
    const columns = await client.columns(await client.summary(uri));
    const low = columns.reduce((a, b) => (b.tail < a.tail ? b : a));
    const high = columns.reduce((a, b) => (b.tail > a.tail ? b : a));
    expect((await detail(low.id)).detail?.percentile).toBeLessThan(2 / columns.length);
    expect((await detail(high.id)).detail?.percentile).toBeGreaterThan(1 - 2 / columns.length);
  });

  it('a lens above each pair tells margin and P(chosen beats rejected)', async () => {
    const lenses = await client.request<CodeLens[]>('textDocument/codeLens', {
      textDocument: { uri },
    });
    expect(lenses.map((l) => l.range.start.line)).toEqual([...text.split('\n').keys()]);
    const columns = await client.columns(await client.summary(uri));
    const of = (id: number | undefined) => columns.find((c) => c.id === id);
    for (const lens of lenses) {
      const chosen = of((lens.command?.arguments?.[0] as { response: number }).response);
      const margin = (chosen?.expectation ?? 0) - (of(chosen?.partner)?.expectation ?? 0);
      expect(lens.command?.title).toContain(Math.abs(margin).toFixed(3));
      expect(lens.command?.title).toContain(`${(100 * (chosen?.beats ?? 0)).toFixed(1)} %`);
    }
  });

  it('an inlay hint follows each response when they are on', async () => {
    const range = { start: { line: 2, character: 0 }, end: { line: 3, character: 0 } };
    const params = { textDocument: { uri }, range };
    const hints = await client.request<InlayHint[]>('textDocument/inlayHint', params);
    expect(hints).toHaveLength(4);
    expect(hints.every((h) => String(h.label).startsWith('q05 '))).toBe(true);
  });

  it('symbols name the rows and hold their responses', async () => {
    const params = { textDocument: { uri } };
    const symbols = await client.request<DocumentSymbol[]>('textDocument/documentSymbol', params);
    expect(symbols[3]?.name).toBe('Row 4 (pair)');
    expect(symbols[3]?.children?.map((c) => c.name)).toEqual(['chosen', 'rejected']);
  });

  it('a position finds its response, and a response its position', async () => {
    const { detail: d } = await detail(7);
    const at = { uri, line: d?.spot.line, column: (d?.spot.column ?? 0) + 1 };
    const found = await client.request<LocateResult>('qrmLens/locate', at);
    expect(found).toEqual({ epoch, response: 7 });
    const spot = await client.request('qrmLens/spot', { uri, epoch, response: 7 });
    expect(spot).toMatchObject({ ...d?.spot });
  });

  it('detail holds the raw score: the mixture of the attributes is the response', async () => {
    const { detail: d, partner, attributes, levels } = await detail(6);
    const [M, K] = [attributes.length, levels.length];
    expect(d?.attributeQuantiles).toHaveLength(M * K);
    expect(partner?.row).toBe(d?.row);
    levels.forEach((_, k) => {
      let mixed = 0;
      for (let m = 0; m < M; m++)
        mixed += (d?.gate[m] ?? 0) * (d?.attributeQuantiles[m * K + k] ?? 0);
      expect(mixed).toBeCloseTo(d?.quantiles[k] ?? Number.NaN, 5);
    });
  });

  it('mean contributions add up to the mean expectation', async () => {
    const columns = await client.columns(await client.summary(uri));
    const params = { uri, epoch };
    const c = await client.request<Contributions>('qrmLens/contributions', params);
    const mean = columns.reduce((sum, { expectation }) => sum + expectation, 0) / columns.length;
    expect(c.sample).toBe(columns.length);
    expect(c.mean.reduce((a, b) => a + b, 0)).toBeCloseTo(mean, 4);
  });

  it('numbers of another epoch are answered with nothing', async () => {
    const stale = await client.request<DetailResult>('qrmLens/detail', {
      uri,
      epoch: epoch + 1000,
      response: 0,
    });
    expect(stale.detail).toBeNull();
    expect(stale.reason).toBeDefined();
  });
});

describe('settings of what stands beside the text', () => {
  it('take effect at once: the editor is told to ask again, and only for what changed', async () => {
    const client = await start({
      capabilities: {
        workspace: { inlayHint: { refreshSupport: true }, codeLens: { refreshSupport: true } },
      },
    });
    try {
      const uri = await client.open('beside.jsonl', hhLines(6, 600).join('\n'));
      await client.audit(uri);
      const range = { start: { line: 0, character: 0 }, end: { line: 6, character: 0 } };
      const hints = () =>
        client.request<InlayHint[]>('textDocument/inlayHint', { textDocument: { uri }, range });
      const lenses = () =>
        client.request<CodeLens[]>('textDocument/codeLens', { textDocument: { uri } });
      const set = (settings: object) =>
        client.connection.sendNotification('workspace/didChangeConfiguration', {
          settings: { qrmLens: { model: { path: MODEL }, threads: 1, ...settings } },
        });
      for (const enabled of [true, false]) {
        const [before, lensesBefore] = [client.hintRefreshes, client.lensRefreshes];
        await set({ inlayHints: { enabled } });
        await client.until(() => client.hintRefreshes > before, 'the hints to be asked for');
        expect(await hints()).toHaveLength(enabled ? 12 : 0);
        expect(client.lensRefreshes).toBe(lensesBefore);
      }
      for (const enabled of [false, true]) {
        const [before, hintsBefore] = [client.lensRefreshes, client.hintRefreshes];
        await set({ codeLens: { enabled } });
        await client.until(() => client.lensRefreshes > before, 'the lenses to be asked for');
        expect(await lenses()).toHaveLength(enabled ? 6 : 0);
        expect(client.hintRefreshes).toBe(hintsBefore);
      }
    } finally {
      await client.stop();
    }
  });
});
