// npm run kill -- [N] [KIND…]: each command killed N times (default 100) at random moments, then run to its end.
import { KINDS, kill, type Tally } from './kinds.js';

const [count = '100', ...named] = process.argv.slice(2);
const n = Number(count);
const names = named.length > 0 ? named : Object.keys(KINDS);
if (!Number.isSafeInteger(n) || n < 1 || names.some((name) => !(name in KINDS))) {
  console.error(`usage: npm run kill -- [N] [${Object.keys(KINDS).join('|')} …]`);
  process.exit(2);
}
const line = ({ kind, runs, processes, evaluators, failures }: Tally): string =>
  `${kind}: ${runs} runs, killed ${processes} processes and ${evaluators} evaluators under way; ${failures.length} failed`;
for (const name of names) {
  const tally = await kill(name, n, (t) => t.runs % 10 === 0 && t.runs < n && console.log(`  ${line(t)}`)); // prettier-ignore
  console.log(line(tally));
  for (const failure of tally.failures) console.log(`  ${failure}`);
  if (tally.failures.length > 0) process.exitCode = 1;
}
