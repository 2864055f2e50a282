import { describe, expect, it } from 'vitest';
import { Job } from '../../../server/src/live/job.js';

/** Work that ends when it is told to, and notes what happens. */
function workshop() {
  const events: string[] = [];
  const ends: (() => void)[] = [];
  const job = new Job(async (signal) => {
    const n = ends.length;
    events.push(`begin ${n}`);
    await new Promise<void>((resolve) => ends.push(resolve));
    events.push(`end ${n}${signal.aborted ? ' cancelled' : ''}`);
    signal.throwIfAborted();
  });
  return { job, events, end: (n: number) => ends[n]!() };
}
const settle = async () => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};
const failure = (promise: Promise<void>) =>
  promise.then(
    () => 'done',
    (e: Error) => e.name,
  );

describe('a job', () => {
  it('joins the run under way', async () => {
    const { job, events, end } = workshop();
    const both = [job.run(), job.run()];
    end(0);
    await Promise.all(both);
    expect(events).toEqual(['begin 0', 'end 0']);
    expect(job.active).toBe(false);
  });

  it('run right after cancel is another run, which begins when the first has ended', async () => {
    const { job, events, end } = workshop();
    const first = failure(job.run());
    job.cancel();
    const second = job.run();
    expect(job.signal.aborted).toBe(false);
    await settle();
    expect(events).toEqual(['begin 0']);
    end(0);
    expect(await first).toBe('AbortError');
    await settle();
    expect(events).toEqual(['begin 0', 'end 0 cancelled', 'begin 1']);
    end(1);
    await second;
    expect(events.at(-1)).toBe('end 1');
  });

  it('a run that waits can be cancelled, and never begins', async () => {
    const { job, events, end } = workshop();
    const first = failure(job.run());
    job.cancel();
    const second = failure(job.run());
    job.cancel();
    const third = job.run();
    end(0);
    expect([await first, await second]).toEqual(['AbortError', 'AbortError']);
    await settle();
    end(1);
    await third;
    expect(events).toEqual(['begin 0', 'end 0 cancelled', 'begin 1', 'end 1']);
  });

  it('the signal of who asked for a run ends that run alone', async () => {
    const { job, events, end } = workshop();
    const asked = new AbortController();
    const first = failure(job.run(asked.signal));
    job.cancel();
    const second = job.run();
    asked.abort();
    end(0);
    expect(await first).toBe('AbortError');
    await settle();
    expect(job.signal.aborted).toBe(false);
    end(1);
    await second;
    expect(events.at(-1)).toBe('end 1');
    const gone = AbortSignal.abort();
    const third = failure(job.run(gone));
    await settle();
    end(2);
    expect(await third).toBe('AbortError');
  });

  it('ends and begins again after a failure', async () => {
    let runs = 0;
    const job = new Job(() => (++runs === 1 ? Promise.reject(new Error('x')) : Promise.resolve()));
    await expect(job.run()).rejects.toThrow('x');
    await job.ended();
    await job.run();
    expect(runs).toBe(2);
  });
});
