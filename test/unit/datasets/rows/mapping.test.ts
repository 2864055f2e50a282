import { describe, expect, it } from 'vitest';
import {
  detectFormat,
  parseMapping,
  type FieldMapping,
} from '../../../../server/src/datasets/index.js';

function parse(value: unknown): { mapping: FieldMapping | undefined; told: string[] } {
  const told: string[] = [];
  return { mapping: parseMapping(value, 'name', (message) => told.push(message)), told };
}

describe('a mapping as people write it', () => {
  it('holds what is right, and says what is not', () => {
    expect(parse({ prompt: 'q', chosen: 'a.0', rejected: '' })).toEqual({
      mapping: { prompt: 'q', chosen: 'a.0' },
      told: [],
    });
    const { mapping, told } = parse({ response: 'r', Prompt: 'q', system: ['s'], chosen: null });
    expect(mapping).toEqual({ response: 'r' });
    expect(told).toHaveLength(3);
    expect(told[0]).toMatch(/^name: .*'Prompt'.*expected one of .*prompt/);
    expect(told[1]).toMatch(/^name\.system: found a list, expected/);
    expect(told[2]).toMatch(/^name\.chosen: found null, expected/);
  });

  it.each([[undefined], [null], [{}], [{ chosen: '' }]])('is none, silently: %j', (value) => {
    expect(parse(value)).toEqual({ mapping: undefined, told: [] });
  });

  it.each([['text'], [3], [['chosen']], [{ prompt: 'q' }], [{ constructor: 'x' }]])(
    'is none, and told: %j',
    (value) => {
      const { mapping, told } = parse(value);
      expect(mapping).toBeUndefined();
      expect(told).toHaveLength(1);
    },
  );
});

describe('detection with a mapping', () => {
  const mapping: FieldMapping = { prompt: 'prompt', chosen: 'a.best', rejected: 'a.worst' };
  it.each([
    ['x.jsonl', '{"prompt":"p","a":{"best":"b","worst":"w"}}\n', 'mapped'],
    ['x.json', '[\n {"prompt":"p","a":{"best":"b","worst":"w"}}\n]', 'mapped'],
    ['x.csv', 'prompt,a.best,a.worst\np,b,w\n', 'mapped'],
    ['x.tsv', 'prompt\ta.best\ta.worst\np\tb\tw\n', 'mapped'],
    // The prompt alone tells nothing: many files call it so.
    ['x.jsonl', '{"prompt":"p","response":"r"}\n', 'prompt-response'],
    ['x.csv', 'prompt,response\np,r\n', 'prompt-response'],
    // Its fields are there, and hold no text: no other reading is tried.
    ['x.jsonl', '{"prompt":"p","response":"r","a":{"best":null}}\n', 'unknown'],
    ['x.json', '{"name":"a package"}', 'unknown'],
  ])('of %s with %j says %s', async (name, text, schema) => {
    const source = { bytes: Buffer.from(text), name };
    expect(await detectFormat(source, undefined, mapping)).toMatchObject({ schema });
  });
});
