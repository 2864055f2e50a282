import { own } from '../../../fields.js';

type Json = Readonly<Record<string, unknown>>;

/** Reads fields of a config with errors that name file and field; what is absent has the fallback's value. */
export class Fields {
  constructor(
    private readonly json: Json,
    private readonly file: string,
    private readonly fallbacks: Json = {},
  ) {}

  number(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw this.error(name, value, 'a number');
    }
    return value;
  }

  /** A size or a number of things. */
  count(name: string, fallback?: number): number {
    const value = this.number(name, fallback);
    if (!Number.isInteger(value) || value < 1) {
      throw this.error(name, value, 'whole numbers above 0');
    }
    return value;
  }

  /** What is divided by, or whose root is taken. */
  positive(name: string, fallback?: number): number {
    const value = this.number(name, fallback);
    if (value <= 0) throw this.error(name, value, 'a number above 0');
    return value;
  }

  /** Undefined for `null`, which says more than an absent field: no fallback is taken then. */
  optional(name: string): number | undefined {
    const value = name in this.json ? this.json[name] : this.fallbacks[name];
    return value == null ? undefined : this.number(name);
  }

  boolean(name: string): boolean {
    const value = this.get(name) ?? false;
    if (typeof value !== 'boolean') throw this.error(name, value, 'true or false');
    return value;
  }

  /** @param value what the field holds, where it is not read from `name` itself */
  oneOf<T>(name: string, known: Readonly<Record<string, T>>, value = this.get(name)): T {
    const found = typeof value === 'string' ? own(known, value) : undefined;
    if (found === undefined) {
      throw this.error(name, value, `one of ${Object.keys(known).join(', ')}`);
    }
    return found;
  }

  object(name: string): Fields | undefined {
    const value = this.get(name);
    if (value == null) return undefined;
    if (typeof value !== 'object') throw this.error(name, value, 'an object');
    return new Fields(value as Json, `${this.file}, ${name}`);
  }

  /** A value for each layer, from a list of the names in `known`. */
  perLayer<T>(
    name: string,
    layers: number,
    known: Readonly<Record<string, T>>,
  ): readonly T[] | undefined {
    const value = this.get(name);
    if (value == null) return undefined;
    if (!Array.isArray(value) || value.length < layers) {
      throw this.error(name, value, `a list of ${layers} (num_hidden_layers)`);
    }
    return value.slice(0, layers).map((v) => this.oneOf(name, known, v));
  }

  get(name: string): unknown {
    return this.json[name] ?? this.fallbacks[name];
  }

  error(name: string, found: unknown, expected: string): Error {
    const shown = JSON.stringify(found) ?? 'nothing';
    return new Error(`${this.file}: "${name}" is ${shown.slice(0, 80)}; supported: ${expected}`);
  }
}
