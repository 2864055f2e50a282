import { AttributeType, DataType, ModelProto, type DataTypeName } from './onnx-schema.js';

/** A tensor that lies in a file beside the model, as ONNX external data. */
export interface ExternalTensor {
  readonly dtype: DataTypeName;
  readonly shape: readonly number[];
  /** Relative to the model's folder. */
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
}

type Attribute = number | string | readonly number[] | { float: number };

export type Dimension = number | string;

/**
 * Collects nodes and initializers of one ONNX graph. Values are named by strings; `op` returns the
 * name of its (first) output, so that graphs read as expressions.
 */
export class GraphBuilder {
  readonly #nodes: object[] = [];
  readonly #initializers = new Map<string, object>();
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  #counter = 0;

  input(name: string, dtype: DataTypeName, shape: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, dtype, shape));
    return name;
  }

  /** Declares a value as an output of the graph under the name `name`. */
  output(value: string, name: string, dtype: DataTypeName, shape: readonly Dimension[]): void {
    this.#nodes.push({
      op_type: 'Identity',
      input: [value],
      output: [name],
      name: `output/${name}`,
    });
    this.#outputs.push(valueInfo(name, dtype, shape));
  }

  /** Adds a node; options: number of outputs, domain. Integers are ints, `{float}` forces a float. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: { domain?: string; outputs?: number } = {},
  ): string {
    return this.ops(type, inputs, attributes, options)[0]!;
  }

  ops(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: { domain?: string; outputs?: number; omit?: readonly number[] } = {},
  ): string[] {
    const id = `${type}_${this.#counter++}`;
    const count = options.outputs ?? 1;
    const output = Array.from({ length: count }, (_, i) =>
      options.omit?.includes(i) ? '' : count === 1 ? id : `${id}.${i}`,
    );
    this.#nodes.push({
      op_type: type,
      name: id,
      input: [...inputs],
      output,
      domain: options.domain ?? '',
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return output;
  }

  /**
   * sum = x + delta (+ its bias), normed = sum / rms(sum) * gain, in one operation where there is a delta.
   * @param gain name of a tensor [hidden]
   */
  skipNorm(
    x: string,
    delta: { readonly value: string; readonly bias?: string } | undefined,
    gain: string,
    eps: number,
  ): { sum: string; normed: string } {
    const epsilon = { float: eps };
    if (!delta)
      return { sum: x, normed: this.op('RMSNormalization', [x, gain], { axis: -1, epsilon }) };
    const inputs = [x, delta.value, gain];
    if (delta.bias) inputs.push(delta.bias);
    const [normed, , , sum] = this.ops(
      'SkipSimplifiedLayerNormalization',
      inputs,
      { epsilon },
      { domain: 'com.microsoft', outputs: 4, omit: [1, 2] },
    );
    return { sum: sum!, normed: normed! };
  }

  /** A small tensor stored inside the model; equal constants are stored once. */
  constant(
    dtype: 'float32' | 'int64' | 'uint8',
    values: readonly number[],
    shape?: readonly number[],
  ): string {
    const dims = shape ?? [values.length];
    const name = `const_${dtype}_${dims.join('x')}_${values.length > 4 ? this.#counter++ : values.join('_')}`;
    if (!this.#initializers.has(name)) {
      const typed =
        dtype === 'float32'
          ? Float32Array.from(values)
          : dtype === 'int64'
            ? BigInt64Array.from(values, (v) => BigInt(v))
            : Uint8Array.from(values);
      this.#initializers.set(name, {
        name,
        dims: [...dims],
        data_type: DataType[dtype],
        raw_data: new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength),
      });
    }
    return name;
  }

  /** A named tensor stored inside the model: only for small ones (a protobuf message ends at 2 GiB). */
  tensor(name: string, shape: readonly number[], values: Float32Array | Int8Array): string {
    const size = shape.reduce((a, b) => a * b, 1);
    if (values.length !== size) {
      throw new Error(
        `tensor "${name}" has ${values.length} values, expected [${shape.join(', ')}]`,
      );
    }
    this.#initializers.set(name, {
      name,
      dims: [...shape],
      data_type: values instanceof Int8Array ? DataType.int8 : DataType.float32,
      raw_data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    });
    return name;
  }

  scalar(value: number): string {
    return this.constant('float32', [value], []);
  }

  ints(...values: number[]): string {
    return this.constant('int64', values);
  }

  /** A large tensor, by reference into a file beside the model. */
  external(name: string, tensor: ExternalTensor): string {
    if (!this.#initializers.has(name)) {
      this.#initializers.set(name, {
        name,
        dims: [...tensor.shape],
        data_type: DataType[tensor.dtype],
        data_location: 1,
        external_data: [
          { key: 'location', value: tensor.file },
          { key: 'offset', value: String(tensor.offset) },
          { key: 'length', value: String(tensor.byteLength) },
        ],
      });
    }
    return name;
  }

  /** The finished model as protobuf bytes. Opset 23 brings Attention and RMSNormalization. */
  serialize(name: string): Uint8Array {
    return ModelProto.encode(
      ModelProto.fromObject({
        ir_version: 10,
        producer_name: 'qrm-lens',
        opset_import: [
          { domain: '', version: 23 },
          { domain: 'com.microsoft', version: 1 },
        ],
        graph: {
          name,
          node: this.#nodes,
          initializer: [...this.#initializers.values()],
          input: this.#inputs,
          output: this.#outputs,
        },
      }),
    ).finish();
  }
}

function valueInfo(name: string, dtype: DataTypeName, shape: readonly Dimension[]): object {
  const dim = shape.map((d) => (typeof d === 'number' ? { dim_value: d } : { dim_param: d }));
  return { name, type: { tensor_type: { elem_type: DataType[dtype], shape: { dim } } } };
}

function attribute(name: string, value: Attribute): object {
  if (typeof value === 'string') return { name, s: Buffer.from(value), type: AttributeType.string };
  if (typeof value === 'number') return { name, i: value, type: AttributeType.int };
  if (Array.isArray(value)) return { name, ints: [...value], type: AttributeType.ints };
  return { name, f: (value as { float: number }).float, type: AttributeType.float };
}
