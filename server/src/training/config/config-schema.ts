import { DEVICES, PRECISIONS } from '../../protocol/index.js';
import { isFields, own } from '../../fields.js';

/** JSON Schema of train.json; client/train.schema.json is this, for editors. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
}

const text = (description: string): Schema => ({ type: 'string', description });
const whole = (description: string, minimum = 0, maximum?: number): Schema => ({
  type: 'integer',
  description,
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
});
const number = (description: string, minimum: number, maximum?: number): Schema => ({
  type: 'number',
  description,
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
});
const flag = (description: string): Schema => ({ type: 'boolean', description });
const object = (
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): Schema => ({ type: 'object', properties, required, additionalProperties: false });
const texts: Schema = { type: 'array', items: { type: 'string' } };
const textMap: Schema = { type: 'object', additionalProperties: { type: 'string' } };

const file = text(
  'A file, or a folder of data sets, relative to `data`, or to the config where `data` is not given.',
);
const sourceName = text(
  "Default: the file's name without endings; of a folder, before its files'.",
);
const most = whole('Taken at most, by a seeded choice of prompts.', 1);
const maxTokens = whole('Conversations of more tokens are left out.', 1);

const attributeSource = object(
  {
    file,
    name: sourceName,
    only: { ...texts, description: 'Attributes of the file to train on; default: all.' },
    rename: { ...textMap, description: "The file's name of an attribute to the model's name." },
    mapping: object({
      prompt: text('The field of the prompt.'),
      response: text('The field of the response.'),
      labels: { ...textMap, description: 'Attribute to the column of its labels.' },
    }),
    scale: {
      type: 'object',
      description: 'Attribute to [least, greatest] label; default: from the layout or the data.',
      additionalProperties: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
    },
    max: most,
    perPrompt: whole('Responses of one prompt, at most.', 1),
    maxTokens,
    pairs: flag('Responses of one prompt with different labels are pairs for the gate too.'),
  },
  ['file'],
);
const pairSource = object(
  {
    file,
    name: sourceName,
    mapping: { ...textMap, description: 'As the setting qrmLens.mapping.' },
    max: most,
    maxTokens,
    attribute: text('An attribute made of the pairs: chosen 1, rejected 0.'),
    route: {
      ...texts,
      description:
        "Attributes that should rank the pairs, for the gate's routing loss; default: the one made of them.",
    },
    gate: flag('Whether the gate is trained on them; default true.'),
    heldOutFold: {
      ...object({ folds: whole('How many.', 2), seed: whole('Of the split.') }, ['folds', 'seed']),
      description: 'An older split to keep: the first of so many grouped folds is held out.',
    },
  },
  ['file'],
);

const l1: Schema = {
  description: "Factor of the weights' L1 norm; auto: chosen by cross-validated pinball loss.",
  anyOf: [{ type: 'string', enum: ['auto'] }, number('A number.', 0)],
};

export const TRAIN_SCHEMA: Schema & { $schema: string; title: string } = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'qrm train',
  ...object(
    {
      $schema: text('This schema.'),
      backbone: text(
        'A .gguf file, Hugging Face folder, bundle or known name; default: the embedded one.',
      ),
      layer: whole('Layers that are run, from the first; default: all.', 1),
      device: { ...text('Where the backbone runs; default: auto.'), enum: DEVICES },
      precision: { ...text('Of the backbone as it runs.'), enum: ['auto', ...PRECISIONS] },
      gpuMemory: number('GB of the GPU that may be used; default: what is free.', 0.1, 10_000),
      endpoint: text(
        "URL[,URL…] of vLLM, SGLang or llama.cpp's server, which give the features of the backbone.",
      ),
      featureType: { ...text('Of stored features.'), enum: ['float16', 'float32'] },
      data: text('Folder that file names are relative to.'),
      attributes: {
        type: 'array',
        description: 'Files of rated responses.',
        items: { anyOf: [file, attributeSource] },
      },
      pairs: {
        type: 'array',
        description: 'Files of preference pairs.',
        items: { anyOf: [file, pairSource] },
      },
      out: text("The bundle's folder."),
      checkpoint: text('A folder in the published layout to write too.'),
      work: text('Folder of features and fitted stages; default: OUT.work.'),
      name: text('Of the model.'),
      description: text('Of the model.'),
      licence: text('SPDX identifier.'),
      verbosity: text('none, length, or the attribute that means verbosity.'),
      quantiles: whole('Levels of each attribute.', 1, 999),
      l1,
      attributeL1: {
        type: 'object',
        description: 'l1 of single attributes.',
        additionalProperties: l1,
      },
      byResponse: {
        ...texts,
        description:
          'Attributes in which each response counts alike, however many raters it has; default: each label.',
      },
      components: whole('Principal components that heads and gate are fitted in; 0: all features.'),
      featureScale: number('Standard deviation that features are scaled to in the fit.', 1e-6),
      bandwidth: number('Smoothing over neighbouring levels, in levels.', 0, 100),
      monotone: flag('Levels must not cross on training responses.'),
      gate: object({
        hidden: { type: 'array', items: whole('Channels of a hidden layer.', 1) },
        temperature: number('Of the softmax.', 1e-3),
        epochs: whole('At most.', 1),
        batch: whole('Pairs.', 2),
        learningRate: number('Of AdamW.', 0),
        weightDecay: number('Of AdamW.', 0),
        patience: whole('Epochs without a better loss on held-back prompts; 0: all epochs.'),
        routing: number("Weight of the cross-entropy against the source's own attributes.", 0),
      }),
      weights: {
        type: 'object',
        description: 'Fixed weights in place of the gate.',
        additionalProperties: { type: 'number' },
      },
      maxPerAttribute: whole('Labels of an attribute, at most.', 50),
      maxTokens,
      heldOut: number('Share of the prompts that are held out.', 0, 0.9),
      folds: whole('Of cross-validation.', 2, 100),
      keepBelow: number(
        "Attributes above this ratio to the constant quantiles' loss are dropped.",
        0,
      ),
      keep: { ...texts, description: 'Attributes that are kept whatever their loss.' },
      seed: whole('Of every choice.'),
      threads: whole('Default: one a core.', 1, 1024),
    },
    ['attributes'],
  ),
};

/** What in a value does not fit the schema: where (`gate.hidden[0]`), what was found and expected. */
export function schemaProblems(value: unknown, schema: Schema, at = ''): string[] {
  if (schema.anyOf) {
    const all = schema.anyOf.map((s) => schemaProblems(value, s, at));
    if (all.some((problems) => problems.length === 0)) return [];
    // The branch of the value's own kind says most.
    const same = schema.anyOf.findIndex((s) => s.type !== undefined && isType(value, s.type));
    if (same >= 0) return all[same]!;
    return [found(at, value, schema.anyOf.map((s) => s.type ?? 'a value').join(' or '))];
  }
  if (schema.type && !isType(value, schema.type)) return [found(at, value, named(schema.type))];
  if (schema.enum && !schema.enum.includes(value as string)) {
    return [found(at, value, `one of ${schema.enum.join(', ')}`)];
  }
  if (typeof value === 'number') {
    const { minimum = -Infinity, maximum = Infinity } = schema;
    if (value < minimum || value > maximum) {
      const range = maximum === Infinity ? `${minimum} or more` : `${minimum} to ${maximum}`;
      return [found(at, value, range)];
    }
  }
  if (Array.isArray(value)) {
    const { minItems = 0, maxItems = Infinity, items } = schema;
    if (value.length < minItems || value.length > maxItems) {
      return [found(at, value, `${minItems} entries`)];
    }
    return items ? value.flatMap((v, i) => schemaProblems(v, items, `${at}[${i}]`)) : [];
  }
  return schema.type === 'object' ? objectProblems(value as object, schema, at) : [];
}

function objectProblems(value: object, schema: Schema, at: string): string[] {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const out = required.filter((key) => !(key in value)).map((key) => `${join(at, key)} is missing`);
  for (const [key, v] of Object.entries(value)) {
    const inner =
      own(properties, key) ??
      (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (inner) out.push(...schemaProblems(v, inner, join(at, key)));
    else if (additionalProperties === false) {
      out.push(`${join(at, key)} is not known; expected ${Object.keys(properties).join(', ')}`);
    }
  }
  return out;
}

const join = (at: string, key: string): string => (at === '' ? key : `${at}.${key}`);
const named = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);
const found = (at: string, value: unknown, expected: string): string =>
  `${at || 'the config'}: found ${(JSON.stringify(value) ?? 'nothing').slice(0, 80)}, expected ${expected}`;

function isType(value: unknown, type: NonNullable<Schema['type']>): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isFields(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'number') return typeof value === 'number' && Number.isFinite(value);
  return typeof value === type;
}
