import { readFileSync } from 'node:fs';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import type { Backbones, Sequences } from './inputs.js';
import type { Peer } from './peers/peer.js';
import { hiddenStates } from './sequences.js';

/** Conversations whose hidden states the other programs are asked for. */
const FIRST = 64;

/** How near everyone's hidden states are to PyTorch's in float32. */
export async function printCosines(
  peers: readonly Peer[],
  backbones: Backbones,
  sequences: Sequences,
  config: ModelConfig,
  set: string,
  hidden: string,
): Promise<void> {
  const torch = peers.find(({ kind }) => kind.name === 'PyTorch');
  if (torch === undefined) return;
  const H = config.hiddenSize;
  const ask = async (peer: Peer, run: string, count?: number): Promise<Float32Array> => {
    await peer.ask({ run, set, hidden, count });
    const bytes = readFileSync(hidden);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  };
  console.log('Cosine of hidden states to PyTorch float32:');
  const reference = await ask(torch, 'float32');
  for (const precision of ['int8', 'float32'] as const) {
    const found = await hiddenStates(backbones[precision], precision, sequences, config);
    print(`qrm ${precision}`, found, reference, H);
  }
  print('PyTorch bfloat16', await ask(torch, 'bfloat16'), reference, H);
  // The others give the last position alone, which is the reward's.
  const last = Float32Array.from(
    { length: FIRST * H },
    (_, i) => reference[i + Math.floor(i / H) * H]!,
  );
  for (const peer of peers) {
    if (peer === torch) continue;
    for (const variant of peer.kind.variants)
      print(`${peer.kind.name} ${variant}`, await ask(peer, variant, FIRST), last, H);
  }
}

function print(name: string, found: Float32Array, reference: Float32Array, H: number): void {
  const sorted = cosines(found, reference, H).sort((a, b) => a - b);
  const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length;
  console.log(
    `  ${name.padEnd(18)} mean ${mean.toFixed(6)}, 5 % below ${sorted[Math.floor(sorted.length * 0.05)]!.toFixed(6)}, ` +
      `lowest ${sorted[0]!.toFixed(6)} (${sorted.length} positions)`,
  );
}

function cosines(a: Float32Array, b: Float32Array, H: number): number[] {
  return Array.from({ length: a.length / H }, (_, row) => {
    let [dot, aa, bb] = [0, 0, 0];
    for (let i = row * H; i < (row + 1) * H; i++) {
      dot += a[i]! * b[i]!;
      aa += a[i]! ** 2;
      bb += b[i]! ** 2;
    }
    return dot / Math.sqrt(aa * bb);
  });
}
