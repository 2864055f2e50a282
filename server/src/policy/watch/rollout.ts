import { isFields } from '../../fields.js';

/** A response of the running policy, or figures of a step, as a trainer's log has them. */
export interface LogRow {
  readonly step: number | undefined;
  /** What the trainer maximises. */
  readonly reward: number | undefined;
  /** Of the reward's distribution, where the log has them (`extra_logs` of a remote reward model). */
  readonly mean: number | undefined;
  readonly q05: number | undefined;
  /** Tokens of the response; `undefined` where the log does not say. */
  readonly length: number | undefined;
  /** From the reference, in nats, as the trainer counts it. */
  readonly kl: number | undefined;
  readonly entropy: number | undefined;
  /** Present for a rollout, absent for figures of a step. */
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
}

const STEP = ['step', 'global_step', 'training_step', 'iteration', 'iter', 'steps'];
const REWARD = ['reward', 'rewards', 'score', 'scores', 'objective/scores', 'rewards/mean'];
const MEAN = ['qrm/mean', 'reward_mean', 'mean', 'expectation'];
const Q05 = ['q05', 'qrm/q05', 'tail'];
const LENGTH = [
  'completion_length',
  'response_length',
  'completions/mean_length',
  'response_length/mean',
  'length',
  'num_tokens_completion',
];
const KL = [
  'kl',
  'objective/kl',
  'policy/approxkl_avg',
  'actor/ppo_kl',
  'actor/kl_loss',
  'approx_kl',
  'ppo_kl',
];
const ENTROPY = ['entropy', 'policy/entropy_avg', 'actor/entropy'];
const PROMPT = ['prompt', 'prompts', 'input', 'query', 'question'];
const RESPONSE = ['completion', 'completions', 'response', 'responses', 'output', 'generated_text'];

/** A number; the only one of a list; NaN and infinities stay what they are. */
function number(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (Array.isArray(value) && value.length === 1) return number(value[0]);
  if (typeof value === 'string' && /^-?(nan|inf(inity)?)$/i.test(value)) return Number.NaN;
  if (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)))
    return Number(value);
  return undefined;
}

type Messages = NonNullable<LogRow['messages']>;

/** A text, or a list of messages; undefined for anything else. */
function said(value: unknown, role: string): Messages | undefined {
  if (typeof value === 'string') return [{ role, content: value }];
  if (!Array.isArray(value) || value.length === 0) return undefined;
  if (value.length === 1 && (typeof value[0] === 'string' || Array.isArray(value[0])))
    return said(value[0], role);
  const out: { role: string; content: string }[] = [];
  for (const turn of value as unknown[]) {
    if (!isFields(turn) || typeof turn['role'] !== 'string' || typeof turn['content'] !== 'string')
      return undefined;
    out.push({ role: turn['role'], content: turn['content'] });
  }
  return out;
}

/**
 * Reads a record of TRL (rollouts of a reward function, `log_history`), OpenRLHF (`extra_logs`), verl (`rollout_data_dir`)
 * or any other whose fields have the usual names, with or without `train/` before them.
 * @returns undefined for a record that holds nothing of it
 */
export function readRow(record: unknown): LogRow | undefined {
  if (!isFields(record)) return undefined;
  const extra = isFields(record['extra_logs']) ? record['extra_logs'] : undefined;
  const find = <T>(names: readonly string[], read: (value: unknown) => T | undefined) => {
    for (const name of names) {
      for (const place of [record, extra]) {
        for (const key of [name, `train/${name}`]) {
          if (place === undefined || !Object.hasOwn(place, key)) continue;
          const found = read(place[key]);
          if (found !== undefined) return found;
        }
      }
    }
    return undefined;
  };
  const answer = find(RESPONSE, (v) => said(v, 'assistant'));
  const prompt = answer && find(PROMPT, (v) => said(v, 'user'));
  const row: LogRow = {
    step: find(STEP, number),
    reward: find(REWARD, number),
    mean: find(MEAN, number),
    q05: find(Q05, number),
    length: find(LENGTH, number),
    kl: find(KL, number),
    entropy: find(ENTROPY, number),
    ...(answer && { messages: [...(prompt ?? []), ...answer] }),
  };
  const nothing = [row.reward, row.mean, row.q05, row.kl].every((x) => x === undefined);
  return nothing && row.messages === undefined ? undefined : row;
}
