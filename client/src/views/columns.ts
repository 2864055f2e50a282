import type {
  ColumnBatch,
  PolicySamples,
  WireColumnBatch,
  WirePolicySamples,
} from '../../../server/src/protocol/index.js';

function bytes(text: string): ArrayBuffer {
  const buffer = Buffer.from(text, 'base64');
  // A copy of its own: Buffers share a pool, and typed arrays want aligned memory.
  const own = new ArrayBuffer(buffer.length);
  new Uint8Array(own).set(buffer);
  return own;
}
const floats = (text: string) => new Float32Array(bytes(text));
const words = (text: string) => new Uint32Array(bytes(text));
const small = (text: string) => new Uint8Array(bytes(text));

/** Samples as they come over the language server's JSON, with their arrays of numbers again. */
export const decodeSamples = (wire: WirePolicySamples): PolicySamples => ({
  ...wire,
  offsets: words(wire.offsets),
  responses: words(wire.responses),
  quantiles: floats(wire.quantiles),
  expectation: floats(wire.expectation),
  tokens: words(wire.tokens),
  rows: words(wire.rows),
});

/** A batch as it comes over the language server's JSON, with its arrays of numbers again. */
export function decodeColumns(wire: WireColumnBatch): ColumnBatch {
  return {
    uri: wire.uri,
    epoch: wire.epoch,
    next: wire.next,
    ids: words(wire.ids),
    expectation: floats(wire.expectation),
    tail: floats(wire.tail),
    cvar: floats(wire.cvar),
    spread: floats(wire.spread),
    certaintyEquivalent: floats(wire.certaintyEquivalent),
    beats: floats(wire.beats),
    margin: floats(wire.margin),
    kind: small(wire.kind),
    modes: small(wire.modes),
    row: words(wire.row),
    line: words(wire.line),
    conversation: words(wire.conversation),
    target: words(wire.target),
    partner: words(wire.partner),
    tokens: words(wire.tokens),
  };
}
