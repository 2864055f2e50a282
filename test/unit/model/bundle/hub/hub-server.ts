import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const COMMIT = 'c0ffee'.padEnd(40, '0');

interface Seen {
  readonly where: 'hub' | 'cdn';
  readonly url: string;
  readonly range: string | undefined;
  readonly token: string | undefined;
}

/**
 * A hub on the loopback: the API's answers, small files from itself, large ones by a redirect to another
 * origin that must not see the token, ranges, and what goes wrong on request.
 */
export class HubServer {
  readonly commit = COMMIT;
  readonly seen: Seen[] = [];
  /** Answers a request in place of the hub; undefined leaves it to the hub. */
  interfere: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** Bytes after which the CDN's connections break, one number for each. */
  breaks: number[] = [];
  /** A wrong byte in what the CDN sends. */
  corrupt = false;
  ranges = true;
  /** The CDN sends half of a file and waits for this, where it is given. */
  hold: Promise<void> | undefined;
  endpoint = '';
  #servers: Server[] = [];
  #cdn = '';

  private constructor(
    private readonly folder: string,
    private readonly id: string,
  ) {}

  static async of(folder: string, id: string): Promise<HubServer> {
    const hub = new HubServer(folder, id);
    hub.#cdn = await hub.#listen((q, r) => hub.#content(q, r));
    hub.endpoint = await hub.#listen((q, r) => hub.#answer(q, r));
    return hub;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  bytes = (path: string): Buffer => readFileSync(join(this.folder, path));

  async #listen(answer: (q: IncomingMessage, r: ServerResponse) => void): Promise<string> {
    const server = createServer(answer);
    this.#servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #note(where: Seen['where'], { url = '', headers }: IncomingMessage): void {
    this.seen.push({ where, url, range: headers.range, token: headers.authorization });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#note('hub', request);
    if (this.interfere?.(request, response) === true) return;
    const url = request.url ?? '';
    if (url.startsWith(`/api/models/${this.id}/revision/main`)) {
      response.end(JSON.stringify({ sha: COMMIT, siblings: this.#siblings() }));
      return;
    }
    const path = url.split(`/${this.id}/resolve/${COMMIT}/`)[1];
    if (path === undefined) return fail(response, 404, 'RepoNotFound');
    if (!path.endsWith('.safetensors')) {
      response.end(this.bytes(path));
      return;
    }
    // As the hub does for a large file; the query is the CDN's signature.
    response.writeHead(302, { location: `${this.#cdn}/signed/${path}?key=1` }).end();
  }

  #content(request: IncomingMessage, response: ServerResponse): void {
    this.#note('cdn', request);
    const path = (request.url ?? '').split('/signed/')[1]?.split('?')[0] ?? '';
    const all = this.bytes(path);
    if (this.corrupt) all[all.length - 1]! ^= 1;
    const from = this.ranges
      ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      : 0;
    const rest = all.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      etag: `"${sha256(all)}"`,
      'content-length': rest.length,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${all.length - 1}/${all.length}` } : {}),
    });
    if (this.hold !== undefined) {
      const half = rest.length >> 1;
      response.write(rest.subarray(0, half));
      this.hold.then(() => response.end(rest.subarray(half))).catch(() => undefined);
      return;
    }
    const end = this.breaks.shift();
    if (end === undefined) response.end(rest);
    else response.write(rest.subarray(0, end), () => setTimeout(() => response.destroy(), 20));
  }

  #siblings(): object[] {
    return readdirSync(this.folder).map((rfilename) => {
      const bytes = this.bytes(rfilename);
      const size = bytes.length;
      const blobId = createHash('sha1').update(`blob ${size}\0`).update(bytes).digest('hex');
      const lfs = rfilename.endsWith('.safetensors') && { lfs: { sha256: sha256(bytes), size } };
      return { rfilename, size, blobId, ...lfs };
    });
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

export function fail(response: ServerResponse, status: number, code?: string): void {
  response.writeHead(status, code === undefined ? {} : { 'x-error-code': code }).end('{}');
}
