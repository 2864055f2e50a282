import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ViewStates } from '../../../client/src/views/view-states.js';
import type { PersistedState } from '../../../server/src/protocol/index.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-views-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(folder, `${++files}`, 'views.json');
const open = (file: string, warnings: string[] = []) =>
  new ViewStates(file, (message) => void warnings.push(message));
const dashboard = (saved: number, text = '', uris = ['file:///a.jsonl']): PersistedState => ({
  page: 'dashboard',
  uris,
  filters: { text },
  saved,
});

describe('the states of views', () => {
  it('come back after a reload when they are later than what the editor kept', async () => {
    const file = newFile();
    const before = open(file);
    await Promise.all([1, 2, 3].map((n) => before.keep(dashboard(n, `filter ${n}`))));
    const after = open(file);
    const { page, uris } = dashboard(0);
    expect(await after.later({ page, uris }, dashboard(1))).toEqual(dashboard(3, 'filter 3'));
    expect(await after.later({ page, uris }, undefined)).toEqual(dashboard(3, 'filter 3'));
    expect(await after.later({ page, uris }, dashboard(3))).toBeUndefined();
  });

  it('are of their own documents; the distribution view is one', async () => {
    const states = open(newFile());
    await states.keep(dashboard(5, 'one'));
    await states.keep({
      page: 'detail',
      uris: ['file:///a.jsonl'],
      filters: { tau: 0.2 },
      saved: 6,
    });
    expect(
      await states.later({ page: 'dashboard', uris: ['file:///b.jsonl'] }, undefined),
    ).toBeUndefined();
    const detail = await states.later({ page: 'detail', uris: ['file:///b.jsonl'] }, undefined);
    expect(detail?.filters).toEqual({ tau: 0.2 });
  });

  it('are forgotten with their view', async () => {
    const file = newFile();
    const states = open(file);
    await states.keep(dashboard(5));
    await states.forget('dashboard', ['file:///a.jsonl']);
    expect(await open(file).later(dashboard(0), undefined)).toBeUndefined();
  });

  it('do not grow without end, and the latest stay', async () => {
    const file = newFile();
    const states = open(file);
    for (let n = 0; n < 40; n++) await states.keep(dashboard(n, '', [`file:///${n}.jsonl`]));
    const kept = JSON.parse(readFileSync(file, 'utf8')) as PersistedState[];
    expect(kept.length).toBeLessThan(40);
    expect(kept.at(-1)?.uris).toEqual(['file:///39.jsonl']);
  });

  it('of a damaged file are none, and it is said', async () => {
    const file = newFile();
    await open(file).keep(dashboard(1));
    for (const damage of ['[{"page":"dash', '[null, {"page":"dashboard","uris":[1],"saved":9}]']) {
      writeFileSync(file, damage);
      const warnings: string[] = [];
      const states = open(file, warnings);
      expect(await states.later(dashboard(0), undefined)).toBeUndefined();
      expect(warnings).toHaveLength(damage.endsWith(']') ? 0 : 1);
      await states.keep(dashboard(2));
      expect(await open(file).later(dashboard(0), dashboard(1))).toEqual(dashboard(2));
    }
  });
});
