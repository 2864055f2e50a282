import { rowReader, type TensorSource } from './safetensors.js';

/** The same tensors under other names. @param to gives the name that a stored one is known by */
export function renamed(source: TensorSource, to: (stored: string) => string): TensorSource {
  const names = new Map(source.names().map((name) => [to(name), name]));
  const stored = (name: string): string => names.get(name) ?? name;
  return {
    names: () => [...names.keys()],
    has: (name) => names.has(name),
    info: (name) => source.info(stored(name)),
    readFloat32: (name) => source.readFloat32(stored(name)),
    ...(source.readRows && {
      readRows: (name: string, from: number, to: number) =>
        source.readRows!(stored(name), from, to),
    }),
    close: () => source.close(),
  };
}

/** Several sources as one; of a name that two have, the first counts, and the first is told of what is missing. */
export function joined(sources: readonly TensorSource[]): TensorSource {
  const of = (name: string): TensorSource => sources.find((s) => s.has(name)) ?? sources[0]!;
  const names = new Set(sources.flatMap((s) => s.names()));
  return {
    names: () => [...names],
    has: (name) => names.has(name),
    info: (name) => of(name).info(name),
    readFloat32: (name) => of(name).readFloat32(name),
    readRows: (name, from, to) => rowReader(of(name), name)(from, to),
    close: async () => {
      for (const source of sources) await source.close();
    },
  };
}
