import { describe, expect, it } from 'vitest';
import {
  exchange,
  parseRow,
  swapPair,
  type Container,
  type FieldMapping,
} from '../../../server/src/datasets/index.js';
import { LineDocument } from '../../../server/src/live/text/line-document.js';
import { OpenAudit } from '../../../server/src/live/text/open-audit.js';
import { DEFAULT_LAMBDA, DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import { swapEdits } from '../../../server/src/lsp/features/row-edits.js';
import { applyEdits } from '../../integration/lsp/editor/client.js';

/** The text after the swap of the row at a line; undefined where none is offered. */
async function swap(text: string, container: Container, line: number): Promise<string | undefined> {
  const none = () => undefined;
  const audit = new OpenAudit(
    new LineDocument('file:///pairs', 1, text),
    container,
    'pairs',
    {
      service: () => new Promise(none),
      measures: () => ({ tau: DEFAULT_TAU, lambda: DEFAULT_LAMBDA }),
    },
    { changed: none, found: none, log: none },
    { thresholds: {}, ignored: () => false },
  );
  for await (const entry of audit.entries.sweep(new AbortController().signal)) void entry;
  const entry = audit.entries.at(line);
  const edits = entry && swapEdits(audit, entry);
  return edits && applyEdits(text, edits);
}

/** Written as $1 and $2, and as $2 and $1. */
const both = (template: string, one: string, two: string): [string, string] => {
  const fill = (a: string, b: string) => template.replace('$1', () => a).replace('$2', () => b);
  return [fill(one, two), fill(two, one)];
};

const turn = (role: string, content: string) => `{ "role":"${role}",  "content" : ${content}}`;

describe('the exchange of chosen and rejected', () => {
  it.each<[string, Container, string, string, string]>([
    [
      'explicit preference, CRLF, escapes, tabs',
      'jsonl',
      '{"x": 1}\r\n{\t"prompt":"P\\/?" ,"rejected" : $1,\t"id":7, "chosen":$2 }\r\n',
      '"\\u00e9\\n\\"q\\" 🎉"',
      '"No,\\\\ é"',
    ],
    [
      'implicit preference',
      'jsonl',
      '\n{"chosen": $1 ,"rejected":$2}',
      '"What is up? Nothing much."',
      '"What is up? Go away."',
    ],
    [
      'conversational, each list with the prompt',
      'jsonl',
      '\n{"chosen":$1,"source":"s","rejected":$2}\n',
      `[ ${turn('user', '"Hi"')}, ${turn('assistant', '"Hello\\t!"')}]`,
      `[${turn('user', '"Hi"')},${turn('assistant', '"Hm"')},${turn('user', '"?"')},${turn('assistant', '"No"')}]`,
    ],
    [
      'conversational, prompt apart, one answer empty',
      'jsonl',
      `\n{"prompt":[${turn('user', '"Hi"')}],"chosen":$1,"rejected":$2}\n`,
      `[${turn('assistant', '"Hello"')}]`,
      `[${turn('assistant', '""')}]`,
    ],
    [
      'hh transcripts',
      'jsonl',
      '\n{"rejected": $1, "chosen":$2}',
      '"\\n\\nHuman: Hi\\n\\nAssistant: Hello \\ud83d\\ude00"',
      '"\\n\\nHuman: Hi\\n\\nAssistant: No"',
    ],
    [
      'duplicate keys: the last one is what was read',
      'jsonl',
      '\n{"chosen":"old","chosen":$1,"rejected":"older","prompt":"p","rejected":$2}',
      '"a"',
      '"b"',
    ],
    [
      'an array over several lines, two rows on one line',
      'json',
      '[{"prompt":"a","chosen":"1","rejected":"2"}, {"prompt":"b",\r\n  "chosen":$1,\r\n "rejected": $2}]\r\n',
      '"3 ü"',
      '"4"',
    ],
    [
      'CSV cells with their quotes and line ends',
      'csv',
      'id,rejected,chosen,prompt\r\n1,$1,$2,How?\r\n2,x,y,Why?\r\n',
      '"Like ""this"",\r\nthen that."',
      'badly ü🎉',
    ],
    ['TSV cells', 'tsv', 'prompt\tchosen\trejected\nHow?\t$1\t$2\n', '"a\tb"', 'c'],
    [
      'CSV cells that hold lists of messages',
      'csv',
      'chosen,rejected\n$1,$2\n',
      '"[{""role"":""user"",""content"":""q""},{""role"":""assistant"",""content"":""a""}]"',
      '"[{""role"":""user"",""content"":""q""}, {""role"":""assistant"",""content"":""b""}]"',
    ],
  ])('keeps every other byte: %s', async (_name, container, template, one, two) => {
    const [before, after] = both(template, one, two);
    expect(await swap(before, container, 1)).toBe(after);
    // Twice is as if nothing had been done.
    expect(await swap(after, container, 1)).toBe(before);
  });

  it('is not offered for a row that is no pair', async () => {
    expect(await swap('{"prompt":"p","response":"r"}', 'jsonl', 0)).toBeUndefined();
    expect(await swap('{"chosen":"a"}', 'jsonl', 0)).toBeUndefined();
  });

  it.each<[string, FieldMapping, string, string, string]>([
    [
      'fields of any name',
      { prompt: 'q', chosen: 'best', rejected: 'worst' },
      '{"q":"p","worst":$1, "best" : $2}',
      '"a\\n"',
      '"b"',
    ],
    [
      'what belongs to a response goes with it',
      { prompt: 'q', chosen: 'win.text', rejected: 'lose.text' },
      '{"win":$1,"q":"p","lose":$2}',
      '{"text":"a", "score":5}',
      '{"score":1,"text":"b"}',
    ],
    [
      'members of a list in a nested object',
      { prompt: 'data.q', chosen: 'data.answers.0', rejected: 'data.answers.1' },
      '{"data":{"answers":[$1 , $2],"q":"p"}}',
      '"a"',
      '"b"',
    ],
  ])('follows the mapping: %s', (_name, mapping, template, one, two) => {
    const [before, after] = both(template, one, two);
    const [event] = parseRow(before, 0, 0, mapping);
    const row = event?.type === 'row' ? event.row : undefined;
    const bytes = Buffer.from(before);
    const read = (from: number, to: number) => bytes.subarray(Math.max(0, from), Math.max(0, to));
    const spans = swapPair({ container: 'jsonl' }, row!, read)!;
    const [a, b] = exchange(spans, read);
    const swapped = Buffer.concat([
      bytes.subarray(0, a!.start),
      a!.bytes,
      bytes.subarray(a!.end, b!.start),
      b!.bytes,
      bytes.subarray(b!.end),
    ]).toString();
    expect(swapped).toBe(after);
  });
});
