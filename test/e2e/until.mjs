/** Polls until `read` gives a truthy value and returns it; the error says what was last seen. */
export async function until(what, read, { timeout = 60_000, every = 200 } = {}) {
  const end = Date.now() + timeout;
  let last;
  do {
    try {
      last = await read();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  } while (Date.now() < end);
  throw new Error(
    `waited ${timeout / 1000} s for ${what}; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}

/** Polls until `read` gives the same value `times` times in a row, and returns it. */
export async function untilStill(what, read, { times = 3, accept = () => true, ...options } = {}) {
  let before;
  let same = 0;
  return until(
    `${what} that stays`,
    async () => {
      const value = await read();
      const now = JSON.stringify(value);
      same = now === before ? same + 1 : 1;
      before = now;
      return same >= times && accept(value) && { value };
    },
    options,
  ).then(({ value }) => value);
}
