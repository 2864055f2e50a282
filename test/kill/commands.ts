import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MODEL } from '../integration/lsp/editor/client.js';
import { hhLines } from '../integration/lsp/editor/hh.js';
import type { Kind, Prepare, Victim } from './kind.js';
import { ENGINE, evaluatorsOf, good, Run } from './processes.js';

const ROWS = 60;
const PROCESSES = 8;

function victim(run: Run): Victim {
  return {
    pid: run.child.pid,
    over: () => run.over,
    loaded: () => run.says('Model '),
    evaluators: () => evaluatorsOf(run.child.pid ?? 0),
    async gone(evaluator) {
      if (evaluator) await good(run);
      else await run.ended;
    },
  };
}

const data = (folder: string): void =>
  writeFileSync(join(folder, 'p.jsonl'), hhLines(ROWS).join('\n'));

/** Every second time the scores are to be made, not found. */
class Forgetful {
  private n = 0;
  constructor(private readonly folder: string) {}
  begin(): void {
    if (this.n++ % 2 === 1) return;
    const cache = join(this.folder, 'cache');
    for (const name of existsSync(cache) ? readdirSync(cache) : [])
      if (name.startsWith('scores-')) rmSync(join(cache, name), { recursive: true });
  }
}

/** Drafts of outputs and models that nobody works on any more. */
function noDrafts(folder: string): void {
  const models = join(folder, 'cache', 'models');
  const left = [folder, ...(existsSync(models) ? [models] : [])].flatMap((at) =>
    readdirSync(at).filter((name) => /\.part$|\.tmp-|^\.qrm-lens-/.test(name)),
  );
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
}

const same = (what: string, now: string, undisturbed: string): void => {
  if (now !== undisturbed) throw new Error(`${what}: not what an undisturbed run gives`);
};

const ordered = (text: string): string => text.split('\n').sort().join('\n');

const score: Prepare = async (folder) => {
  data(folder);
  const args = ['score', 'p.jsonl', '--out', 's.jsonl', ...ENGINE];
  const undisturbed = (await good(new Run(folder, ['score', 'p.jsonl', ...ENGINE]))).stdout;
  const forget = new Forgetful(folder);
  const out = join(folder, 's.jsonl');
  return {
    start() {
      forget.begin();
      return Promise.resolve(victim(new Run(folder, args)));
    },
    async check() {
      // Of a killed run whole lines, in order, and at most one that is not whole.
      const kept = existsSync(out) ? readFileSync(out, 'utf8') : '';
      if (!undisturbed.startsWith(kept)) throw new Error('lines that no undisturbed run writes');
      await good(new Run(folder, args));
      // A line with an error is tried again, and then stands last.
      same('score', ordered(readFileSync(out, 'utf8')), ordered(undisturbed));
      noDrafts(folder);
      rmSync(out);
    },
  };
};

const auditing = async (folder: string, begin: () => void): Promise<Kind> => {
  const audit = ['audit', 'p.jsonl', '--format', 'json', ...ENGINE];
  const undisturbed = (await good(new Run(folder, audit))).stdout;
  const args = [...audit, '--out', 'r.json'];
  const out = join(folder, 'r.json');
  return {
    start() {
      begin();
      return Promise.resolve(victim(new Run(folder, args)));
    },
    async check() {
      if (existsSync(out)) same('report after the kill', readFileSync(out, 'utf8'), undisturbed);
      await good(new Run(folder, args));
      same('report', readFileSync(out, 'utf8'), undisturbed);
      noDrafts(folder);
      rmSync(out);
    },
  };
};

const audit: Prepare = (folder) => {
  data(folder);
  const forget = new Forgetful(folder);
  return auditing(folder, () => forget.begin());
};

const first: Prepare = (folder) => {
  data(folder);
  const empty = () => rmSync(join(folder, 'cache'), { recursive: true, force: true });
  return auditing(folder, empty);
};

const convert: Prepare = async (folder) => {
  const args = ['convert', MODEL, 'bundle', '--precision', 'int8'];
  const bundle = join(folder, 'bundle');
  const content = () =>
    readdirSync(bundle)
      .sort()
      .map((name) =>
        [
          name,
          createHash('sha256')
            .update(readFileSync(join(bundle, name)))
            .digest('hex'),
        ].join(),
      ) // prettier-ignore
      .join('\n');
  await good(new Run(folder, args));
  const undisturbed = content();
  let n = 0;
  return {
    start() {
      // In turn a new target and one that is there.
      if (n++ % 2 === 0) rmSync(bundle, { recursive: true, force: true });
      const run = new Run(folder, args);
      const gone = async () => void (await run.ended);
      return Promise.resolve({ pid: run.child.pid, over: () => run.over, gone });
    },
    async check() {
      if (existsSync(bundle)) same('bundle after the kill', content(), undisturbed);
      await good(new Run(folder, args));
      same('bundle', content(), undisturbed);
      noDrafts(folder);
    },
  };
};

/** Nobody is killed: processes begin at once on an empty cache. */
const together: Prepare = async (folder) => {
  data(folder);
  const args = ['audit', 'p.jsonl', '--format', 'json', ...ENGINE];
  const undisturbed = (await good(new Run(folder, args))).stdout;
  const runs: Run[] = [];
  return {
    start() {
      rmSync(join(folder, 'cache'), { recursive: true, force: true });
      runs.length = 0;
      for (let n = 0; n < PROCESSES; n++) runs.push(new Run(folder, args));
      return Promise.resolve({
        pid: undefined,
        over: () => false,
        gone: async () => void (await Promise.all(runs.map(good))),
      });
    },
    async check() {
      for (const run of runs) same('report', (await run.ended).stdout, undisturbed);
      noDrafts(folder);
      same('report', (await good(new Run(folder, args))).stdout, undisturbed);
    },
  };
};

export const COMMANDS = { score, audit, first, convert, together };
