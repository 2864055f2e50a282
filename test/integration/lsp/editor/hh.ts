import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { HH } from './client.js';

/** The first lines of hh-harmless as they are written, none longer than `max` characters. */
export function hhLines(count: number, max = 1500): string[] {
  const all = gunzipSync(readFileSync(HH)).toString('utf8').split('\n');
  const answered = (line: string) => {
    const { chosen, rejected } = JSON.parse(line) as { chosen: string; rejected: string };
    return lastAnswer(chosen) !== '' && lastAnswer(rejected) !== '';
  };
  return all.filter((line) => line !== '' && line.length <= max && answered(line)).slice(0, count);
}

/** The last answer of a transcript, found without the project's reader. */
export function lastAnswer(transcript: string): string {
  return transcript
    .slice(transcript.lastIndexOf('\n\nAssistant:') + '\n\nAssistant:'.length)
    .trim();
}
