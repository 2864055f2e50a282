import type { RecordNode, ValueNode } from '../json/tree.js';
import { at, has, itemsAt, listOf, recordOf, said } from '../rows/exports/rewrite.js';
import type { Line, Talk } from './line.js';

const on = (record: RecordNode, name: string): boolean => said(record, name) === 'true';
const idOf = (line: Line): string | undefined => said(line.record, 'uuid');
/** The line before it; a compaction begins a new chain and names the old one beside it. */
const parentOf = (line: Line): string | undefined =>
  said(line.record, 'parentUuid') ?? said(line.record, 'logicalParentUuid');

const speaks = ({ record }: Line): boolean =>
  /^(?:user|assistant)$/.test(said(record, 'type') ?? '') &&
  has(record, 'message') &&
  !on(record, 'isCompactSummary') &&
  !on(record, 'isVisibleInTranscriptOnly') &&
  // What the program says when the model cannot be reached.
  !on(record, 'isApiErrorMessage') &&
  said(record, 'message', 'model') !== '<synthetic>';

const isResult = (line: Line): boolean => {
  const content = itemsAt(line.record, 'message', 'content');
  return content.length > 0 && content.every((part) => said(part, 'type') === 'tool_result');
};

/**
 * The conversations of a session of Claude Code: the lines from the last one up along `parentUuid`; those of
 * one `message.id` are one message. Sidechains (agents below the main one) are conversations of their own.
 */
export function claudeCode(lines: readonly Line[]): { talks: Talk[]; left: number } {
  const byId = new Map<string, Line>();
  const children = new Map<string, Line[]>();
  for (const line of lines) {
    const id = idOf(line);
    if (id === undefined) continue;
    byId.set(id, line);
    const parent = parentOf(line);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), line]);
  }
  const parts = new Map<string, Line[]>();
  for (const line of byId.values()) {
    const id = said(line.record, 'message', 'id');
    if (id !== undefined) parts.set(id, [...(parts.get(id) ?? []), line]);
  }
  const used = new Set<Line>();
  const talks: Talk[] = [];
  const chainFrom = (leaf: Line): Line[] => {
    const chain = new Set<Line>();
    for (let at: Line | undefined = leaf; at !== undefined && !chain.has(at);) {
      chain.add(at);
      const parent = parentOf(at);
      at = parent === undefined ? undefined : byId.get(parent);
    }
    // Tools that run side by side make the chain fork: all parts of a message, and the results of its calls.
    for (const line of [...chain]) {
      for (const part of parts.get(said(line.record, 'message', 'id') ?? '') ?? []) {
        chain.add(part);
        for (const child of children.get(idOf(part)!) ?? []) if (isResult(child)) chain.add(child);
      }
    }
    return [...chain].sort((a, b) => a.ordinal - b.ordinal);
  };
  const take = (leaf: Line, label: string): void => {
    const chain = chainFrom(leaf);
    for (const line of chain) used.add(line);
    const said = chain.filter(speaks);
    if (said.length > 0) talks.push({ label, lines: said, messages: joined(said) });
  };
  const all = [...byId.values()];
  const main = all.findLast((l) => speaks(l) && !on(l.record, 'isSidechain'));
  if (main !== undefined) take(main, 'transcript');
  // A sidechain's last line that is in none yet, until none is left.
  for (let left = all.filter((l) => on(l.record, 'isSidechain') && speaks(l)); ;) {
    left = left.filter((l) => !used.has(l));
    const leaf = left.at(-1);
    if (leaf === undefined) break;
    const root = rootOf(leaf, byId);
    take(leaf, main === undefined && talks.length === 0 ? 'transcript' : 'sidechain');
    // Its abandoned branches are no conversations of their own.
    left = left.filter((l) => rootOf(l, byId) !== root);
  }
  talks.sort((a, b) => a.lines[0]!.ordinal - b.lines[0]!.ordinal);
  const left = all.filter(
    (l) =>
      !used.has(l) &&
      speaks(l) &&
      said(l.record, 'type') === 'assistant' &&
      !on(l.record, 'isSidechain'),
  );
  return { talks, left: left.length };
}

function rootOf(line: Line, byId: ReadonlyMap<string, Line>): Line {
  const seen = new Set<Line>();
  let at = line;
  for (;;) {
    seen.add(at);
    const parent = parentOf(at);
    const next = parent === undefined ? undefined : byId.get(parent);
    if (next === undefined || seen.has(next)) return at;
    at = next;
  }
}

/** The messages of lines, those of one id joined. */
function joined(lines: readonly Line[]): RecordNode[] {
  const messages: { id: string | undefined; role: ValueNode | undefined; content: ValueNode[] }[] =
    [];
  for (const { record } of lines) {
    const id = said(record, 'message', 'id');
    const content = at(record, 'message', 'content');
    const items = content?.kind === 'list' ? content.items : content === undefined ? [] : [content];
    const known = id === undefined ? undefined : messages.find((m) => m.id === id);
    if (known !== undefined) known.content.push(...items);
    else
      messages.push({
        id,
        role: at(record, 'message', 'role') ?? at(record, 'type'),
        content: [...items],
      });
  }
  return messages.map(({ role, content }) => recordOf({ role, content: listOf(content) }));
}
