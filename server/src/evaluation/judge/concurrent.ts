/** Results in the order of the input, with so many under way at once. @throws the first error, when its turn comes */
export async function* concurrent<T, R>(
  input: AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<{ item: T; result: R }> {
  const waiting: { item: T; result: Promise<R> }[] = [];
  const next = async () => {
    const { item, result } = waiting.shift()!;
    return { item, result: await result };
  };
  try {
    for await (const item of input) {
      const result = work(item);
      // It is awaited in its turn; until then its failure is nobody's.
      result.catch(() => undefined);
      waiting.push({ item, result });
      if (waiting.length >= width) yield await next();
    }
    while (waiting.length > 0) yield await next();
  } finally {
    await Promise.allSettled(waiting.map(({ result }) => result));
  }
}
