/**
 * What a message's parameters must be. A check gives what was wrong ("position.line: expected …, found …"), or
 * nothing. Fields that nobody reads may be anything.
 */
export interface Check<T> {
  (value: unknown, at: string): string | undefined;
  /** Of the type only: what a value that passed is. */
  readonly passed?: T;
  readonly optional?: true;
}

const shown = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

const check = <T>(passes: (value: unknown) => boolean, expected: string): Check<T> => {
  return (value, at) =>
    passes(value) ? undefined : `${at}: expected ${expected}, found ${shown(value)}`;
};

export const anything: Check<unknown> = () => undefined;
export const text: Check<string> = check((v) => typeof v === 'string', 'a string');
export const name: Check<string> = check(
  (v) => typeof v === 'string' && v !== '',
  'a string that is not empty',
);
export const flag: Check<boolean> = check((v) => typeof v === 'boolean', 'true or false');
export const integer: Check<number> = check(Number.isInteger, 'an integer');
/** Also beyond a document's end: editors write "to the end" as a very large number. */
export const count: Check<number> = check(
  (v) => Number.isInteger(v) && (v as number) >= 0,
  'an integer of at least 0',
);
/** A process's number; any other would be taken for a process that is gone. */
export const processId: Check<number> = check(
  (v) => Number.isInteger(v) && (v as number) > 0 && (v as number) < 2 ** 31,
  'the number of a process',
);
export const token: Check<string | number> = check(
  (v) => typeof v === 'string' || Number.isInteger(v),
  'a string or an integer',
);

export const oneOf = <T extends string>(values: readonly T[]): Check<T> =>
  check((v) => values.includes(v as T), values.map((v) => `'${v}'`).join(' or '));

/** May be absent; null, which some clients write for it, is taken as absent. */
export const maybe = <T>(inner: Check<T>): Check<T | undefined> => {
  const outer = (value: unknown, at: string) =>
    value === undefined || value === null ? undefined : inner(value, at);
  return Object.assign(outer, { optional: true as const });
};

export const list =
  <T>(inner: Check<T>): Check<readonly T[]> =>
  (value, at) => {
    if (!Array.isArray(value)) return `${at}: expected an array, found ${shown(value)}`;
    for (const [n, item] of value.entries()) {
      const wrong = inner(item, `${at}[${n}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };

/** Every field of T has its check; a null that is taken as absent is taken out. */
export const object = <T extends object>(fields: {
  readonly [K in keyof T]-?: Check<T[K]>;
}): Check<T> => {
  const checks = Object.entries(fields) as [string, Check<unknown>][];
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return `${at}: expected an object, found ${shown(value)}`;
    const given = value as Record<string, unknown>;
    for (const [key, inner] of checks) {
      const has = Object.hasOwn(given, key);
      const wrong = inner(has ? given[key] : undefined, `${at}.${key}`);
      if (wrong !== undefined) return wrong;
      if (has && given[key] === null && inner.optional === true) delete given[key];
    }
    return undefined;
  };
};
