import { Option, type Command } from 'commander';
import { MOST_JUDGES } from '../../../cleaning/index.js';
import type { CommonOptions } from '../../common.js';
import { UsageError } from '../../errors.js';
import { number } from './shared.js';

/** A model that judges: here, or at URLs that share its work. */
export interface Seat {
  readonly model?: string;
  readonly endpoint?: readonly string[];
}

export interface JuryOptions {
  readonly seats: readonly Seat[];
  /** Judges that must agree; default: more than half. */
  readonly quorum: number | undefined;
  /** Does each attribute of each model judge as well? */
  readonly heads: boolean;
}

/** As commander gives them, of a command whose models may be several. */
export type GivenJudges<O extends CommonOptions> = Omit<O, 'model' | 'endpoint'> & {
  model?: string[];
  endpoint?: string[][];
  quorum?: number;
  judges: 'models' | 'heads';
};

export const juryOptions = (command: Command): Command =>
  command
    .optionsGroup('Jury (several --model and --endpoint; docs/cleaning.md):')
    .option(
      '--quorum <n>',
      'judges that must agree on a finding; default: more than half',
      number('--quorum', 1, MOST_JUDGES, true),
    )
    .addOption(
      new Option('--judges <who>', 'heads: each attribute of a model judges as well')
        .choices(['models', 'heads'])
        .default('models'),
    );

const judgesIn = (n: number): string => (n === 1 ? 'one judge' : `${n} judges`);

/** @throws UsageError where so many judges can never agree so often */
export function checkQuorum(quorum: number | undefined, judges: number): void {
  if (judges > MOST_JUDGES)
    throw new UsageError(`${judges} judges: expected at most ${MOST_JUDGES}`);
  if (quorum !== undefined && quorum > judges)
    throw new UsageError(
      `--quorum ${quorum}: there ${judges === 1 ? 'is' : 'are'} ${judgesIn(judges)}; expected --model or --endpoint ${quorum} times in all, or --judges heads`,
    );
}

/**
 * The one model of a command, or its jury: each --model and each --endpoint judges where one of them is named
 * more than once, or where --quorum or --judges asks for it.
 * @throws UsageError
 */
export function seated<O extends CommonOptions>(given: GivenJudges<O>): O & { jury?: JuryOptions } {
  const { model: models = [], endpoint: endpoints = [], quorum, judges, ...rest } = given;
  const [model] = models;
  const [endpoint] = endpoints;
  const heads = judges === 'heads';
  // One kind only is asked for by its mere presence twice; a model and an endpoint are one engine's halves.
  const several = models.length > 1 || endpoints.length > 1 || quorum !== undefined || heads;
  if (!several)
    return { ...rest, ...(model !== undefined && { model }), ...(endpoint && { endpoint }) } as unknown as O; // prettier-ignore
  const seats: Seat[] = [
    ...models.map((name) => ({ model: name })),
    ...endpoints.map((urls) => ({ endpoint: urls })),
  ];
  if (seats.length === 0) seats.push({});
  const names = seats.map((seat) => JSON.stringify(seat));
  const twice = names.findIndex((name, n) => names.indexOf(name) !== n);
  if (twice >= 0)
    throw new UsageError(
      `${seatName(seats[twice]!)} is named twice: a judge votes once; expected different ones`,
    );
  if (!heads) checkQuorum(quorum, seats.length);
  if (rest.weights !== undefined)
    throw new UsageError('--weights: they are of one model; a jury takes none');
  if (heads && !rest.store)
    throw new UsageError('--judges heads: each head reads the scores of one run; expected no --no-store'); // prettier-ignore
  return { ...rest, jury: { seats, quorum, heads } } as unknown as O & { jury: JuryOptions };
}

export const seatName = ({ model, endpoint }: Seat): string =>
  endpoint !== undefined ? `--endpoint ${endpoint.join(',')}` : model !== undefined ? `--model ${model}` : 'the embedded model'; // prettier-ignore
