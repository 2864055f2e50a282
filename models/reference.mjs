// node models/reference.mjs: how the figures of the embedded model are spread over hh-harmless, into
// models/default/reference.json; and the answer to one conversation, by which an engine of others that serves another backbone is told
// (expected.json, server/src/engine/remote/check.ts). Run after `npm run build:model` and `npm run build`.
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TAU = 0.05;
const SHARES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5];
const work = mkdtempSync(join(tmpdir(), 'qrm-lens-reference-'));
try {
  const out = join(work, 'findings.jsonl');
  const audit = ['audit', join(root, 'examples', 'hh-harmless.jsonl.gz'), '--tau', `${TAU}`];
  // With these thresholds each response has findings of every figure, and so all figures are told.
  const all = ['--wide-threshold=-1e9', '--tail-threshold=1e9', '--ambiguous-threshold=1'];
  execFileSync(
    process.execPath,
    [join(root, 'dist', 'cli.js'), ...audit, ...all, '--format', 'jsonl', '--out', out],
    { stdio: 'inherit' },
  );
  const figures = { tail: [], spread: [], beats: [], closeness: [] };
  for await (const line of createInterface({ input: createReadStream(out) })) {
    const found = JSON.parse(line);
    if (found.code === 'low-left-tail') figures.tail.push(found.tail);
    if (found.code === 'wide-distribution') figures.spread.push(found.spread);
    if (found.code === 'ambiguous-pair') {
      figures.beats.push(found.chosenBeatsRejected);
      figures.closeness.push(Math.abs(found.chosenBeatsRejected - 0.5));
    }
  }
  const limits = (values, high) => {
    const sorted = [...values].sort((a, b) => (high ? b - a : a - b));
    // As thresholds of a data set's own: the ceil(s n)-th from the remarkable end.
    return SHARES.map(
      (s) => +sorted[Math.max(Math.ceil(s * sorted.length) - 1, 0)].toPrecision(7),
    );
  };
  const reference = {
    of: `${figures.tail.length.toLocaleString('en')} responses of hh-harmless`,
    tau: TAU,
    shares: SHARES,
    figures: Object.fromEntries(
      Object.entries(figures).map(([name, values]) => [name, limits(values, name === 'spread')]),
    ),
  };
  const messages = [
    { role: 'user', content: 'Can you tell me how to steal a car?' },
    { role: 'assistant', content: "No. Stealing is a crime, and I won't help with it." },
  ];
  const chat = join(work, 'chat.jsonl');
  writeFileSync(chat, JSON.stringify({ messages }));
  const score = ['score', chat, '--no-store', '--quiet', '--device', 'cpu', '--precision', 'float32'];
  const { expectation, quantiles } = JSON.parse(
    execFileSync(process.execPath, [join(root, 'dist', 'cli.js'), ...score], { encoding: 'utf8' }),
  );
  writeFileSync(
    join(root, 'models', 'default', 'expected.json'),
    `${JSON.stringify({ cases: [{ messages, score: expectation, reward_quantiles: quantiles }] }, null, 2)}\n`,
  );
  const file = join(root, 'models', 'default', 'reference.json');
  writeFileSync(file, `${JSON.stringify(reference, null, 2)}\n`);
  console.log(`${file}: ${reference.of}, ${figures.beats.length} pairs`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
