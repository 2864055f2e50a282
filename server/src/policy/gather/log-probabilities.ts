import { isFields, own, type Fields } from '../../fields.js';

/** Names of a response's log-probability under the policy that drew it, as samplers and trainers write them. */
const POLICY = [
  'logprob',
  'logprobs',
  'logp',
  'log_prob',
  'log_probs',
  'cumulative_logprob',
  'policy_logprob',
  'policy_logprobs',
  'policy_logps',
  'old_logprobs',
  'old_log_probs',
];
/** The same under the reference of the training. */
const REFERENCE = [
  'ref_logprob',
  'ref_logprobs',
  'ref_logp',
  'ref_logps',
  'ref_log_prob',
  'ref_log_probs',
  'reference_logprob',
  'reference_logprobs',
];
/** Fields that hold several completions. */
const SETS = ['completions', 'responses', 'candidates', 'outputs', 'generations'];

/** In nats; NaN where the record does not say. */
export interface LogProbabilities {
  readonly policy: number;
  readonly reference: number;
}

/** One number, or the sum of those of the tokens; NaN for anything else, or above 0 by more than rounding. */
function logProbability(value: unknown): number {
  const sum =
    Array.isArray(value) && value.length > 0
      ? value.reduce<number>((a, x) => a + (typeof x === 'number' ? x : Number.NaN), 0)
      : typeof value === 'number'
        ? value
        : typeof value === 'string' && value.trim() !== ''
          ? Number(value)
          : Number.NaN;
  return sum <= 1e-3 ? Math.min(sum, 0) : Number.NaN;
}

/**
 * The log-probabilities that a record gives its n-th response: in the completion itself, in a list beside the list of
 * completions, or in the record of a single one.
 * @param record the record's values by field (`DatasetRow.aside`)
 * @param count responses of the record
 */
export function logProbabilitiesOf(record: Fields, n: number, count: number): LogProbabilities {
  const set = SETS.map((name) => own(record, name)).find(Array.isArray);
  const item: unknown = set?.[n];
  const read = (names: readonly string[]): number => {
    for (const name of names) {
      if (isFields(item)) {
        const found = logProbability(own(item, name));
        if (!Number.isNaN(found)) return found;
      }
      const beside = own(record, name);
      const value = count === 1 && !isListOfOne(beside) ? beside : listed(beside, n, count);
      const found = logProbability(value);
      if (!Number.isNaN(found)) return found;
    }
    return Number.NaN;
  };
  return { policy: read(POLICY), reference: read(REFERENCE) };
}

/** `[[…]]`: the tokens of the only response. */
const isListOfOne = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 1 && Array.isArray(value[0]);

const listed = (value: unknown, n: number, count: number): unknown =>
  Array.isArray(value) && value.length === count ? value[n] : undefined;
