import { describe, expect, it } from 'vitest';
import { KINDS, kill } from '../../kill/kinds.js';

/** The short form of `npm run kill`. */
describe.skipIf(process.platform !== 'linux')(
  'three kills at random moments lose, double and halve nothing of',
  () => {
    it.each(Object.keys(KINDS).filter((kind) => kind !== 'together'))(
      '%s',
      async (kind) => {
        const { runs, failures } = await kill(kind, 3);
        expect([runs, failures]).toEqual([3, []]);
      },
      600_000,
    );
  },
);

it('eight processes at once begin with an empty cache', async () => {
  expect((await kill('together', 1)).failures).toEqual([]);
}, 600_000);
