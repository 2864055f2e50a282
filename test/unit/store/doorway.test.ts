import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { Doorway } from '../../../server/src/store/doorway.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-doorway-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a store to which scores are written without a pause', () => {
  it('is opened in between, never meanwhile, and leaves no marks', async () => {
    const [writer, opener] = [new Doorway(folder), new Doorway(folder)];
    let [writing, opening, met, opened] = [0, 0, 0, 0];
    const write = () =>
      writer.writing(async () => {
        writing++;
        met += opening;
        await setTimeout(3);
        met += opening;
        writing--;
      });
    const all: Promise<void>[] = [];
    const opens = (async () => {
      for (; opened < 10; opened++) {
        await opener.alone(async () => {
          opening++;
          met += writing;
          await setTimeout(4);
          met += writing;
          opening--;
        });
        await setTimeout(5);
      }
    })();
    while (opened < 10) {
      all.push(write());
      await setTimeout(1);
    }
    await opens;
    await Promise.all(all);
    expect(met).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes on after a write that failed', async () => {
    const door = new Doorway(folder);
    const failed = door.writing(() => Promise.reject(new Error('disk full')));
    await expect(Promise.all([failed, door.writing(() => setTimeout(1))])).rejects.toThrow('full');
    await door.writing(() => setTimeout(1));
    expect(readdirSync(folder)).toEqual([]);
  });
});
