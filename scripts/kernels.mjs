// Objects of server/native: the kernels once for each set of instructions (server/native/unit.h), the rest once.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

export const NATIVE = join(import.meta.dirname, '..', 'server', 'native');

/** What looks before it leaps: without instructions beyond the base of x86-64. */
export const PLAIN = ['binding.c', 'cpu.c'];

/** The sets, each with the macro that chooses it and the compiler's flags. */
export const SETS = {
  amx: { macro: [], flags: ['-mamx-tile', '-mamx-int8', '-mamx-bf16', '-mtune=sapphirerapids'] },
  vnni: { macro: ['-DUNIT_VNNI'], flags: ['-mavx512vnni', '-mtune=icelake-server'] },
};

/**
 * The kernels of one set as one object, of whose names only the table is seen: the sets have the same functions.
 * @param {string} set
 * @param {(source: string, flags: readonly string[], object: string) => void} compile
 * @param {(command: string, args: readonly string[]) => void} run
 * @param {string} work folder for the objects
 */
export function compileSet(set, compile, run, work) {
  const all = readdirSync(NATIVE).filter((name) => name.endsWith('.c'));
  const objects = all
    .filter((name) => !PLAIN.includes(name))
    .map((name) => {
      const object = join(work, `${set}-${basename(name, '.c')}.o`);
      compile(join(NATIVE, name), SETS[set].macro, object);
      return object;
    });
  const whole = join(work, `${set}.o`);
  run(process.env.CC ?? 'cc', ['-r', '-nostdlib', '-o', whole, ...objects]);
  run(process.env.OBJCOPY ?? 'objcopy', [`--keep-global-symbol=kernels_${set}`, whole]);
  return whole;
}
