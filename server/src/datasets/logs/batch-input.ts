// The prompts of a batch's results: they stand in the batch's input file, joined by custom_id.
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nodeOfValue } from '../columns/plain-values.js';
import { advanced } from '../input/source.js';
import type { RecordNode, ValueNode } from '../json/tree.js';
import { said } from '../rows/exports/rewrite.js';

const CHUNK = 1 << 20;
/** A line's beginning in which its id is looked for: writers put it first. */
const HEAD = 4096;
const ID = /"custom_id"\s*:\s*("(?:[^"\\]|\\.)*")/;
const LF = 0x0a;

/** Where the requests of a file stand, by their ids. */
interface Requests {
  readonly path: string;
  readonly lines: ReadonlyMap<string, readonly [start: number, end: number]>;
}

type Request = Record<string, unknown>;

/** What a request asks, as messages or a text; undefined where it is no request. */
function promptOf(request: Request): unknown {
  // OpenAI's and vLLM's have a body, Anthropic's have parameters.
  const body = (request['body'] ?? request['params']) as Request | undefined;
  if (typeof body !== 'object' || body === null) return undefined;
  const asked = body['messages'] ?? body['input'] ?? body['prompt'];
  const system = body['system'] ?? body['instructions'];
  if (asked === undefined || system === undefined) return asked;
  const turns: unknown[] = Array.isArray(asked) ? asked : [{ role: 'user', content: asked }];
  return [{ role: 'system', content: system }, ...turns];
}

function read(path: string, from: number, to: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(to - from);
    let got = 0;
    while (got < bytes.length) {
      const n = readSync(fd, bytes, got, bytes.length - got, from + got);
      if (n === 0) break;
      got += n;
    }
    return bytes.subarray(0, got);
  } finally {
    closeSync(fd);
  }
}

/** Requests by id; undefined where the first line is none. */
function requestsOf(path: string): Requests | undefined {
  const size = statSync(path).size;
  const lines = new Map<string, readonly [number, number]>();
  const fd = openSync(path, 'r');
  try {
    let kept = Buffer.alloc(0);
    for (let at = 0; at < size;) {
      const chunk = Buffer.alloc(Math.min(CHUNK, size - at));
      const n = readSync(fd, chunk, 0, chunk.length, at);
      if (n === 0) break;
      advanced();
      const start = at - kept.length;
      at += n;
      const buf = Buffer.concat([kept, chunk.subarray(0, n)]);
      let from = 0;
      for (;;) {
        const lf = buf.indexOf(LF, from);
        if (lf < 0 && at < size) break;
        const end = lf < 0 ? buf.length : lf;
        const id = idIn(buf.toString('utf8', from, Math.min(end, from + HEAD)));
        if (id !== undefined && !lines.has(id)) lines.set(id, [start + from, start + end]);
        // Of another kind of file the first line is enough.
        if (lines.size === 0 && end > from) return undefined;
        if (lf < 0) break;
        from = lf + 1;
      }
      kept = Buffer.from(buf.subarray(from));
    }
  } finally {
    closeSync(fd);
  }
  const [first] = lines.values();
  if (first === undefined) return undefined;
  const request = parsed(read(path, ...first));
  return request === undefined || promptOf(request) === undefined ? undefined : { path, lines };
}

const idIn = (head: string): string | undefined => {
  const [, text] = ID.exec(head) ?? [];
  return text === undefined ? undefined : (JSON.parse(text) as string);
};

function parsed(line: Buffer): Request | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Request) : undefined;
  } catch {
    return undefined;
  }
}

/** How many characters two names begin with alike. */
function alike(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}

/** Files beside one that hold a request of that id; of several those whose names are most like its own. */
function inputsBeside(path: string, id: string): Requests[] {
  const folder = dirname(path);
  const found: Requests[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!/\.(?:jsonl|ndjson)$/i.test(name) || name === basename(path)) continue;
    try {
      const requests = requestsOf(join(folder, name));
      if (requests?.lines.has(id)) found.push(requests);
    } catch {
      // One that cannot be read is no input.
    }
  }
  const likeness = (r: Requests) => alike(basename(r.path), basename(path));
  const most = Math.max(0, ...found.map(likeness));
  return found.filter((r) => likeness(r) === most);
}

/**
 * Gives records of a batch's results their prompts, from the input file that stands beside theirs. Which one that is,
 * the first result tells; where two fit alike none is taken.
 * @param path of the file with the results
 */
export function batchPrompts(path: string): (record: ValueNode) => ValueNode {
  let input: Requests | undefined;
  let searched = false;
  return (record) => {
    if (!isAlone(record)) return record;
    const id = said(record, 'custom_id');
    if (id === undefined) return record;
    if (!searched) {
      searched = true;
      const inputs = inputsBeside(path, id);
      if (inputs.length === 1) [input] = inputs;
    }
    const line = input?.lines.get(id);
    if (input === undefined || line === undefined) return record;
    const request = parsed(read(input.path, ...line));
    const prompt = request?.['custom_id'] === id ? promptOf(request) : undefined;
    if (prompt === undefined) return record;
    // What stands in another file has no place in this one.
    return { ...record, fields: new Map([...record.fields, ['prompt', nodeOfValue(prompt)]]) };
  };
}

/** Is it a batch's result without its prompt? */
export const isAlone = (record: ValueNode): record is RecordNode =>
  record.kind === 'record' &&
  record.fields.has('custom_id') &&
  !record.fields.has('prompt') &&
  (record.fields.has('response') || record.fields.has('result'));
