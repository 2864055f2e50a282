import type { Audit, AuditOptions, AuditSource } from '../audit/index.js';
import { Panel, type Judge, type Ruling } from '../cleaning/index.js';
import type { EvaluatorInfo } from '../engine/types.js';
import { messageOf } from '../errors.js';
import { audited } from './audited.js';
import type { CommonOptions } from './common.js';
import { EXIT } from './errors.js';
import { interrupted, onInterrupt } from './interrupt.js';
import { checkQuorum, seatName, type JuryOptions, type Seat } from './options/values/jury.js';
import { linesTold, openModel, withSession } from './session.js';
import { sayer } from './output/output.js';

/** What the judges found, the audit of the first of them, and what it is of. */
export interface Verdicts {
  readonly audit: Audit;
  readonly ruling: Ruling;
  /** Of the first judge. */
  readonly info: EvaluatorInfo;
}

interface Hearing {
  readonly sources: readonly AuditSource[];
  readonly thresholds: NonNullable<AuditOptions['thresholds']>;
  readonly ignored?: AuditOptions['ignored'];
  readonly wanted?: AuditOptions['wanted'];
  /** The figure that rows are ordered by, where any are. */
  readonly top?: ConstructorParameters<typeof Panel>[0];
}

/** One way to read a model: its own mixture, or one of its attributes. */
interface Reading {
  readonly judge: Judge;
  readonly weights?: readonly number[];
}

/**
 * Hears every judge, one model after the other: each scores by way of the store, so that a run that was killed
 * loses no score. All are opened once before the first one scores, for what cannot be opened must not cost hours.
 * @returns the exit code where the run was interrupted
 * @throws UsageError; Error naming the judge and why it cannot be opened
 */
export async function hearJury(
  hearing: Hearing,
  o: CommonOptions,
  jury: JuryOptions,
): Promise<Verdicts | number> {
  const { seats, heads, quorum } = jury;
  const { sources, top, ...asked } = hearing;
  const { signal } = onInterrupt();
  const say = sayer(o.quiet);
  const infos = await openEach(seats, o, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    return interrupted(undefined, say);
  });
  if (typeof infos === 'number') return infos;
  const readings = infos.map((info, n) => readingsOf(info, heads, unlike(infos, seats, n)));
  const J = readings.flat().length;
  checkQuorum(quorum, J);
  const panel = new Panel(top);
  let heard = 0;
  let first: Audit | undefined;
  for (const [n, seat] of seats.entries()) {
    const code = await withSession(of(o, seat), async (session) => {
      for (const [k, { judge, weights }] of readings[n]!.entries()) {
        say(`Judge ${++heard} of ${J}: ${judge.name}`);
        const { evaluator, store, signal } = session;
        const given = { evaluator, store, signal, ...asked, ...(weights && { weights }) };
        // Only the first reading of a model scores: the others take its numbers from the store.
        const audit = await audited(sources, o, given, (o.quiet ?? false) || k > 0);
        panel.hear(judge, audit);
        first ??= audit;
      }
      return EXIT.ok;
    });
    if (code !== EXIT.ok) return code;
  }
  const agreeing = quorum ?? Math.floor(J / 2) + 1;
  const ruling = await panel.rule(agreeing, hearing.thresholds, signal);
  for (const note of ruling.words().notes) say(note);
  return { audit: first!, ruling, info: infos[0]! };
}

const of = (o: CommonOptions, { model, endpoint }: Seat): CommonOptions => ({
  ...o,
  ...(model !== undefined && { model }),
  ...(endpoint && { endpoint }),
});

/** What each judge is. @throws Error naming the one that cannot be opened, or that is another's double */
async function openEach(
  seats: readonly Seat[],
  o: CommonOptions,
  signal: AbortSignal,
): Promise<EvaluatorInfo[]> {
  const told = linesTold(o.quiet ?? false);
  const infos: EvaluatorInfo[] = [];
  for (const seat of seats) {
    try {
      const evaluator = await openModel(of(o, seat), told, signal);
      infos.push(evaluator.info);
      await evaluator.close();
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Error(`${seatName(seat)} cannot judge: ${messageOf(error)}`, { cause: error });
    }
  }
  infos.forEach(({ modelHash, modelName }, n) => {
    const other = infos.findIndex((info) => weightsOf(info.modelHash) === weightsOf(modelHash));
    if (other !== n)
      throw new Error(
        `${seatName(seats[other]!)} and ${seatName(seats[n]!)} are the same model (${modelName}): a judge votes once; expected different ones`,
      );
  });
  return infos;
}

/** The model in a hash that also says how it is run, and where: neither makes it another judge. */
const weightsOf = (modelHash: string): string => modelHash.split(/[@-]/)[0]!;

/** A model's name, with the words that named it where another has the same. */
function unlike(infos: readonly EvaluatorInfo[], seats: readonly Seat[], n: number): string {
  const { modelName } = infos[n]!;
  const twins = infos.filter((info) => info.modelName === modelName).length;
  return twins < 2 ? modelName : `${modelName} (${seatName(seats[n]!).replace(/^--\w+ /, '')})`;
}

function readingsOf(info: EvaluatorInfo, heads: boolean, name: string): Reading[] {
  const { modelHash: hash, precision, spec } = info;
  const whole: Reading = { judge: { name, hash, precision } };
  // Of one attribute the mixture is the attribute.
  if (!heads || spec.attributes.length < 2) return [whole];
  const attributes = spec.attributes.map((attribute, m) => ({
    judge: { name: `${name}, ${attribute}`, hash, precision, attribute },
    weights: spec.attributes.map((_, k) => (k === m ? 1 : 0)),
  }));
  return [whole, ...attributes];
}
