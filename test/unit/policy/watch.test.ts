import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  followFiles,
  followUrl,
  MONITOR,
  Monitor,
  readRow,
  Watch,
  type LogEvent,
  type Rollout,
} from '../../../server/src/policy/watch/index.js';
import { normal } from './gaussian.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'qrm-watch-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const rollout = (step: number, r: Partial<Rollout>): Rollout => ({
  step,
  reward: 0,
  mean: Number.NaN,
  q05: Number.NaN,
  length: 10,
  text: '',
  place: '',
  ...r,
});

describe('a record of a log', () => {
  it('is read in the forms of trainers', () => {
    const user = [{ role: 'user', content: 'Hi' }];
    const answer = [{ role: 'assistant', content: 'Hello' }];
    // A TRL reward function's rollout, as examples/risk-aware-rlhf writes it.
    const trl = {
      step: 3,
      prompt: user,
      completion: answer,
      reward: 0.5,
      q05: 0.1,
      completion_length: 4,
    };
    expect(readRow(trl)).toMatchObject({
      step: 3,
      reward: 0.5,
      q05: 0.1,
      length: 4,
      messages: [...user, ...answer],
    });
    // A line of TRL's log_history.
    const history = { step: 4, kl: 0.02, reward: 0.4, 'completions/mean_length': 33, entropy: 2 };
    expect(readRow(history)).toMatchObject({ step: 4, kl: 0.02, length: 33, entropy: 2 });
    expect(readRow(history)).not.toHaveProperty('messages');
    // OpenRLHF with the tails of `/get_reward`.
    const open = {
      global_step: 5,
      prompts: ['Hi'],
      responses: ['Hello'],
      rewards: [0.7],
      extra_logs: { q05: [0.2] },
    };
    expect(readRow(open)).toMatchObject({
      step: 5,
      reward: 0.7,
      q05: 0.2,
      messages: [...user, ...answer],
    });
    // verl's rollout_data_dir.
    const verl = { input: 'Hi', output: 'Hello', score: 1, step: 6 };
    expect(readRow(verl)).toMatchObject({ step: 6, reward: 1, messages: [...user, ...answer] });
    expect(readRow({ 'train/kl': 1, 'train/global_step': 7 })).toMatchObject({ step: 7, kl: 1 });
    for (const nothing of [{}, [], null, 3, { loss: 1 }, { level: 'info', msg: 'x' }])
      expect(readRow(nothing)).toBeUndefined();
  });
});

/** Steps of 16 rollouts, whose figures are means of a step and noise. */
function run(
  steps: number,
  seed: number,
  of: (step: number, g: () => number) => Partial<Rollout>,
): Monitor {
  const g = normal(seed);
  const monitor = new Monitor();
  for (let step = 1; step <= steps; step++) {
    for (let n = 0; n < 16; n++) monitor.rollout(rollout(step, of(step, g)));
    monitor.check(step);
  }
  return monitor;
}

describe('alarms', () => {
  it('tell that the mean rises while the left tail falls, once', () => {
    const { alarms } = run(60, 1, (step, g) => ({
      mean: 0.01 * step + 0.2 * g(),
      q05: -0.01 * step + 0.2 * g(),
      length: 50 + g(),
    }));
    expect(alarms.map(({ kind }) => kind)).toEqual(['tail-falls']);
    expect(alarms[0]!.step).toBeLessThan(25);
    expect(alarms[0]!.message).toMatch(
      /^the mean rises \(\+.*\) while q05 falls \(−.*\) over the last \d+ steps$/,
    );
  });

  it('are silent where both rise, where both fall, and in noise', () => {
    for (const [up, low] of [
      [0.01, 0.01],
      [-0.01, -0.01],
      [0, 0],
    ] as const) {
      let count = 0;
      for (let seed = 1; seed <= 10; seed++) {
        count += run(60, seed, (step, g) => ({
          reward: g(),
          mean: up * step + 0.2 * g(),
          q05: low * step + 0.2 * g(),
          length: 50 + g(),
        })).alarms.length;
      }
      expect(count, `${up} ${low}`).toBe(0);
    }
  });

  it('tell that length explains the reward, within steps', () => {
    const biased = run(20, 2, (_, g) => {
      const length = 100 + 20 * g();
      return { reward: 0.05 * length + 0.3 * g(), length };
    });
    expect(biased.alarms.map(({ kind }) => kind)).toEqual(['length-explains']);
    // Both grow over steps for reasons of their own: no alarm.
    const grows = run(60, 3, (step, g) => ({ reward: step + g(), length: 10 * step + g() }));
    expect(grows.alarms).toEqual([]);
  });

  it('tell of a KL out of bounds, again after it was inside', () => {
    const monitor = new Monitor({ ...MONITOR, kl: [0, 5] });
    [0, 2, 6, 7, 3, 8, -0.05, -1].forEach((kl, step) => {
      monitor.figures(step, { kl });
      monitor.check(step);
    });
    expect(monitor.alarms.map(({ step, message }) => [step, message])).toEqual([
      [2, 'KL is 6.00 nats, above 5'],
      [5, 'KL is 8.00 nats, above 5'],
      [7, 'KL is -1.00 nats, below 0'],
    ]);
  });
});

it('keeps the worst rollouts by left tail, and by reward where there is none', () => {
  const monitor = new Monitor({ ...MONITOR, worst: 3 });
  [0.5, -1, 0.2, Number.NaN, -2, 0.1].forEach((q05, n) =>
    monitor.rollout(rollout(1, { q05, reward: 0.3, text: String(n) })),
  );
  expect(monitor.worst.map(({ text }) => text)).toEqual(['4', '1', '5']);
  expect(monitor.steps.get(1)).toMatchObject({ rollouts: 6, reward: 0.3 });
});

describe('a log', () => {
  const line = (step: number, n: number): string =>
    `${JSON.stringify({ step, prompt: 'Hi', completion: `Hello ${n}`, reward: n / 10, q05: -n })}\n`;

  it('is followed while it grows, a step told when the next begins', async () => {
    const path = join(folder, 'grows.jsonl');
    writeFileSync(path, line(1, 1) + line(1, 2) + line(2, 3) + line(3, 4).slice(0, 20));
    const abort = new AbortController();
    const watch = new Watch(MONITOR, undefined);
    const told: number[] = [];
    const worst: string[] = [];
    const events = followFiles(path, { once: false, signal: abort.signal, every: 10 });
    await expect(async () => {
      for await (const event of watch.follow(events)) {
        if (event.type === 'caught-up') {
          expect(told).toEqual([1]);
          appendFileSync(path, `${line(3, 4).slice(20)}no json\n${line(4, 5)}`);
        }
        if (event.type !== 'step') continue;
        told.push(event.figures.step);
        worst.push(event.figures.worst!.text);
        if (told.length === 3) abort.abort();
      }
    }).rejects.toThrow(/abort/i);
    expect(told).toEqual([1, 2, 3]);
    expect(worst).toEqual(['Hello 2', 'Hello 3', 'Hello 4']);
    expect(watch).toMatchObject({ lines: 6, notUnderstood: 1 });
    expect(watch.monitor.worst[0]).toMatchObject({ text: 'Hello 5', place: `${path}:6` });
  });

  it('may be a folder: figures of steps beside rollouts, verl’s files by number', async () => {
    const runs = mkdtempSync(join(folder, 'run-'));
    for (let step = 1; step <= 11; step++)
      writeFileSync(join(runs, `${step}.jsonl`), line(step, step));
    writeFileSync(join(runs, 'steps.jsonl'), '{"step": 2, "kl": 0.5}\n{"step": 3, "kl": NaN}');
    const watch = new Watch(MONITOR, undefined);
    const steps = [];
    const events = followFiles(runs, { once: true, signal: new AbortController().signal });
    for await (const event of watch.follow(events))
      if (event.type === 'step') steps.push(event.figures);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(steps[1]).toMatchObject({ kl: 0.5, rollouts: 1, q05: -2 });
  });

  it('says so when there is none', async () => {
    const events = followFiles(join(folder, 'absent'), {
      once: true,
      signal: new AbortController().signal,
    });
    await expect(events.next()).rejects.toThrow('no such file or folder');
  });

  it('may be an address: JSON Lines asked again for what came, or server-sent events', async () => {
    let text = line(1, 1) + line(2, 2);
    const ranges: (string | undefined)[] = [];
    const server = createServer(({ url, headers }, answer) => {
      if (url === '/events') {
        answer.writeHead(200, { 'content-type': 'text/event-stream' });
        answer.end(`event: rollout\ndata: ${line(7, 7)}\n`);
        return;
      }
      ranges.push(headers.range);
      const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      answer.writeHead(from === 0 ? 200 : from < text.length ? 206 : 416);
      answer.end(text.slice(from));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const abort = new AbortController();
      const lines: string[] = [];
      const read = async (): Promise<void> => {
        for await (const event of followUrl(`${url}/log`, { once: false, signal: abort.signal })) {
          if (event.type !== 'line') continue;
          lines.push(event.text);
          if (lines.length === 2) text += line(3, 3);
          if (lines.length === 3) abort.abort();
        }
      };
      await expect(read()).rejects.toThrow(/abort/i);
      expect(lines.map((l) => (JSON.parse(l) as { step: number }).step)).toEqual([1, 2, 3]);
      expect(ranges[0]).toBeUndefined();
      expect(ranges[1]).toMatch(/^bytes=\d+-$/);
      const events: LogEvent[] = [];
      const once = { once: true, signal: new AbortController().signal };
      for await (const event of followUrl(`${url}/events`, once)) events.push(event);
      expect(events.filter(({ type }) => type === 'line')).toHaveLength(1);
    } finally {
      server.close();
    }
  });
});

it('asks for the left tails that a log does not have, in batches', async () => {
  const path = join(folder, 'bare.jsonl');
  const rows = Array.from({ length: 100 }, (_, n) => ({
    step: n >> 4,
    prompt: 'Hi',
    completion: `${n}`,
    reward: 1,
  }));
  writeFileSync(path, rows.map((r) => JSON.stringify(r)).join('\n'));
  const sizes: number[] = [];
  const watch = new Watch(MONITOR, (conversations) => {
    sizes.push(conversations.length);
    return Promise.resolve(
      conversations.map((c) => ({ mean: 0.5, q05: -Number(c.at(-1)!.content), tokens: 3 })),
    );
  });
  const events = followFiles(path, { once: true, signal: new AbortController().signal });
  for await (const event of watch.follow(events)) void event;
  expect(sizes).toEqual([64, 36]);
  expect(watch.monitor.worst[0]).toMatchObject({ q05: -99, mean: 0.5, reward: 1 });
});
