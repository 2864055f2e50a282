/**
 * Damaged model files: each must open, or be refused with an error that names a file of the model and says
 * something a person can read. Nothing may hang, and nothing but an Error may come.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '../../server/src/model/bundle/published/checkpoint.js';
import { readManifest } from '../../server/src/model/bundle/format/manifest.js';
import { ChatTokenizer } from '../../server/src/model/tokenizer/chat-tokenizer.js';
import { damagedGguf } from './gguf.js';
import type { Kind } from './kind.js';
import { Random as Seeded } from './random.js';
import { readHeadFiles } from '../../server/src/model/heads/heads-files.js';

/** npm runs its scripts in the repository's root. */
const ROOT = process.cwd();
const GOLDEN = ['llama3-qrm-k5-m3', 'llama3-qrm-bf16-sharded', 'gemma2-qrm'];
/** Said by the engine, not by us: no reader knew what it had before it. */
const UNREADABLE =
  /is not iterable|of undefined|undefined \(|is not a function|Cannot read|NaN|\[object|Maximum call|Invalid array length|Invalid typed array|out of range|Cannot convert|BigInt|heap/i;

type Random = (below: number) => number;
export interface Finding {
  readonly name: string;
  readonly what: string;
}

function randomOf(seed: number): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const ODD: readonly unknown[] = [
  null,
  true,
  false,
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  '',
  'x',
  '../../etc/passwd',
  'constructor',
  '__proto__',
  '\0',
  '\ud800',
  [],
  {},
  [[]],
  [null],
  [-1, -2],
  { a: {} },
  'a'.repeat(5000),
];
const pick = <T>(list: readonly T[], random: Random): T => list[random(list.length)]!;

/** Replaces, removes or adds one value somewhere inside. */
function mutateJson(value: unknown, random: Random, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || (depth > 0 && random(5) === 0))
    return pick(ODD, random);
  const keys = Object.keys(value);
  if (keys.length === 0 || random(12) === 0) return pick(ODD, random);
  const key = pick(keys, random);
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<
    string,
    unknown
  >;
  if (random(6) === 0) delete copy[key];
  else copy[key] = mutateJson(copy[key], random, depth + 1);
  return copy;
}

function mutateBytes(bytes: Buffer, random: Random, within: number): Buffer {
  const out = Buffer.from(bytes);
  const most = Math.max(1, Math.min(within, out.length));
  switch (random(4)) {
    case 0:
      return out.subarray(0, random(out.length + 1));
    case 1:
      for (let n = random(8) + 1; n > 0; n--) out[random(most)] = random(256);
      return out;
    case 2: {
      const at = random(most);
      return Buffer.concat([
        out.subarray(0, at),
        Buffer.alloc(random(64), random(256)),
        out.subarray(at),
      ]);
    }
    default:
      out.writeBigUInt64LE(
        pick([0n, 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n], random),
        random(Math.max(1, most - 8)) & ~7,
      );
      return out;
  }
}

const TEMPLATES = [
  '{{',
  '{% for',
  '{% for i in range(10**9) %}x{% endfor %}',
  '{{ messages[0].content * 1000000000 }}',
  '{{ messages.x.y }}',
  '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  '{{ raise_exception("no") }}',
  '',
  '{{ "x" | nofilter }}',
  '{{ 1 is notest }}',
  '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}',
];

/** Damages one file of the model in `folder`, and says which and how. */
function damage(folder: string, random: Random): string {
  const files = readdirSync(folder).filter((name) => name !== 'expected.json');
  const name = pick(files, random);
  const path = join(folder, name);
  const bytes = readFileSync(path);
  if (name === 'tokenizer_config.json' && random(2) === 0) {
    const template = pick(TEMPLATES, random);
    writeFileSync(
      path,
      JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), chat_template: template }),
    );
    return `${name}, template ${template.slice(0, 40)}`;
  }
  if (name.endsWith('.json') && random(4) > 0) {
    let json = JSON.parse(bytes.toString()) as unknown;
    for (let n = random(3); n >= 0; n--) json = mutateJson(json, random);
    writeFileSync(path, JSON.stringify(json) ?? '');
    return `${name}, a value`;
  }
  if (name.endsWith('.safetensors') && random(3) > 0) {
    const length = Number(bytes.readBigUInt64LE());
    const header = mutateJson(JSON.parse(bytes.subarray(8, 8 + length).toString()), random);
    const text = Buffer.from(JSON.stringify(header) ?? '');
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(path, Buffer.concat([size, text, bytes.subarray(8 + length)]));
    return `${name}, its header`;
  }
  writeFileSync(
    path,
    mutateBytes(bytes, random, name.endsWith('.safetensors') ? 4096 : bytes.length),
  );
  return `${name}, bytes`;
}

async function open(folder: string): Promise<void> {
  if (readdirSync(folder).includes('bundle.json')) {
    const { config } = await readManifest(folder);
    await readHeadFiles(folder, config.hiddenSize);
    (await ChatTokenizer.fromFolder(folder)).paths(
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
      [1],
      512,
    );
    return;
  }
  const gguf = readdirSync(folder).find((name) => name.endsWith('.gguf'));
  const checkpoint = await openCheckpoint(gguf ? join(folder, gguf) : folder);
  try {
    checkpoint.tokenizer.paths(
      [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
      [1],
      512,
    );
    for (const name of checkpoint.source.names().slice(0, 3))
      await checkpoint.source.readFloat32(name);
  } finally {
    await checkpoint.source.close();
  }
}

/** A bundle with the embedded model's small files; what is large is left out of its list. */
function makeBundle(folder: string): void {
  mkdirSync(folder);
  const from = join(ROOT, 'models/default');
  const manifest = JSON.parse(readFileSync(join(from, 'bundle.json'), 'utf8')) as {
    files: Record<string, unknown>;
  };
  for (const name of ['heads.json', 'heads.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
    cpSync(join(from, name), join(folder, name));
  manifest.files = {};
  writeFileSync(join(folder, 'bundle.json'), JSON.stringify(manifest));
}

/**
 * @param n damaged models
 * @param seed the same seed gives the same models
 * @param report told of each that failed
 */
export async function run(
  n: number,
  seed: number,
  report: (finding: Finding) => void,
): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'qrm-fuzz-model-'));
  try {
    for (let i = 0; i < n; i++) {
      const random = randomOf(seed * 100_003 + i * 7919 + 1);
      for (let warm = 0; warm < 4; warm++) random(2);
      const folder = join(work, `m${i}`);
      const source = random(8);
      let what: string | undefined;
      if (source === 0) makeBundle(folder);
      else if (source > 4) {
        // With the tokenizer beside it, or in its metadata.
        mkdirSync(folder);
        const golden = join(ROOT, 'test/fixtures/golden', GOLDEN[0]!);
        const damaged = await damagedGguf(golden, work, new Seeded(seed + i));
        writeFileSync(join(folder, 'model.gguf'), damaged.bytes);
        if (random(2) === 0)
          for (const name of ['tokenizer.json', 'tokenizer_config.json'])
            cpSync(join(golden, name), join(folder, name));
        what = `model.gguf, ${damaged.what}`;
      } else
        cpSync(join(ROOT, 'test/fixtures/golden', GOLDEN[source % GOLDEN.length]!), folder, {
          recursive: true,
        });
      what ??= damage(folder, random);
      try {
        await open(folder);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        const names = text.includes(folder) || text.includes(`m${i}`);
        if (!(error instanceof Error) || !names || UNREADABLE.test(text.replaceAll(folder, ''))) {
          report({
            name: `model ${i} (${what})`,
            what: error instanceof Error ? (error.stack ?? text) : text,
          });
        }
      }
      rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A case is its seed: the model's files are copied and damaged from it. */
export const model: Kind = {
  name: 'model',
  inputs: (random) => new Map([['seed.txt', Buffer.from(String(random.int(1, 2 ** 31)))]]),
  async run(inputs) {
    let failure: string | undefined;
    await run(1, Number(inputs.get('seed.txt')!.toString()), ({ name, what }) => {
      failure = `${name}: ${what}`;
    });
    return {
      counted: [failure === undefined ? 'opened, or refused by name' : 'refused badly'],
      failure,
    };
  },
};
