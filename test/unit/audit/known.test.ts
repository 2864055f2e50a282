import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AuditOptions } from '../../../server/src/audit/index.js';
import { readDataset, readWritten } from '../../../server/src/datasets/process/index.js';
import { audited as auditedBy, ownStore } from './audited.js';
import { collect, pairLine, SETTINGS } from './helpers.js';

const own = ownStore();

/** Rows of every kind, good and bad: more than a message of the reader holds. */
function lines(): string[] {
  const made: string[] = [];
  for (let n = 0; n < 900; n++) {
    made.push(pairLine(`p${n % 200}`, `good ${n % 200}`, `schlecht ä ${n}`));
    if (n % 50 === 0) made.push('{"prompt": "cut', '');
    if (n % 70 === 0) made.push(pairLine(`p${n}`, 'the same', ' '));
    if (n % 90 === 0) made.push(pairLine(`p${n}`, `fail ${n}`, `nan ${n}`));
    const said = [`a ${n}`, `b ${n}`, `c ${n}`].map((text, i) => ({ text, rating: i }));
    if (n % 30 === 0) made.push(JSON.stringify({ prompt: `p${n}`, completions: said }));
    const turn = (role: string, content: string) => ({ role, content });
    const chat = [turn('user', `u${n}`), turn('assistant', `x ${n}`), turn('user', 'and?')];
    if (n % 40 === 0)
      made.push(JSON.stringify({ messages: [...chat, turn('assistant', `y ${n}`)] }));
  }
  return made;
}

const audited = (path: string, known: boolean, more: Partial<AuditOptions> = {}) =>
  auditedBy(path, own.store, { known, ...more });

describe('rows of known scores', () => {
  it('come as numbers, and an audit is the same as without', async () => {
    const path = join(own.folder, 'data.jsonl');
    writeFileSync(path, lines().join('\n'));
    const first = await audited(path, true);
    expect(first.evaluator.asked.length).toBeGreaterThan(1000);
    const plain = await audited(path, false);
    const again = await audited(path, true);
    expect(again.all).toEqual(plain.all);
    // Those that fail are asked again; those without a text never have a score.
    expect(again.evaluator.asked.every((text) => /fail|nan/.test(text))).toBe(true);
    expect(again.seen.asRows).toBeLessThan(100);
    expect(again.seen.asNumbers + again.seen.asRows).toBe(plain.all.rows);
    const other = { tau: 0.1, lambda: 2, cvarLevel: 0.4, weights: [2] };
    expect((await audited(path, true, other)).all).toEqual((await audited(path, false, other)).all);
  });

  it('stand among others in the order of the file, where the store has some', async () => {
    const path = join(own.folder, 'some.jsonl');
    const all = lines();
    writeFileSync(path, all.filter((_, n) => n % 3 !== 1 && n < 600).join('\n'));
    await audited(path, false);
    writeFileSync(path, all.join('\n'));
    const known = await audited(path, true);
    expect(known.seen.asNumbers).toBeGreaterThan(200);
    expect(known.seen.asRows).toBeGreaterThan(200);
    const after = (await audited(path, false)).all;
    expect({ ...known.all, fromStore: 0 }).toEqual({ ...after, fromStore: 0 });
  });

  it('have their texts where the store cannot be read', async () => {
    const path = join(own.folder, 'data.jsonl');
    writeFileSync(path, lines().slice(0, 50).join('\n'));
    await audited(path, false);
    const ask = {
      store: join(own.folder, 'none.mdb'),
      identity: 'x',
      levels: [],
      measures: SETTINGS,
    };
    const plain = await collect(readDataset({ path }));
    expect(await collect(readWritten({ path }, {}, ask))).toEqual(plain);
  });
});
