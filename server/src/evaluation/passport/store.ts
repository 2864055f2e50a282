import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../errors.js';
import { makeFolder } from '../../files/folder.js';
import { writeWhole } from '../../files/write.js';
import type { Passport } from './passport.js';

/**
 * Where a model's passport is: in the cache, by the model's hash. A bundle's own folder may be read-only, and
 * changing it would make it another model.
 */
const pathOf = (cache: string, modelHash: string): string =>
  join(cache, 'passports', `${modelHash.replace(/[^\w-]/g, '_')}.json`);

/** The passport, or undefined where there is none. @throws Error naming a file that is none */
export async function readPassport(
  cache: string,
  modelHash: string,
): Promise<Passport | undefined> {
  const path = pathOf(cache, modelHash);
  if (!existsSync(path)) return undefined;
  const fail = (what: string): Error =>
    new Error(`${path}: ${what}; expected a calibration passport. Run qrm calibrate again`);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw fail(messageOf(error));
  }
  const passport = value as Partial<Passport> | null;
  if (passport?.version !== 1 || !Array.isArray(passport.entries))
    throw fail('not of this version');
  return passport as Passport;
}

/** Adds entries: those of the same data set and attribute are replaced. @returns the file */
export async function writePassport(cache: string, passport: Passport): Promise<string> {
  const path = pathOf(cache, passport.modelHash);
  const old = await readPassport(cache, passport.modelHash).catch(() => undefined);
  const fresh = new Set(passport.entries.map((e) => `${e.dataset}\n${e.attribute}`));
  const kept =
    old?.tau === passport.tau
      ? old.entries.filter((e) => !fresh.has(`${e.dataset}\n${e.attribute}`))
      : [];
  makeFolder(join(cache, 'passports'));
  const whole: Passport = { ...passport, entries: [...kept, ...passport.entries] };
  await writeWhole(path, (write) => write(JSON.stringify(whole, null, 1)));
  return path;
}
