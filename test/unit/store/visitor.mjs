// Child of the test of openings: opens the store again and again, to write or to read, while others write.
import { openIn } from './bundle.mjs';

const [folder, start, count, rounds] = process.argv.slice(2);
const { ScoreStore, StoreReader, key, score } = await openIn(folder);
let next = Number(start);
for (let round = 0; round < Number(rounds); round++) {
  const store = await ScoreStore.open({ folder, onWarning: (message) => console.error(message) });
  const reader = await StoreReader.open(store.file);
  for (let i = 0; i < Number(count); i++, next++) {
    await store.put(key(next), score(next));
    if (store.get(key(next)) === undefined) console.error(`${next} is not there after its put`);
  }
  await reader?.close();
  await store.close();
}
