// npm run peers: OpenRLHF's own client code against `qrm serve`, from its wheel on PyPI (kept outside the project).
// Folder: QRM_PEERS, default ~/.cache/qrm-lens-peers.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../../', import.meta.url));
const home = process.env['QRM_PEERS'] ?? join(homedir(), '.cache', 'qrm-lens-peers');
const python = join(home, 'venv', 'bin', 'python');
const run = (command, args, options) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'], ...options });

if (!existsSync(python)) {
  mkdirSync(home, { recursive: true });
  run('python3', ['-m', 'venv', join(home, 'venv')]);
  run(python, ['-m', 'pip', 'install', '-q', 'aiohttp']);
}
const source = join(home, 'openrlhf');
if (!existsSync(source)) {
  run(python, ['-m', 'pip', 'download', '-q', '--no-deps', '-d', join(home, 'wheels'), 'openrlhf']);
  const wheel = readdirSync(join(home, 'wheels')).find((f) => f.startsWith('openrlhf'));
  run(python, ['-m', 'zipfile', '-e', join(home, 'wheels', wheel), source]);
}
const data = readdirSync(source).find((f) => f.endsWith('.data'));
const purelib = data === undefined ? source : join(source, data, 'purelib');

const args = ['serve', '--port', '0', '--policy-template', join(root, 'models', 'default')];
const server = spawn(process.execPath, [join(root, 'dist', 'cli.js'), ...args], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
let log = '';
await new Promise((resolve, reject) => {
  server.stderr.on('data', (d) => {
    log += d;
    if (log.includes('"event":"ready"')) resolve();
  });
  server.once('exit', () => reject(new Error(log)));
});
const url = /Listening on (\S+)/.exec(log)[1];
try {
  const lines = gunzipSync(readFileSync(join(root, 'examples', 'hh-harmless.jsonl.gz')));
  const rows = lines.toString().split('\n').slice(0, 40).map((line) => JSON.parse(line)); // prettier-ignore
  const chats = rows.map(({ chosen }) =>
    chosen
      .split(/\n\n(?=(?:Human|Assistant): )/)
      .filter((part) => part.trim() !== '')
      .map((part) => ({
        role: part.startsWith('Human') ? 'user' : 'assistant',
        content: part.replace(/^\w+: /, ''),
      })),
  );
  // As a policy on ChatML has it, decoded with its special tokens.
  const system =
    '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n';
  const queries = chats.map(
    (chat) => system + chat.map((m) => `<|im_start|>${m.role}\n${m.content}<|im_end|>`).join('\n'),
  );
  const script = fileURLToPath(new URL('./openrlhf.py', import.meta.url));
  const found = JSON.parse(
    run(python, [script, purelib, `${url}/get_reward,${url}/get_reward`], {
      input: JSON.stringify(queries),
    }),
  );
  const response = await fetch(`${url}/v1/distributions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ conversations: chats }),
  });
  const expected = (await response.json()).data;
  const wrong = found.filter(
    ({ rewards, scores, extra_logs: { q05, cvar20 } }, i) =>
      rewards[0] !== expected[i].expectation ||
      scores[0] !== rewards[0] ||
      q05[0] !== expected[i].measures.tail ||
      cvar20[0] !== expected[i].measures.cvar,
  );
  const total = found.length;
  console.log(`OpenRLHF's client: ${total - wrong.length} of ${total} rewards are those of the messages, to the last bit`); // prettier-ignore
  if (wrong.length > 0 || total !== chats.length) process.exitCode = 1;
} finally {
  server.kill('SIGTERM');
}
