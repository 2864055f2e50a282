// Records of logs and of other tools' preference data, as the records that `recordOf` reads.
import type { Schema } from '../../formats.js';
import type { RecordNode, ValueNode } from '../../json/tree.js';
import { absent, filled, textOf } from '../fields.js';
import { chatgpt } from './chatgpt.js';
import { multipleChoice } from './choices.js';
import { inspectSample } from './inspect.js';
import {
  at,
  has,
  itemsAt,
  listOf,
  message,
  recordOf,
  said,
  structureOf,
  type Export,
} from './rewrite.js';

export type { Export } from './rewrite.js';
type Shape = (root: RecordNode) => Export | undefined;

const made = (fields: Readonly<Record<string, ValueNode | undefined>>, schema: Schema): Export => ({
  record: recordOf(fields),
  schema,
});

/** OpenAI's preference tuning: `input.messages`, `preferred_output`, `non_preferred_output`. */
const openaiPreference: Shape = (root) =>
  has(root, 'input', 'preferred_output', 'non_preferred_output')
    ? made(
        {
          prompt: at(root, 'input', 'messages') ?? at(root, 'input'),
          chosen: at(root, 'preferred_output'),
          rejected: at(root, 'non_preferred_output'),
        },
        'preference',
      )
    : undefined;

/** `text_chosen` and `text_rejected`, beside which other forms of the same may stand. */
const textPair: Shape = (root) => {
  const [chosen, rejected] = [at(root, 'text_chosen'), at(root, 'text_rejected')];
  if (!filled(chosen) || !filled(rejected)) return undefined;
  if (filled(at(root, 'chosen')) && filled(at(root, 'rejected'))) return undefined;
  const fields = new Map([...root.fields].filter(([name]) => !name.startsWith('text_')));
  const asked = at(root, 'text_prompt');
  if (asked !== undefined && !fields.has('prompt')) fields.set('prompt', asked);
  return {
    record: { kind: 'record', fields: fields.set('chosen', chosen).set('rejected', rejected) },
    schema: 'preference',
  };
};

const RATED = [
  'rank',
  'score',
  'pm_score',
  'rating',
  'overall_score',
  'votes',
  'upvotes',
  'selected',
];
/** Nectar, Stack Exchange: `answers`, each with a rank or votes. */
const ratedAnswers: Shape = (root) => {
  const answers = structureOf(at(root, 'answers'));
  if (answers?.kind !== 'list' || answers.items.length === 0) return undefined;
  const all = answers.items.every(
    (item) => item.kind === 'record' && RATED.some((name) => item.fields.has(name)),
  );
  if (!all) return undefined;
  const fields = new Map([...root.fields].filter(([name]) => name !== 'answers'));
  return {
    record: { kind: 'record', fields: fields.set('completions', answers) },
    schema: 'completions',
  };
};

/** lm-evaluation-harness: `arguments.gen_args_0.arg_0` is the prompt, `resps` the generations. */
const lmEval: Shape = (root) => {
  if (!has(root, 'doc_id', 'arguments', 'resps')) return undefined;
  const given = at(root, 'arguments');
  const first = given?.kind === 'record' ? [...given.fields.values()][0] : at(given, 0);
  const prompt = at(first, 'arg_0') ?? at(first, 0);
  const answers = itemsAt(root, 'resps').flatMap((r) => (r.kind === 'list' ? r.items : [r]));
  // Log-likelihoods of choices that the task gave: nothing that a model said.
  if (answers.length === 0 || answers.some((a) => textOf(a) === undefined || a.kind !== 'text'))
    return 'aside';
  return answers.length === 1
    ? made({ prompt, response: answers[0] }, 'lm-eval')
    : made({ prompt, completions: listOf(answers) }, 'lm-eval');
};

/** OpenAI evals: events of the kind `sampling`. The others hold no answer. */
const openaiEvals: Shape = (root) => {
  if (has(root, 'spec') && root.fields.size === 1) return 'aside';
  if (has(root, 'final_report')) return 'aside';
  if (!has(root, 'run_id', 'type', 'data')) return undefined;
  if (said(root, 'type') !== 'sampling') return 'aside';
  const sampled = at(root, 'data', 'sampled');
  const answers = sampled?.kind === 'list' ? sampled.items : sampled === undefined ? [] : [sampled];
  if (answers.length === 0) return 'aside';
  const prompt = at(root, 'data', 'prompt') ?? at(root, 'data', 'input');
  return answers.length === 1
    ? made({ prompt, response: answers[0] }, 'openai-evals')
    : made({ prompt, completions: listOf(answers) }, 'openai-evals');
};

/** Results of batches: OpenAI's and vLLM's (`response.body.choices`), Anthropic's (`result.message`). */
const batchOutput: Shape = (root) => {
  if (!has(root, 'custom_id')) return undefined;
  const prompt = at(root, 'prompt');
  const given = has(root, 'result')
    ? [at(root, 'result', 'message')]
    : itemsAt(root, 'response', 'body', 'choices').map(
        (choice) => at(choice, 'message') ?? at(choice, 'text'),
      );
  // The responses API has a list of outputs.
  const outputs = itemsAt(root, 'response', 'body', 'output').filter(
    (o) => said(o, 'type') === 'message',
  );
  const answers = (given[0] === undefined ? outputs : given).filter((a) => a !== undefined);
  if (!has(root, 'response') && !has(root, 'result')) return undefined;
  // The prompt is in the batch's input file: that it is missing is said of completions.
  return answers.length === 0
    ? 'aside'
    : made({ prompt, completions: listOf(answers) }, 'batch-output');
};

/** promptfoo: one result. */
const promptfoo: Shape = (root) => {
  const raw = at(root, 'prompt', 'raw');
  if (raw === undefined || !has(root, 'response')) return undefined;
  const output = at(root, 'response', 'output');
  if (!filled(output)) return 'aside';
  return made({ prompt: raw, response: output }, 'promptfoo');
};

/** Messages of LangChain (`id: [..., "HumanMessage"], kwargs`), or of any API, perhaps in a list of one batch. */
function messagesIn(given: ValueNode | undefined): ValueNode | undefined {
  const node = structureOf(given);
  if (node?.kind === 'record') {
    const inner = at(node, 'messages') ?? at(node, 'prompts') ?? at(node, 'input') ?? at(node, 'question') ?? at(node, 'prompt'); // prettier-ignore
    return inner === undefined ? undefined : messagesIn(inner);
  }
  if (node?.kind !== 'list') return node;
  const first = structureOf(node.items[0]);
  if (first?.kind === 'list') return messagesIn(first);
  if (node.items.length === 1 && first?.kind === 'text') return first;
  return listOf(node.items.map(chatMessage));
}

const ROLES: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['ai', 'assistant'],
  ['system', 'system'],
  ['tool', 'tool'],
  ['function', 'tool'],
  ['chat', 'user'],
]);

function chatMessage(item: ValueNode): ValueNode {
  if (item.kind !== 'record' || has(item, 'role')) return item;
  const name = textOf(itemsAt(item, 'id').at(-1))?.value ?? said(item, 'type') ?? said(item, 'kwargs', 'type') ?? ''; // prettier-ignore
  const role = ROLES.get(name.replace(/Message(?:Chunk)?$/, '').toLowerCase());
  const content =
    at(item, 'kwargs', 'content') ?? at(item, 'data', 'content') ?? at(item, 'content');
  return role === undefined ? item : message(role, content);
}

/** What a run put out: a text, a message, the first generation of the first batch. */
function answerIn(given: ValueNode | undefined): ValueNode | undefined {
  const node = structureOf(given);
  if (node?.kind !== 'record') return node?.kind === 'list' ? answerIn(node.items.at(-1)) : node;
  const generation = at(node, 'generations', 0, 0) ?? at(node, 'generations', 0);
  if (generation !== undefined)
    return filled(at(generation, 'text'))
      ? at(generation, 'text')
      : chatMessage(at(generation, 'message') ?? generation);
  const choice = at(node, 'choices', 0, 'message') ?? at(node, 'choices', 0, 'text');
  if (choice !== undefined) return choice;
  const inner = at(node, 'messages') ?? at(node, 'output') ?? at(node, 'answer') ?? at(node, 'completion'); // prettier-ignore
  if (inner !== undefined) return answerIn(inner);
  return chatMessage(node);
}

/** LangSmith's runs and Langfuse's observations. */
const traced: Shape = (root) => {
  const smith = has(root, 'run_type', 'inputs');
  const fuse = has(root, 'type', 'input', 'output') && /^[A-Z_]+$/.test(said(root, 'type') ?? '');
  if (!smith && !fuse) return undefined;
  // Spans, tools and retrievers repeat what the model's own runs hold.
  const kind = (smith ? said(root, 'run_type') : said(root, 'type'))?.toLowerCase() ?? '';
  if (!/^(?:llm|chat|generation|chat_model|prompt_completion)$/.test(kind)) return 'aside';
  const prompt = messagesIn(at(root, smith ? 'inputs' : 'input'));
  const response = answerIn(at(root, smith ? 'outputs' : 'output'));
  if (absent(response) || !filled(response)) return 'aside';
  return made({ prompt, response }, smith ? 'langsmith' : 'langfuse');
};

/** Continue: `{sessionId, title, history: [{message}]}`. */
const continueSession: Shape = (root) => {
  const history = itemsAt(root, 'history');
  if (!has(root, 'sessionId') || !history.some((item) => has(item, 'message'))) return undefined;
  const messages = history.map((item) => at(item, 'message')).filter((m) => m !== undefined);
  return made({ messages: listOf(messages) }, 'continue');
};

/** Pairs of ms-swift whose rejected half is a list of messages. */
const rejectedMessages: Shape = (root) =>
  has(root, 'messages', 'rejected_messages')
    ? made({ chosen: at(root, 'messages'), rejected: at(root, 'rejected_messages') }, 'preference')
    : undefined;

const SHAPES: readonly Shape[] = [
  openaiPreference,
  textPair,
  ratedAnswers,
  lmEval,
  batchOutput,
  openaiEvals,
  promptfoo,
  traced,
  continueSession,
  chatgpt,
  inspectSample,
  rejectedMessages,
  multipleChoice,
];

/** Fields of which one at least is in every record that a shape above is about: most records have none. */
const MARKS = new Set(['preferred_output', 'text_chosen', 'answers', 'resps', 'custom_id', 'spec', 'final_report', 'run_id', 'run_type', 'sessionId', 'mapping', 'epoch', 'rejected_messages', 'response', 'output', 'target_scores', 'targets']); // prettier-ignore

/** A record of another tool in fields that are known; undefined where it is none. */
export function exported(root: RecordNode): Export | undefined {
  let marked = false;
  for (const name of root.fields.keys()) if (MARKS.has(name)) { marked = true; break; } // prettier-ignore
  if (!marked) return undefined;
  for (const shape of SHAPES) {
    const found = shape(root);
    if (found !== undefined) return found;
  }
  return undefined;
}
