import type { Readable } from 'node:stream';
import { messageOf } from '../errors.js';
import { writeTo } from '../files/write.js';
import type { Loaded } from './loaded.js';
import { conversationsOf, distributions, type DistributionsBody } from './routes/native.js';

/** Bytes of one message. */
const LARGEST = 1 << 28;

interface Request {
  readonly id: number | string;
  readonly body: DistributionsBody;
}

/**
 * `qrm serve --stdio`: messages of a 4-byte little-endian length and so many bytes of JSON,
 * `{"id", "body"}` with the body of `POST /v1/distributions`; answers `{"id", "result"}` or `{"id", "error"}`,
 * each as soon as it is done. The first message out is `{"ready": …}`. Ends with its input, when all is answered.
 * @throws Error when a message is longer than 256 MiB: the input is something else
 */
export async function serveStdio(
  { model, scorer }: Loaded,
  input: Readable,
  output: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  const write = (message: unknown): Promise<void> => writeTo(output, framed(message));
  const { modelName, modelHash, precision, executionProvider, spec } = model.info;
  await write({
    ready: { name: modelName, hash: modelHash, precision, executionProvider, ...spec },
  });
  const open = new Set<Promise<void>>();
  const answer = async (text: string): Promise<void> => {
    let id: Request['id'] | null = null;
    try {
      const request = JSON.parse(text) as Request;
      ({ id } = request);
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
  for await (const text of messagesIn(input)) {
    if (signal.aborted) break;
    const work: Promise<void> = answer(text)
      .catch(() => undefined)
      .then(() => void open.delete(work));
    open.add(work);
  }
  await Promise.all(open);
}

function framed(message: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json]);
}

async function* messagesIn(input: Readable): AsyncGenerator<string> {
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
      yield take(length).toString('utf8');
      length = undefined;
    }
  }
}
