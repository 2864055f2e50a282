import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { hhLines } from '../integration/lsp/editor/hh.js';
import type { Prepare } from './kind.js';
import { ENGINE, evaluatorsOf, good, Run } from './processes.js';

/** Enough that much of a run is writing. */
const ROWS = 20_000;
const SCORED = 40;

type Files = ReadonlyMap<string, string>;

/** What is in a folder; of manifests without the moment. */
function filesOf(folder: string): Files {
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return new Map(
    names.map((name) => {
      const bytes = readFileSync(join(folder, name));
      if (name !== 'qrm-clean.json') return [name, bytes.toString('latin1')];
      const manifest = JSON.parse(bytes.toString()) as Record<string, unknown>;
      return [name, JSON.stringify({ ...manifest, created: '', command: '' })];
    }),
  );
}

function same(what: string, now: Files, expected: Files): void {
  const odd = [...expected.keys(), ...now.keys()].find((name) => now.get(name) !== expected.get(name)); // prettier-ignore
  if (odd !== undefined) throw new Error(`${what}: ${odd} is not what an undisturbed run gives`);
}

/**
 * In turn without a model, where nearly all is reading and writing, and with one; into an empty folder, and over
 * what another cleaning left there. Each file that stands after the kill is the old one or the whole new one.
 */
export const clean: Prepare = async (folder) => {
  const tmp = join(folder, 'tmp');
  mkdirSync(tmp);
  const row = (n: number) => JSON.stringify({ prompt: `Question ${n % 5000}`, chosen: `Answer ${n % 7000}`, rejected: 'No. '.repeat(1 + (n % 9)) }); // prettier-ignore
  const rows = Array.from({ length: ROWS }, (_, n) => row(n)).join('\n');
  writeFileSync(join(folder, 'a.jsonl.gz'), gzipSync(rows));
  writeFileSync(join(folder, 'b.json'), `[${rows.replaceAll('\n', ',\n ')}]\n`);
  writeFileSync(join(folder, 'c.jsonl'), hhLines(SCORED).join('\n'));
  const run = (args: readonly string[], out: string) =>
    new Run(folder, ['clean', ...args, '--out', out], { TMPDIR: tmp });
  const kinds = [
    ['a.jsonl.gz', 'b.json', '--drop-duplicates'],
    ['a.jsonl.gz', 'b.json', '--drop-duplicates', '--split', 'train/test'],
    ['c.jsonl', '--annotate', '--swap', 'inverted-pair:0.5', ...ENGINE],
  ];
  const old = ['a.jsonl.gz', 'b.json', 'c.jsonl', '--drop', 'malformed-row'];
  await good(run(old, 'old'));
  const before = filesOf(join(folder, 'old'));
  const made: Files[] = [];
  for (const [n, args] of kinds.entries()) {
    await good(run(args, `new-${n}`));
    made.push(filesOf(join(folder, `new-${n}`)));
  }
  const out = join(folder, 'out');
  let n = -1;
  return {
    start() {
      n++;
      rmSync(out, { recursive: true, force: true });
      if (n % 2 === 1) cpSync(join(folder, 'old'), out, { recursive: true });
      const scored = n % 3 === 2;
      const child = run(kinds[n % 3]!, 'out');
      return Promise.resolve({
        pid: child.child.pid,
        over: () => child.over,
        // Some file is written, or the model is there.
        loaded: () => child.says(scored ? 'Model ' : ' removed'),
        ...(scored && { evaluators: () => evaluatorsOf(child.child.pid ?? 0) }),
        async gone(evaluator: boolean) {
          if (evaluator) await good(child);
          else await child.ended;
        },
      });
    },
    async check() {
      const [args, expected] = [kinds[Math.max(n, 0) % 3]!, made[Math.max(n, 0) % 3]!];
      for (const [name, content] of filesOf(out)) {
        if (/\.part$/.test(name)) continue;
        if (content !== expected.get(name) && content !== before.get(name))
          throw new Error(`${name}: neither the old file nor the whole new one`);
      }
      await good(run(args, 'out'));
      const now = filesOf(out);
      const over = new Map([...(n % 2 === 1 ? before : []), ...expected]);
      same('clean', now, over);
      if (readdirSync(tmp).length > 0) throw new Error(`left in TMPDIR: ${readdirSync(tmp).join(', ')}`); // prettier-ignore
      rmSync(join(folder, 'undone'), { recursive: true, force: true });
      await good(new Run(folder, ['clean', '--undo', 'out', '--out', 'undone'], { TMPDIR: tmp }));
      for (const name of args.filter((arg) => /\.(gz|jsonl?)$/.test(arg)))
        if (!readFileSync(join(folder, 'undone', name)).equals(readFileSync(join(folder, name))))
          throw new Error(`${name}: undo does not give the original`);
    },
  };
};
