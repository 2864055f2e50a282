import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isRunning, ownName } from '../../../server/src/files/processes.js';

const place = ownName().split('-')[2];

describe.runIf(process.platform === 'linux')('a process by its name', () => {
  it('runs until it ends, whether or not its parent has asked', async () => {
    // What exec leaves as the parent never asks.
    const parent = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void parent.kill());
    const pid = await new Promise<string>((resolve) =>
      parent.stdout.once('data', (line: Buffer) => resolve(line.toString().trim())),
    );
    const stat = (): string[] =>
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const name = `${pid}-${stat()[19]}-${place}`;
    expect(isRunning(name, 0)).toBe(true);
    while (stat()[0] !== 'Z') await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isRunning(name, 0)).toBe(false);
  });

  it('is another where its number was given out again', () => {
    expect(isRunning(ownName(), 0)).toBe(true);
    expect(isRunning(`${process.pid}-1-${place}`, 0)).toBe(false);
  });
});
