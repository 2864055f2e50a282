import type { TensorInfo, TensorSource } from './safetensors.js';

type Json = Readonly<Record<string, unknown>>;

/** A low-rank change of one matrix: W + scale * B A, and for DoRA each row brought to a length of its own. */
interface Change {
  /** [rank, inputs]; of an embedding table `A` is [rank, vocabulary] and the change (B A)^T. */
  readonly a: string;
  /** [outputs, rank] */
  readonly b: string;
  readonly scale: number;
  readonly embedding: boolean;
  /** DoRA's lengths, [outputs]. */
  readonly magnitude?: string;
}

const PREFIX = /^base_model\.model\./;
/** The language model inside a multimodal one: usual-names.ts gives the base the shorter names. */
const INNER = /^(model\.language_model|language_model\.model|language_model)\./;
const PART =
  /^(.+?)\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(?:\.default)?(?:\.weight)?$/;

/**
 * The tensors of a base model with a LoRA adapter merged into them (Hu et al. 2021, section 4.1), as PEFT's
 * `merge_and_unload` gives them, in float32. Tensors that the adapter has whole (`modules_to_save`, such as the
 * score head, and trained biases) replace those of the base. Rank-stabilised LoRA and DoRA are known.
 * @param adapter tensors as PEFT writes them, `base_model.model.….lora_A.weight`
 * @param config adapter_config.json
 * @param file its path, for errors
 * @throws Error naming file and field or tensor, and what is supported
 */
export function mergedWithAdapter(
  base: TensorSource,
  adapter: TensorSource,
  config: Json,
  file: string,
): TensorSource {
  checkAdapter(config, file);
  const changes = new Map<string, Change>();
  const whole = new Map<string, string>();
  const parts = new Map<string, Map<string, string>>();
  for (const name of adapter.names()) {
    const own = name
      .replace(PREFIX, '')
      .replace(INNER, 'model.')
      .replace('.modules_to_save.default', '')
      .replace('.base_layer.', '.');
    const [, module, part] = PART.exec(own) ?? [];
    if (module === undefined || part === undefined) {
      if (/lora_|trainable_tokens/.test(own)) {
        throw new Error(
          `${adapter.info(name).file}: tensor "${name}" is a kind of change that is not read here; supported: lora_A, ` +
            `lora_B, lora_embedding_A, lora_embedding_B, lora_magnitude_vector. Merge it in Python (merge_and_unload, save_pretrained)`,
        );
      }
      whole.set(own, name);
      continue;
    }
    const found = parts.get(module) ?? new Map<string, string>();
    parts.set(module, found.set(part.replace('embedding_', ''), name));
    if (part.startsWith('lora_embedding')) found.set('embedding', name);
  }
  for (const [module, found] of parts) {
    const target = `${module}.weight`;
    const a = found.get('lora_A');
    const b = found.get('lora_B');
    if (a === undefined || b === undefined) {
      const there = [...found.values()][0]!;
      throw new Error(
        `${adapter.info(there).file}: tensor "${there}" lacks its other half, lora_${a ? 'B' : 'A'}`,
      );
    }
    if (!base.has(target)) {
      throw new Error(
        `${adapter.info(a).file}: tensor "${a}" changes "${target}", which the base model does not have: ` +
          `is it the adapter's base?`,
      );
    }
    const change = {
      a,
      b,
      scale: scaleOf(config, module, adapter.info(a).shape[0] ?? 1, file),
      embedding: found.has('embedding'),
      magnitude: found.get('lora_magnitude_vector'),
    };
    checkShapes(adapter, change, base.info(target));
    changes.set(target, change);
  }
  return {
    names: () => [...new Set([...base.names(), ...whole.keys()])],
    has: (name) => base.has(name) || whole.has(name),
    info(name) {
      const own = whole.get(name);
      const info = own === undefined ? base.info(name) : adapter.info(own);
      // The stored bytes are not the values.
      return changes.has(name) ? { ...info, dtype: `${info.dtype}*` } : info;
    },
    async readFloat32(name) {
      const own = whole.get(name);
      const change = changes.get(name);
      const values = await (own === undefined ? base.readFloat32(name) : adapter.readFloat32(own));
      if (change === undefined) return values;
      const [a, b] = [await adapter.readFloat32(change.a), await adapter.readFloat32(change.b)];
      add(values, a, b, change, base.info(name).shape as [number, number]);
      if (change.magnitude !== undefined) {
        bringToLength(values, await adapter.readFloat32(change.magnitude));
      }
      return values;
    },
    async close() {
      await base.close();
      await adapter.close();
    },
  };
}

function checkAdapter(config: Json, file: string): void {
  const wrong = (field: string, expected: string): Error =>
    new Error(
      `${file}: "${field}" is ${(JSON.stringify(config[field]) ?? 'nothing').slice(0, 80)}; supported: ${expected}. ` +
        `Other adapters can be merged in Python (merge_and_unload, save_pretrained)`,
    );
  if (config['peft_type'] !== 'LORA') throw wrong('peft_type', '"LORA"');
  if (config['fan_in_fan_out'] === true) throw wrong('fan_in_fan_out', 'false');
  if (config['lora_bias'] === true) throw wrong('lora_bias', 'false');
}

/** alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA (Kalajdzievski 2023); patterns as PEFT matches them. */
function scaleOf(config: Json, module: string, rank: number, file: string): number {
  const patterns = Object.entries((config['alpha_pattern'] ?? {}) as Json);
  const own = patterns.find(([key]) => new RegExp(`^(.*\\.)?(${key})$`).test(module))?.[1];
  const alpha = own ?? config['lora_alpha'];
  if (typeof alpha !== 'number') {
    throw new Error(
      `${file}: "lora_alpha" is ${JSON.stringify(alpha) ?? 'nothing'}; expected a number`,
    );
  }
  return alpha / (config['use_rslora'] === true ? Math.sqrt(rank) : rank);
}

function checkShapes(adapter: TensorSource, change: Change, target: TensorInfo): void {
  const [outputs, inputs] = change.embedding ? [...target.shape].reverse() : target.shape;
  const rank = adapter.info(change.a).shape[0];
  const expected = [
    [change.a, [rank, inputs]],
    [change.b, [outputs, rank]],
    ...(change.magnitude ? [[change.magnitude, [outputs]] as const] : []),
  ] as const;
  for (const [name, wanted] of expected) {
    const { shape, file } = adapter.info(name);
    if (shape.length !== wanted.length || shape.some((n, i) => n !== wanted[i])) {
      throw new Error(
        `${file}: tensor "${name}" has shape [${shape.join(', ')}], expected [${wanted.join(', ')}] ` +
          `for the base model's [${target.shape.join(', ')}]`,
      );
    }
  }
}

/** values += scale * B A, row by row. */
function add(
  values: Float32Array,
  a: Float32Array,
  b: Float32Array,
  { scale, embedding }: Change,
  [rows, columns]: readonly [number, number],
): void {
  const rank = a.length / (embedding ? rows : columns);
  const sum = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sum.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * (embedding ? a[r * rows + row]! : b[row * rank + r]!);
      if (embedding) for (let c = 0; c < columns; c++) sum[c]! += factor * b[c * rank + r]!;
      else for (let c = 0; c < columns; c++) sum[c]! += factor * a[r * columns + c]!;
    }
    const at = row * columns;
    for (let c = 0; c < columns; c++) values[at + c] = values[at + c]! + sum[c]!;
  }
}

/** DoRA (Liu et al. 2024, equation 5): each row has the length that was learnt for it. */
function bringToLength(values: Float32Array, lengths: Float32Array): void {
  const columns = values.length / lengths.length;
  for (const [row, length] of lengths.entries()) {
    const part = values.subarray(row * columns, (row + 1) * columns);
    let squares = 0;
    for (const v of part) squares += v * v;
    const factor = length / Math.sqrt(squares);
    for (let c = 0; c < columns; c++) part[c]! *= factor;
  }
}
