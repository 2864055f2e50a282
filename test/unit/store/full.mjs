// Child of a test: keeps scores on a small file system that something else fills meanwhile.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openIn } from './bundle.mjs';

const [bundle, folder] = process.argv.slice(2);
const { ScoreStore, key, score } = await openIn(bundle);
mkdirSync(folder, { recursive: true });
const store = await ScoreStore.open({ folder, onWarning: (said) => console.log(said) });
let n = 0;
const burst = () => Promise.all(Array.from({ length: 20 }, () => store.put(key(n), score(n++))));
await burst();
const fill = join(folder, 'fill');
try {
  for (let size = 0; ; size += 65_536) writeFileSync(fill, Buffer.alloc(65_536), { flag: 'a' });
} catch (error) {
  if (error.code !== 'ENOSPC') throw error;
}
// Commits overlap; each of them fails, or none is tried any more.
for (let i = 0; i < 40; i++) {
  const all = burst();
  await new Promise((resolve) => setTimeout(resolve, i % 3));
  if (i % 5 === 0) await all;
}
await store.close();
rmSync(fill);
const again = await ScoreStore.open({ folder, onWarning: (said) => console.log(said) });
let kept = 0;
for (let i = 0; i < 20; i++) if (again.get(key(i)) !== undefined) kept++;
await again.close();
console.log(`ended, ${kept} kept`);
