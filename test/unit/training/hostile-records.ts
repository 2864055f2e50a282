export const own = (scores: unknown, scale: unknown = { q: [1, 5] }) => ({
  prompt: 'P',
  response: 'R',
  scores,
  scale,
});
const column = (fields: object) => ({ prompt: 'P', response: 'R', ...fields });
const steer = (helpfulness: unknown, verbosity: unknown = '0') =>
  column({ helpfulness, correctness: '3', coherence: 4, complexity: 1, verbosity });
const ultra = (...completions: unknown[]) => ({ instruction: 'P', completions });

type Case = [string, unknown[], object[], RegExp[]];
// What is expected was written before it was run.
export const records: Case[] = [
  ['a label above its scale', [own({ q: [6] })], [], [/:1: q: the label 6 is outside of 1 to 5/]],
  ['a label below it', [own({ q: 0 })], [], [/the label 0 is outside/]],
  ['one good and one bad attribute', [own({ q: 3, r: 'x' })], [{ q: [0.5] }], [/r: found "x"/]],
  ['no raters', [own({ q: [] })], [], [/the list of raters' labels is empty/]],
  ['no scores', [own({})], [], [/:1: "scores" holds no labels/]],
  ['a number as text', [own({ q: '5' })], [{ q: [1] }], []],
  ['NaN as text', [own({ q: 'NaN' })], [], [/q: found "NaN", expected a number/]],
  ['Infinity as text', [own({ q: '-Infinity' })], [], [/found "-Infinity", expected a number/]],
  ['an empty text', [own({ q: '' })], [], [/q: found "", expected a number/]],
  ['null', [own({ q: null })], [], [/q: found null, expected a number/]],
  ['null among raters', [own({ q: [1, null, 3] })], [], [/q: found null/]],
  ['a list in a list', [own({ q: [[1, 2]] })], [], [/q: found \[1,2\]/]],
  ['an object for a label', [own({ q: { Rating: 3 } })], [], [/q: found \{"Rating":3\}/]],
  ['truth values', [own({ q: [true, false] }, {})], [{ q: [1, 0] }], []],
  [
    'a scale from 5 to 1',
    [own({ q: 3 }, { q: [5, 1] })],
    [],
    [/"scale" must give q: \[min, max\]/],
  ],
  ['a scale of text', [own({ q: 3 }, { q: ['1', '5'] })], [], [/"scale" must give q/]],
  [
    'no object for a scale',
    [own({ q: 3 }, 'x'), own({ q: 5 }, null)],
    [{ q: [0] }, { q: [1] }],
    [],
  ],
  [
    'scales that differ by record',
    [own({ q: 5 }), own({ q: 5 }, { q: [0, 10] })],
    [{ q: [1] }, { q: [0.5] }],
    [],
  ],
  [
    'a scale beyond float64',
    [own({ q: 1e308 }, { q: [-1.7e308, 1.7e308] })],
    [],
    [/q: the scale -1.7e\+308 to 1.7e\+308 is too wide/],
  ],
  [
    'constructor',
    [own({ constructor: 4 }, {}), own({ constructor: 2 }, {})],
    [{ constructor: [1] }, { constructor: [0] }],
    [],
  ],
  [
    'toString in a column',
    [column({ toString: 1 }), column({ toString: 3 })],
    [{ toString: [0] }, { toString: [1] }],
    [],
  ],
  ['no name', [own({ '': 3 }, {})], [], [/:1: the attribute "": expected a name of 1 to 100/]],
  ['blanks for a name', [own({ '  ': 3 }, {})], [], [/the attribute " {2}"/]],
  ['a line break in a name', [own({ 'a\nb': 3 }, {})], [], [/the attribute "a\\nb"/]],
  [
    'a name without end',
    [own({ ['x'.repeat(9999)]: 3 }, {})],
    [],
    [/the attribute "x{80}": expected/],
  ],
  ['a number for a prompt', [{ prompt: 3, response: 'R', q: 1 }], [], [/:1: a prompt is missing/]],
  ['a prompt of blanks', [{ prompt: ' ', response: 'R', q: 1 }], [], [/a prompt is missing/]],
  [
    'messages without content',
    [{ prompt: [{ role: 'user' }], response: 'R', q: 1 }],
    [],
    [/a prompt is missing/],
  ],
  ['a response of blanks', [column({ response: ' \n', q: 1 })], [], [/:1: the response is empty/]],
  ['no labels', [column({})], [], [/:1: no labels: expected numbers in columns/]],
  ['only an id', [column({ id: 3, prompt_id: 4 })], [], [/no labels/]],
  ['labels that are one text', [column({ q: 'good' })], [], [/no labels/]],
  [
    'a column of numbers as text',
    [column({ q: '1' }), column({ q: ' 3 ' })],
    [{ q: [0] }, { q: [1] }],
    [],
  ],
  [
    'an empty list beside filled ones',
    [column({ quality: [1, 3] }), column({ quality: [] }), column({ quality: [], fun: 1 })],
    [{ quality: [0, 1] }, { fun: [0] }],
    [/:2: no labels/, /:3: quality: the list of raters' labels is empty/],
  ],
  [
    'null in a list of a column',
    [column({ q: [1, 3] }), column({ q: [1, null], r: 1 })],
    [{ q: [0, 1] }, { r: [0] }],
    [/:2: q: found null, expected a number/],
  ],
  [
    'a word where others have numbers',
    [column({ q: 1, r: 0 }), column({ q: 'bad', r: 2 })],
    [{ q: [0], r: [0] }, { r: [1] }],
    [/:2: q: found "bad", expected a number/],
  ],
  [
    'a column that is null',
    [column({ q: 1, r: 0 }), column({ q: null, r: 2 })],
    [{ q: [0], r: [0] }, { r: [1] }],
    [],
  ],
  [
    'a prompt that is a number as text',
    [{ prompt: '12', response: '42', q: 1 }, column({ q: 3 })],
    [{ q: [0] }, { q: [1] }],
    [],
  ],
  [
    'HelpSteer as text',
    [steer('4')],
    [{ helpfulness: [1], correctness: [0.75], coherence: [1], complexity: [0.25], verbosity: [0] }],
    [],
  ],
  [
    'HelpSteer off its scale',
    [steer(5)],
    [{ correctness: [0.75], coherence: [1], complexity: [0.25], verbosity: [0] }],
    [/helpfulness: the label 5 is outside of 0 to 4/],
  ],
  [
    'UltraFeedback with N/A',
    [
      ultra(
        {
          response: 'A',
          annotations: {
            h: { Rating: '5' },
            t: { Rating: 'N/A' },
            i: [{ Rating: ' n/a ' }, { Rating: '1' }],
          },
        },
        { response: 'B', annotations: { h: { Rating: '' } } },
      ),
    ],
    [{ h: [1], i: [0] }],
    [],
  ],
  [
    'UltraFeedback with one bad completion',
    [
      ultra(
        { response: 'A', annotations: { h: 3 } },
        { annotations: {} },
        { response: 'C', annotations: 'none' },
        null,
      ),
    ],
    [{ h: [0.5] }],
    [/completion 2 has no text/, /completion 3 has no "annotations"/, /completion 4 has no text/],
  ],
  [
    'UltraFeedback off its scale',
    [ultra({ response: 'A', annotations: { h: { Rating: '7' } } })],
    [],
    [/h: the label 7 is outside of 1 to 5/],
  ],
  [
    'UltraFeedback without a prompt',
    [{ completions: [{ response: 'A', annotations: {} }] }],
    [],
    [/a prompt is missing/],
  ],
  [
    'BeaverTails as text',
    [column({ is_safe: 'True' }), column({ is_safe: 'false' })],
    [{ safe: [1] }, { safe: [0] }],
    [],
  ],
  [
    'BeaverTails as numbers',
    [column({ is_safe: 1 }), column({ is_response_safe: 0 })],
    [{ safe: [1] }, { safe: [0] }],
    [],
  ],
  ['BeaverTails with null', [column({ is_safe: null })], [], [/no labels/]],
  [
    'Prometheus as text',
    [{ orig_instruction: 'P', orig_response: 'R', orig_score: '5' }],
    [{ 'prometheus-score': [1] }],
    [],
  ],
  [
    'Prometheus off its scale',
    [{ orig_instruction: 'P', orig_response: 'R', orig_score: 0 }],
    [],
    [/prometheus-score: the label 0 is outside/],
  ],
  [
    'a list, a number and null',
    [[1], 3, null],
    [],
    [/:1: expected a JSON object/, /:2: expected/, /:3: expected/],
  ],
];
