// Child of the damage tests: opens a store, reads and writes it, and says what it got.
import { openIn } from './bundle.mjs';

const [folder, count] = process.argv.slice(2);
const { ScoreStore, key, score } = await openIn(folder);
const warnings = [];
const store = await ScoreStore.open({ folder, onWarning: (m) => warnings.push(m) });
let [found, wrong] = [0, 0];
for (let i = 0; i < Number(count); i++) {
  const got = store.get(key(i));
  if (got === undefined) continue;
  found++;
  if (got.expectation !== score(i).expectation || got.quantiles[0] !== Math.fround(i)) wrong++;
}
for (let n = 0; n < 3; n++)
  await store.putMany(Array.from({ length: 200 }, (_, i) => [key(1e6 + 1000 * n + i), score(i)]));
await store.close();
process.stdout.write(JSON.stringify({ found, wrong, warnings }));
