import type { FieldMapping, Schema } from '../formats.js';
import type { RecordNode, ValueNode } from '../json/tree.js';
import { isTranscript } from '../markdown/chat-markup.js';
import { looksLikeHH } from '../markdown/transcript.js';
import type { Conversation, DatasetRow, Place, Turn } from '../types.js';
import { answered, repeatsPrompt } from './shapes/answers.js';
import { compared, comparisonOf } from './shapes/comparisons.js';
import { exported } from './exports/index.js';
import { contextOf, mediaOf, sameText, withMedia, type Context } from './context.js';
import {
  absent,
  describe,
  filled,
  find,
  keys,
  LISTS,
  NotUnderstood,
  plainlyNamed,
  RESPONSES,
  SETS,
  textOf,
  whereIs,
} from './fields.js';
import { mapped } from './mapped.js';
import { pairOf, withTarget } from './shapes/pairs.js';
import { completions, labelled, numbered, numberedCompletions, setOf } from './shapes/sets.js';
import { sayOfMarks, sayOfPrompts } from './remarks.js';
import { rated, ratingsOf } from './shapes/ratings.js';
import { besides, endsAnswered, joinTranscript, messagesOf } from './shapes/transcripts.js';
import { Notes, type Note } from './turns.js';
import { vscodeChat } from './exports/vscode-chat.js';

export { concerns } from './paths.js';

/** What a record was understood as, or what it lacks. */
export type Interpretation =
  | {
      readonly ok: true;
      readonly schema: Schema;
      readonly conversations: readonly Conversation[];
      readonly notes: readonly Note[];
      readonly vote?: DatasetRow['vote'];
    }
  | {
      readonly ok: false;
      readonly missing: string;
      readonly place?: Place;
      /** None of its fields is known: it may well be no data at all. */
      readonly foreign?: true;
      /** A record of a log that holds no answer, as most of them do. */
      readonly aside?: true;
    };

/** A record of a log that holds nothing to score. */
class Aside extends Error {}

const EXPECTED =
  'chosen and rejected; prompt (or question, instruction) with response, completion, output or completions; ' +
  'messages; conversations; or requests (VS Code chat)';

interface Read {
  readonly schema: Schema;
  readonly conversations: readonly Conversation[];
  readonly vote?: DatasetRow['vote'];
}

/** Says which conversations a record holds: by the mapping where given, else by its fields. */
export function interpret(root: ValueNode, mapping?: FieldMapping): Interpretation {
  const notes = new Notes();
  try {
    const given = mapping !== undefined && Object.values(mapping).some((v) => v !== undefined);
    const read = given
      ? { ...byFields(mapped(root, mapping), notes), schema: 'mapped' as const }
      : byFields(root.kind === 'record' ? plainlyNamed(root) : root, notes);
    sayOfPrompts(read.conversations, notes);
    sayOfMarks(read.conversations, notes);
    return { ok: true, ...read, notes: notes.all };
  } catch (error) {
    if (error instanceof Aside) return { ok: false, missing: error.message, aside: true };
    if (!(error instanceof NotUnderstood)) throw error;
    const { message: missing, place, foreign } = error;
    return { ok: false, missing, ...(place && { place }), ...(foreign && { foreign }) };
  }
}

function byFields(root: ValueNode, notes: Notes): Read {
  if (root.kind === 'list') {
    const turns = messagesOf(root, '(the list)', notes);
    const made = withTarget('transcript', 'transcript', turns, 'the list', root);
    return { schema: 'messages', conversations: [made] };
  }
  if (root.kind !== 'record')
    throw new NotUnderstood(
      `found a bare value, expected an object with ${EXPECTED}`,
      undefined,
      true,
    );
  const requests = root.fields.get('requests');
  if (requests?.kind === 'list')
    return { schema: 'vscode-chat', conversations: [vscodeChat(requests)] };
  const known = exported(root);
  if (known === 'aside') throw new Aside('a record of a log without an answer');
  const read = {
    ...recordOf(known?.record ?? root, notes),
    ...(known && { schema: known.schema }),
  };
  // What stands beside the messages belongs to all of them.
  const media = mediaOf(root);
  if (media.length === 0) return read;
  const conversations = read.conversations.map((c) => ({
    ...c,
    turns: withMedia(media, c.turns, notes),
  }));
  return { ...read, conversations };
}

function recordOf(root: RecordNode, notes: Notes): Read {
  const f = root.fields;
  const [chosen, rejected] = [f.get('chosen'), f.get('rejected')];
  if (filled(chosen) || filled(rejected)) return pair(root, chosen, rejected, notes);
  const two = comparisonOf(root);
  if (two !== undefined && (two.vote !== undefined || !filled(find(root, LISTS)?.node))) {
    const context = contextOf(root, [two.first[0], two.second[0]], notes);
    const { fields: votes } = two.vote ?? {};
    const conversations = compared(context, two, root, notes);
    if (!conversations.every(({ turns }) => turns.some((t) => t.role === 'user')))
      sayNoPrompt(context, notes);
    return {
      schema: two.vote === undefined ? 'completions' : 'preference',
      conversations,
      ...(votes && { vote: votes }),
    };
  }
  const set = setOf(root);
  if (set !== undefined && set.list.items.length > 0) {
    const context = promptOf(root, [set.name], notes);
    return { schema: 'completions', conversations: completions(context, set, root, notes) };
  }
  const list = find(root, LISTS);
  const response = find(root, RESPONSES);
  if (list !== undefined && filled(list.node)) {
    const turns = messagesOf(list.node, list.name, notes);
    const answer = filled(response?.node) ? textOf(response.node) : undefined;
    if (endsAnswered(turns) || !filled(response?.node)) {
      if (answer !== undefined && !turns.some((t) => sameText(t.content, answer.value)))
        notes.add('unread-part', `the field '${response!.name}' beside the whole conversation of '${list.name}' is not read: the score is of the conversation's own answers`, whereIs(response!.node)); // prettier-ignore
      return transcript(root, list, turns, notes);
    }
  }
  const several = numbered(root);
  if (response !== undefined && (filled(response.node) || several.length === 0)) {
    const context = contextOf(root, [response.name], notes);
    if (context.before.length > 0 || context.prompted) {
      const repeats = repeatsPrompt(context, [response.node]);
      const turns = answered(context, response.node, response.name, notes, { repeats });
      const { name, node } = response;
      const made =
        labelled(root, name, turns, node, notes) ??
        withTarget('completion', 'response', turns, name, node);
      const alpaca = filled(f.get('instruction')) && context.before.length > 0;
      return { schema: alpaca ? 'alpaca' : 'prompt-response', conversations: [made] };
    }
  }
  if (several.length > 0) {
    const used = several.map(([name]) => name);
    const context = promptOf(root, used, notes);
    const made = numberedCompletions(context, several, notes);
    const nodes = several.map(([, node]) => node);
    return { schema: 'completions', conversations: rated(made, ratingsOf(root, nodes)) };
  }
  const text = find(root, ['text', 'transcript']);
  const said = textOf(text?.node);
  if (text !== undefined && said !== undefined && isTranscript(said.value)) {
    const turns = messagesOf(text.node, text.name, notes);
    const read = transcript(root, text, turns, notes);
    return looksLikeHH(said.value) ? { ...read, schema: 'hh' } : read;
  }
  if (!absent(chosen) && !absent(rejected)) return pair(root, chosen, rejected, notes);
  if (set !== undefined) throw new NotUnderstood(`the list of ${set.name} is empty`);
  const useless = unusable(root);
  if (useless !== undefined) throw useless;
  throw new NotUnderstood(`found the fields ${keys(root)}; expected ${EXPECTED}`, undefined, true);
}

/** Why a record with the name of a response has none; undefined where it has no such name. */
function unusable({ fields }: RecordNode): NotUnderstood | undefined {
  const names = [...RESPONSES, ...SETS, ...LISTS].filter((name) => fields.has(name));
  const name = names.find((n) => filled(fields.get(n))) ?? names[0];
  if (name === undefined) return undefined;
  const node = fields.get(name);
  if (absent(node))
    return new NotUnderstood(`${name} is null or NaN; expected a text, or a list of messages`);
  const place = whereIs(node);
  if (SETS.includes(name))
    return new NotUnderstood(`${name} is ${describe(node)}; expected a list of responses`, place);
  if (!filled(node) || !RESPONSES.includes(name))
    return new NotUnderstood(
      `${name} is ${describe(node)}; expected a text, or a list of messages`,
      place,
    );
  // Many a log has a field of such a name.
  return new NotUnderstood(
    `${name} has no prompt beside it (found the fields ${keys({ kind: 'record', fields })}); expected prompt (or question, instruction)`,
    place,
    true,
  );
}

function pair(
  root: RecordNode,
  chosen: ValueNode | undefined,
  rejected: ValueNode | undefined,
  notes: Notes,
): Read {
  if (absent(chosen) || absent(rejected)) {
    const name = absent(chosen) ? 'chosen' : 'rejected';
    const how = root.fields.has(name) ? 'null or NaN' : 'missing';
    throw new NotUnderstood(`${name} is ${how}; a pair needs chosen and rejected`);
  }
  const context = contextOf(root, ['chosen', 'rejected'], notes);
  const { hh, conversations } = pairOf(context, { chosen, rejected }, notes);
  const prompt = conversations.every(({ turns }) => turns.some((t) => t.role === 'user'));
  if (!prompt && !context.prompted) {
    const message =
      'no prompt: no field names one, and chosen and rejected share no beginning; expected prompt, or conversations that hold it';
    notes.add('blank-prompt', message, undefined);
  }
  return { schema: hh ? 'hh' : 'preference', conversations };
}

/** The context of completions, whose prompt may be missing: then that is said. */
function promptOf(root: RecordNode, used: readonly string[], notes: Notes): Context {
  const context = contextOf(root, used, notes);
  sayNoPrompt(context, notes);
  return context;
}

function sayNoPrompt({ before, prompted }: Context, notes: Notes): void {
  if (before.length === 0 && !prompted)
    notes.add('blank-prompt', 'no prompt: no field names one; expected prompt', undefined);
}

function transcript(
  root: RecordNode,
  list: { readonly name: string; readonly node: ValueNode },
  turns: readonly Turn[],
  notes: Notes,
): Read {
  const context = contextOf(root, [list.name, 'text', 'transcript'], notes);
  const whole = joinTranscript(context, turns, list.name);
  const other = root.fields.get('rejected_response');
  if (filled(other)) {
    const pair = besides(context, whole, list.name, { other, list: list.node }, notes);
    return { schema: 'preference', conversations: pair };
  }
  const schema = list.name === 'messages' ? 'messages' : 'sharegpt';
  // KTO's label is of the last answer.
  const { name, node } = list;
  const made =
    (whole.at(-1)?.role === 'assistant' ? labelled(root, name, whole, node, notes) : undefined) ??
    withTarget('transcript', 'transcript', whole, name, node);
  return { schema, conversations: [made] };
}
