// Child of the kill test: writes scores one after another and says which are committed.
import { openIn } from './bundle.mjs';

const [folder, start, count] = process.argv.slice(2);
const { ScoreStore, key, score } = await openIn(folder);
const store = await ScoreStore.open({ folder });
for (let i = Number(start); i < Number(start) + Number(count); i++) {
  await store.put(key(i), score(i));
  process.stdout.write(`${i}\n`);
}
await store.close();
