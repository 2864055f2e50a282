import type { Readable } from 'node:stream';
import { messageOf } from '../errors.js';
import { writeTo } from '../files/write.js';
import type { Evaluator } from '../engine/types.js';
import { FIGURES } from '../session/score-line.js';
import type { Loaded } from './loaded.js';
import { conversationsOf, distributions, type DistributionsBody } from './routes/native.js';
import { scoreShard, type Shard } from './shard.js';

/** Bytes of one message. */
const LARGEST = 1 << 28;

type Request = { readonly id: number | string } & (
  { readonly body: DistributionsBody; readonly shard?: never } | { readonly shard: Shard }
);

/**
 * `qrm serve --stdio`: messages of a 4-byte little-endian length and so many bytes of JSON,
 * `{"id", "body"}` with the body of `POST /v1/distributions`; answers `{"id", "result"}` or `{"id", "error"}`,
 * each as soon as it is done. The first message out is `{"ready": …}`. Ends with its input, when all is answered.
 * `{"id", "shard"}` is followed by a message that is a data file's bytes (`Shard`): what scores on a cluster sends.
 * @throws Error when a message is longer than 256 MiB: the input is something else
 */
export async function serveStdio(
  { model, scorer }: Loaded,
  evaluator: Evaluator,
  input: Readable,
  output: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  const write = (message: unknown): Promise<void> => writeTo(output, framed(message));
  const { modelName, modelHash, precision, executionProvider, maxTokens, spec } = model.info;
  const info = { name: modelName, hash: modelHash, precision, executionProvider, maxTokens };
  // The spec's fields stand beside the others too, where earlier clients look for them.
  await write({ ready: { ...info, ...spec, spec, figures: FIGURES } });
  const open = new Set<Promise<void>>();
  const frames = messagesIn(input);
  const answer = async (request: Request, bytes: Buffer | undefined): Promise<void> => {
    const { id } = request;
    try {
      if (request.shard !== undefined) {
        if (bytes === undefined) throw new Error('the bytes of the shard are missing');
        return await write({
          id,
          result: await scoreShard(evaluator, request.shard, bytes, signal),
        });
      }
      const asked = conversationsOf(request.body);
      const results = await scorer.score(asked, signal);
      await write({
        id,
        result: distributions(model, request.body, request.body.model, asked, results),
      });
    } catch (error) {
      if (!signal.aborted) await write({ id, error: messageOf(error) });
    }
  };
  for await (const frame of frames) {
    if (signal.aborted) break;
    const request = parse(frame.toString('utf8'));
    if (request instanceof Error) {
      await write({ id: null, error: request.message });
      continue;
    }
    const next = request.shard === undefined ? undefined : await frames.next();
    const bytes = next?.done === false ? next.value : undefined;
    const work: Promise<void> = answer(request, bytes)
      .catch(() => undefined)
      .then(() => void open.delete(work));
    open.add(work);
  }
  await Promise.all(open);
}

function parse(text: string): Request | Error {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Request;
    return new Error(`expected a JSON object, found ${text.slice(0, 40)}`);
  } catch (error) {
    return error as Error;
  }
}

function framed(message: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json]);
}

async function* messagesIn(input: Readable): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let have = 0;
  const take = (n: number): Buffer => {
    const all = Buffer.concat(parts);
    parts = [all.subarray(n)];
    have -= n;
    return all.subarray(0, n);
  };
  let length: number | undefined;
  for await (const chunk of input) {
    parts.push(chunk as Buffer);
    have += (chunk as Buffer).length;
    for (;;) {
      if (length === undefined) {
        if (have < 4) break;
        length = take(4).readUInt32LE();
        if (length > LARGEST)
          throw new Error(`a message of ${length} bytes; expected a 4-byte length, then JSON`);
      }
      if (have < length) break;
      yield take(length);
      length = undefined;
    }
  }
}
