import type { ChatTemplate, Message } from './chat-template.js';
import { TemplateLimitError } from './jinja/budget.js';
import type { SegmentEncoder } from './segment-encoder.js';
import { messageOf } from '../../errors.js';

/** The texts that the published models search for (ArmoRM, QRM: `find_token_for_gating`). */
const PUBLISHED = [
  {
    mark: '<|start_header_id|>',
    text: '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
  },
  { mark: '<start_of_turn>', text: '<end_of_turn>\n<start_of_turn>model\n' },
];

const USER = 'Qrmuserword';
const ASSISTANT = 'Qrmassistantword';
/** Contents whose borders merge with what stands beside them: letters, digits, spaces, newlines, marks. */
const USERS = [USER, 'Hi', '1 2', ' a ', 'end.', 'x\n', 'é"', '['];
const ASSISTANTS = [ASSISTANT, 'Hi', '1 2', ' a ', '.', '\nx', '\n\nx', '"é', ']', ''];

/**
 * The token ids that open the assistant's turn: the published text where the tokenizer has its marks, else
 * the longest run of whole tokens that the template puts between the last user content and the assistant's
 * content whatever these are (tokens at the borders can merge with the contents).
 * @param where the file, for errors
 * @throws Error when the template has no such run
 */
export function findGatingPattern(
  template: ChatTemplate,
  encoder: SegmentEncoder,
  where: string,
): readonly number[] {
  let probes: (Probe & { ids: readonly number[] })[];
  try {
    probes = probeConversations(template).map((p) => ({ ...p, ids: encoder.encode(p.text).ids }));
  } catch (error) {
    // It names the file already.
    if (error instanceof TemplateLimitError) throw error;
    throw new Error(`${where}: ${messageOf(error)}`);
  }
  const candidates: (readonly number[])[] = [];
  for (const { mark, text } of PUBLISHED) {
    if (encoder.id(mark) !== undefined) candidates.push(encoder.encode(text).ids);
  }
  const opening = openingText(template);
  if (opening !== undefined) {
    const ids = encoder.encode(opening).ids;
    for (let length = ids.length; length > 0; length--) {
      for (let from = 0; from + length <= ids.length; from++) {
        candidates.push(ids.slice(from, from + length));
      }
    }
  }
  const found = candidates.find((pattern) => opensEveryTurn(pattern, probes));
  if (found === undefined) {
    throw new Error(
      `${where}: no gating pattern: the chat template puts no fixed tokens between the user's and the assistant's text`,
    );
  }
  return found;
}

/** The last place at or before `end` (exclusive) where the pattern begins, or -1. */
export function lastOccurrence(
  ids: readonly number[],
  pattern: readonly number[],
  end = ids.length,
): number {
  for (let at = end - pattern.length; at >= 0; at--) {
    let k = 0;
    while (k < pattern.length && ids[at + k] === pattern[k]) k++;
    if (k === pattern.length) return at;
  }
  return -1;
}

interface Probe {
  readonly text: string;
  /** Probes of one group differ in the assistant's content only: the pattern must stay where it is. */
  readonly group: string;
}

function probeConversations(template: ChatTemplate): Probe[] {
  const user = (content: string): Message => ({ role: 'user', content });
  const assistant = (content: string): Message => ({ role: 'assistant', content });
  const beginnings: Message[][] = [
    ...USERS.map((u) => [user(u)]),
    [{ role: 'system', content: 'Be brief.' }, user(USER)],
    [user(USER), assistant(ASSISTANT), user(USER)],
  ];
  return beginnings.flatMap((beginning, i) => {
    try {
      return ASSISTANTS.map((a) => ({
        text: template.render([...beginning, assistant(a)]),
        group: String(i),
      }));
    } catch (error) {
      if (error instanceof TemplateLimitError) throw error;
      // A template may have no system role or no second turn; a plain exchange it must take.
      if (beginning.length === 1) throw error;
      return [];
    }
  });
}

/** What stands between the contents of the last user turn and of the assistant's. */
function openingText(template: ChatTemplate): string | undefined {
  const text = template.render([
    { role: 'user', content: USER },
    { role: 'assistant', content: ASSISTANT },
  ]);
  const from = text.lastIndexOf(USER);
  const to = text.lastIndexOf(ASSISTANT);
  return from < 0 || to < from ? undefined : text.slice(from + USER.length, to);
}

function opensEveryTurn(
  pattern: readonly number[],
  probes: readonly { ids: readonly number[]; group: string }[],
): boolean {
  const places = new Map<string, number>();
  return probes.every(({ ids, group }) => {
    const at = lastOccurrence(ids, pattern);
    const expected = places.get(group) ?? at;
    places.set(group, expected);
    return at >= 0 && at === expected;
  });
}
