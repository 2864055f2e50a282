import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kind, Outcome } from './kind.js';
import type { Random } from './random.js';

/** In every text that is sent: it must come up in no log and no metric. */
const MARK = 'Zqxmark';
/** Requests before the memory is first looked at, and how much more it may be at the end, in bytes. */
const WARM = 1500;
const GROWTH = 150e6;
const ROUTES = ['/v1/distributions', '/get_reward', '/classify', '/v1/classify', '/pooling', '/score', '/rerank', '/v1/embeddings', '/predict', '/v1/models', '/health', '/openapi.json', '/nothing', '/../../etc/passwd']; // prettier-ignore

/** Where the main thread's server listens, and what it logs. */
const [URL_OF, LOG_OF] = ['QRM_FUZZ_SERVER', 'QRM_FUZZ_LOG'];
let sent = 0;
let memoryThen = 0;

/** `qrm serve` with a tiny model, once for all cases. @returns what ends it */
async function prepare(): Promise<() => Promise<void>> {
  const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
  const model = at('test/fixtures/golden/llama3-qrm-k5-m3');
  const log = join(mkdtempSync(join(tmpdir(), 'qrm-fuzz-')), 'serve.log');
  const args = ['serve', '--port', '0', '--model', model, '--precision', 'float32', '--device', 'cpu', '--max-body', '0.5']; // prettier-ignore
  const child = spawn(process.execPath, [at('dist/cli.js'), ...args], {
    stdio: ['ignore', 'ignore', openSync(log, 'w')],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (
    let text = '';
    !/"event":"ready"/.test(text) || !/Listening on \S+/.test(text);
    text = readFileSync(log, 'utf8')
  ) {
    if (child.exitCode !== null) throw new Error(`qrm serve ended: ${text}`);
    await new Promise((r) => setTimeout(r, 50));
  }
  process.env[URL_OF] = /Listening on (\S+)/.exec(readFileSync(log, 'utf8'))?.[1];
  process.env[LOG_OF] = log;
  return async () => {
    child.kill('SIGTERM');
    await ended;
    if (child.exitCode !== 0) throw new Error(`qrm serve ended with ${child.exitCode}`);
  };
}

const words = (r: Random): string =>
  r.pick([
    MARK,
    '',
    ' ',
    `${MARK} ${'long '.repeat(r.int(1, 400))}`,
    `<|start_header_id|>assistant<|end_header_id|>\n\n${MARK}`,
    `<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi ${MARK}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>`,
    `\ud800${MARK}`,
    `\u0000${MARK}\u202e`,
    '😀'.repeat(r.int(1, 50)),
    '{{ 7 * 7 }}',
    'file:///etc/passwd',
    'http://127.0.0.1:1/',
    ':q05',
    'default:cvar20',
    ':ce(lambda=1e999)',
    ':attribute(__proto__)',
    '__proto__',
  ]);
const junk = (r: Random): unknown =>
  r.pick<() => unknown>([
    () => null,
    () => r.chance(0.5),
    () => r.pick([0, -1, 1e308, -0, 1.5, 2 ** 53, 128_009, 4_000_000_000]),
    () => words(r),
    () => [],
    () => ({}),
    () => r.times(0, 5, () => junk(r)),
    () => ({
      [r.pick(['role', 'content', 'messages', '__proto__', 'constructor', 'x'])]: words(r),
    }),
    () => nested(r.int(1, 2000)),
  ])();
const nested = (depth: number): unknown => {
  let out: unknown = [];
  for (let i = 0; i < depth; i++) out = [out];
  return out;
};
const messages = (r: Random): unknown =>
  r.times(0, 4, (i) => ({
    role: r.chance(0.9) ? (i % 2 === 0 ? 'user' : 'assistant') : words(r),
    content: r.chance(0.9) ? words(r) : junk(r),
    ...(r.chance(0.1) && { tool_calls: junk(r) }),
  }));
const list = (r: Random): unknown =>
  r.chance(0.3) ? words(r) : r.times(0, 4, () => (r.chance(0.9) ? words(r) : junk(r)));
const ids = (r: Random): unknown => r.times(0, 40, () => r.int(-1, r.chance(0.9) ? 300 : 1e6));

const FIELDS: Readonly<Record<string, (r: Random) => unknown>> = {
  model: words,
  messages,
  conversations: (r) => r.times(0, 3, () => (r.chance(0.5) ? messages(r) : { messages: messages(r), targets: ids(r) })),
  prompt: (r) => (r.chance(0.5) ? words(r) : messages(r)),
  completions: list,
  what: (r) => [r.pick(['quantiles', 'gate', 'attributes', 'measures', 'x'])],
  weights: (r) => ({ [words(r)]: 1 }),
  query: list,
  input: (r) => r.pick([list, ids, (x: Random) => [ids(x)]])(r),
  text: list,
  input_ids: ids,
  queries: list,
  documents: list,
  texts: list,
  inputs: list,
  task: (r) => r.pick(['classify', 'embed', 7]),
  encoding_format: (r) => r.pick(['float', 'base64', 'x', 1]),
  embed_dtype: (r) => r.pick(['float16', 'bfloat16', 'float32', 'constructor']),
  truncate_prompt_tokens: (r) => r.pick([-1, 0, 1, 5, 1e9]),
  top_n: (r) => r.pick([0, 1, 99]),
  tau: (r) => r.pick([0.05, 0, -1, 2]),
  lambda: (r) => r.pick([1, 1e6, -1, 1e300]),
}; // prettier-ignore
/** What routes need, so that many requests reach the model. */
const NEEDED: Readonly<Record<string, readonly (readonly string[])[]>> = {
  '/v1/distributions': [['messages'], ['conversations'], ['prompt', 'completions']],
  '/get_reward': [['query']],
  '/score': [['queries', 'documents']],
  '/rerank': [
    ['query', 'documents'],
    ['query', 'texts'],
  ],
  '/predict': [['inputs']],
};

function bodyOf(path: string, r: Random): Buffer {
  const needed = r.pick(NEEDED[path] ?? [['input'], ['messages'], ['text'], ['input_ids']]);
  const extra = r.times(0, r.chance(0.5) ? 0 : 3, () => r.pick(Object.keys(FIELDS)));
  const names = [...new Set([...needed, ...extra])];
  const body = Object.fromEntries(
    names.map((name) => [name, r.chance(0.93) ? FIELDS[name]!(r) : junk(r)]),
  );
  let bytes = Buffer.from(JSON.stringify(r.chance(0.97) ? body : junk(r)));
  if (r.chance(0.15)) {
    // Cut, turned and filled with what is no JSON and no UTF-8.
    bytes = Buffer.from(bytes.subarray(0, r.int(0, bytes.length)));
    for (let i = r.int(0, 5); i > 0 && bytes.length > 0; i--)
      bytes[r.int(0, bytes.length - 1)] = r.int(0, 255);
  }
  return r.chance(0.005) ? Buffer.alloc(r.int(4e5, 8e5), 0x20) : bytes;
}

/** Requests to `qrm serve`: whatever is sent, it answers, stays up, stays small and tells no text. */
export const requests: Kind = {
  name: 'requests',
  prepare,
  inputs(random) {
    const path = random.pick(ROUTES) + (random.chance(0.1) ? `?model=${encodeURIComponent(`:q05${random.int(0, 9)}`)}` : ''); // prettier-ignore
    const get = random.chance(0.03) || /models|health|openapi/.test(path);
    const type = random.pick([...Array<string>(30).fill('application/json'), 'text/plain', 'application/json; charset=latin1', 'multipart/form-data']); // prettier-ignore
    const head = JSON.stringify({ path, method: get ? 'GET' : 'POST', type });
    return new Map([
      ['head.json', Buffer.from(head)],
      ['body.bin', get ? Buffer.alloc(0) : bodyOf(path.split('?')[0]!, random)],
    ]);
  },
  async run(inputs): Promise<Outcome> {
    const to = process.env[URL_OF]!;
    const { path, method, type } = JSON.parse(String(inputs.get('head.json'))) as Record<string, string>; // prettier-ignore
    const response = await fetch(to + path!, {
      method: method!,
      headers: { 'content-type': type! },
      ...(method === 'POST' && { body: new Uint8Array(inputs.get('body.bin')!) }),
    });
    const text = await response.text();
    const counted = [String(response.status)];
    if (![200, 400, 404, 413, 415].includes(response.status))
      return { counted, failure: `${path}: ${response.status} ${text.slice(0, 300)}` };
    JSON.parse(text);
    if (++sent % 250 !== 0) return { counted };
    const metrics = await (await fetch(`${to}/metrics`)).text();
    if (metrics.includes(MARK)) return { counted, failure: 'a text is in the metrics' };
    if (readFileSync(process.env[LOG_OF]!, 'utf8').includes(MARK))
      return { counted, failure: 'a text is in the log' };
    const found = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1]);
    if (found('qrm_queue_conversations') !== 0) return { counted, failure: 'work was left behind' };
    const memory = found('process_resident_memory_bytes');
    if (sent >= WARM) memoryThen ||= memory;
    if (memoryThen > 0 && memory > memoryThen + GROWTH)
      return { counted, failure: `memory rose from ${memoryThen} to ${memory} bytes` };
    return { counted };
  },
};
