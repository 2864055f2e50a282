import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EvaluatorClient, type ClientOptions } from '../../server/src/engine/client.js';
import { keepProbe } from '../../server/src/engine/device/known.js';
import type { ScoreGroup, TargetResult } from '../../server/src/engine/types.js';
import type { Precision, Provider } from '../../server/src/protocol/index.js';
import { goldenFolder } from '../unit/model/golden.js';

const MODEL = 'llama3-qrm-k5-m3';
const WORDS = 'the cat sat on a mat and said that it would not go away before noon'.split(' ');

/** Pairs of two answers of some length; no two alike. */
const groups = (count: number, words: number): ScoreGroup[] =>
  Array.from({ length: count }, (_, n) => ({
    conversations: [0, 1].map((side) => ({
      messages: [
        { role: 'user', content: `Question ${n}?` },
        {
          role: 'assistant',
          content: Array.from(
            { length: words + (n % 7) },
            (_unused, i) => WORDS[(i * (n + 2) + side) % WORDS.length],
          ).join(' '),
        },
      ],
      targets: [1],
    })),
  }));

/** What happened on the way, and the scores. */
interface Outcome {
  readonly scores: readonly number[];
  readonly devices: ReadonlySet<string>;
  readonly restarts: readonly string[];
  readonly notices: readonly string[];
  readonly errors: readonly string[];
}

/** Scores all groups; `disturb` is called with the number of results so far. */
async function scoreAll(
  all: readonly ScoreGroup[],
  options: Partial<ClientOptions>,
  disturb: (results: number, evaluator: EvaluatorClient) => void = () => undefined,
): Promise<Outcome> {
  const restarts: string[] = [];
  const notices: string[] = [];
  const errors: string[] = [];
  const devices = new Set<string>();
  const evaluator = await EvaluatorClient.open({
    model: goldenFolder(MODEL),
    device: 'cpu',
    precision: 'auto',
    threads: 2,
    ...options,
    onRestart: (reason) => restarts.push(reason),
    onNotice: (message) => notices.push(message),
  });
  const opened = `${evaluator.info.executionProvider} ${evaluator.info.precision}`;
  const scores: number[] = [];
  try {
    for await (const { result } of evaluator.scoreStream(
      all.map((group, tag) => ({ group, tag })),
    )) {
      devices.add(result.scoredBy?.split('@').at(-1) ?? opened);
      for (const found of result.results.flat() as TargetResult[]) {
        if (found.ok) scores.push(found.score.expectation);
        else errors.push(found.error);
      }
      disturb(scores.length + errors.length, evaluator);
    }
  } finally {
    await evaluator.close();
  }
  return { scores, devices, restarts, notices, errors };
}

/** One way to fail: its name, how it is brought about, and what must come of it. */
interface Failure {
  readonly name: string;
  readonly options: Partial<ClientOptions>;
  readonly all: readonly ScoreGroup[];
  readonly before?: () => void;
  readonly disturb?: (results: number, evaluator: EvaluatorClient) => void;
  readonly after?: () => void;
  /** What is wrong with the outcome; the scores of an undisturbed run on the same device are at hand. */
  readonly judge: (outcome: Outcome, undisturbed: Outcome) => string | undefined;
}

/** Disturbs a run once, when twenty results are there. */
function once(disturb: (evaluator: EvaluatorClient) => void) {
  let done = false;
  return (results: number, evaluator: EvaluatorClient): void => {
    if (done || results < 20) return;
    done = true;
    disturb(evaluator);
  };
}

/** Why scores are not those of an undisturbed run, to a limit. */
function unlike(a: readonly number[], b: readonly number[], limit: number): string | undefined {
  const far = a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
  return far <= limit ? undefined : `scores up to ${far.toPrecision(2)} from undisturbed ones`;
}

/** Not asked of stand-ins, which compute nothing. Two processes that score the same on a GPU batch differently; on another device they round differently. */
const SAME = 1e-4;
const OTHER_DEVICE = 0.05;

function failuresOf(
  provider: Provider,
  precision: Precision,
  folder: string,
  standIns: boolean,
): Failure[] {
  // Stand-ins are quick: most must still be under way when twenty are there.
  const some = groups(standIns ? 800 : 120, 60);
  const named = { device: provider, precision, cacheFolder: folder };
  const lostFile = join(folder, 'lost');
  const list: Failure[] = [
    {
      name: 'its process killed in mid-run: begun anew, nothing lost',
      options: named,
      all: some,
      disturb: once((evaluator) => process.kill(evaluator.pid!, 'SIGKILL')),
      judge: ({ scores, restarts }, whole) =>
        restarts.length !== 1
          ? `begun anew ${restarts.length} times`
          : standIns
            ? undefined
            : unlike(scores, whole.scores, SAME),
    },
    {
      name: 'killed twice where nobody asked for it by name: another device takes over, nothing lost',
      options: { ...named, device: 'auto', precision: 'auto' },
      all: some,
      // The second process is killed while it loads and scores nothing: two deaths without a result.
      disturb: once((evaluator) => {
        const first = evaluator.pid!;
        process.kill(first, 'SIGKILL');
        const timer = setInterval(() => {
          if (evaluator.pid === first) return;
          clearInterval(timer);
          process.kill(evaluator.pid!, 'SIGKILL');
        }, 5);
      }),
      judge: ({ scores, devices, notices }, whole) =>
        ![...devices].some((name) => name.startsWith('cpu'))
          ? `scored by ${[...devices].join(', ')}`
          : !notices.some((text) => text.includes('failed twice'))
            ? `it was not said (${notices.join('; ')})`
            : standIns
              ? undefined
              : unlike(scores, whole.scores, OTHER_DEVICE),
    },
  ];
  // Only a stand-in can be made to fail so.
  if (standIns) {
    list.push(
      {
        name: 'memory does not do for a batch: run again in smaller ones, said once, nothing lost',
        options: { ...named, gpuMemory: 8 },
        all: groups(160, 200),
        before: () => void (process.env['STANDIN_MEMORY'] = String(40 << 20)),
        after: () => void delete process.env['STANDIN_MEMORY'],
        judge: ({ notices, restarts }) => {
          const said = notices.filter((text) => text.includes('did not fit in memory')).length;
          return said !== 1
            ? `said ${said} times (${notices.join('; ')})`
            : restarts.length > 0
              ? `begun anew: ${restarts.join('; ')}`
              : undefined;
        },
      },
      {
        name: 'the device is lost: begun anew, nothing lost',
        options: named,
        all: some,
        before: () => void (process.env['STANDIN_LOST'] = lostFile),
        disturb: once(() => writeFileSync(lostFile, '')),
        after: () => void delete process.env['STANDIN_LOST'],
        judge: ({ restarts }) =>
          // The library may end the process itself before it can say what was lost.
          restarts.length === 1
            ? undefined
            : `begun anew ${restarts.length} times (${restarts.join('; ')})`,
      },
    );
  }
  return list;
}

/**
 * What becomes of a run when its device fails, with real processes that really end.
 * @param standIns whether CUDA's libraries are ours: memory can end and the device be lost then, and numbers mean nothing
 * @returns how many went wrong
 */
export async function checkFailures(
  provider: Provider,
  precision: Precision,
  standIns: boolean,
): Promise<number> {
  console.log(`When ${provider} fails in mid-run (${MODEL}, ${precision})`);
  let wrong = 0;
  const folder = mkdtempSync(join(tmpdir(), 'qrm-failures-'));
  try {
    // As if it had been probed and found fast: the choice is not what is looked at here.
    await keepProbe(folder, provider, { off: {}, rate: 1000, cpuRate: 1 });
    for (const failure of failuresOf(provider, precision, folder, standIns)) {
      const { name, options, all, before, disturb, after, judge } = failure;
      const undisturbed = await scoreAll(all, options);
      before?.();
      const outcome = await scoreAll(all, options, disturb).catch((error: unknown) =>
        String(error),
      );
      after?.();
      const fault =
        typeof outcome === 'string'
          ? outcome
          : outcome.errors.length > 0
            ? `${outcome.errors.length} not scored: ${outcome.errors[0]!}`
            : outcome.scores.length !== 2 * all.length
              ? `${outcome.scores.length} of ${2 * all.length} responses scored`
              : judge(outcome, undisturbed);
      console.log(
        `  ${fault === undefined ? 'holds' : 'WRONG'}  ${name}${fault ? `: ${fault}` : ''}`,
      );
      if (typeof outcome !== 'string')
        for (const text of [...outcome.restarts, ...outcome.notices])
          console.log(`         ${text.slice(0, 200)}`);
      if (fault !== undefined) wrong++;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return wrong;
}
