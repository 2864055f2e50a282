import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A user's folders of a test's own, and the system calls of a program that runs there. */
export class Traced {
  readonly folder = mkdtempSync(join(tmpdir(), 'qrm-privacy-'));
  readonly home = join(this.folder, 'home');
  readonly cache = join(this.folder, 'cache');
  readonly #log = join(this.folder, 'calls');

  /** Command and arguments that run a program under strace. */
  command(...program: string[]): [string, string[]] {
    const calls = 'trace=socket,connect,sendto,sendmsg,sendmmsg,open,openat';
    return ['strace', ['-f', '-qq', '-s', '256', '-e', calls, '-o', this.#log, ...program]];
  }

  /** The environment of a user who just arrived. */
  env(): NodeJS.ProcessEnv {
    const { PATH } = process.env;
    return { PATH, HOME: this.home, XDG_CACHE_HOME: this.cache };
  }

  /** Whether the process that loaded ONNX Runtime was among those traced. */
  traced(): boolean {
    return readFileSync(this.#log, 'utf8').includes('onnxruntime_binding.node');
  }

  /** Calls that reach for the network: an internet socket, an address, the resolver's configuration. */
  network(): string[] {
    return readFileSync(this.#log, 'utf8')
      .split('\n')
      .filter((call) => /AF_INET|AF_PACKET|sin6?_addr|resolv\.conf/.test(call));
  }

  /** Folders and files that were made in the user's cache and home, two levels deep. */
  made(): string[] {
    const list = (folder: string, depth: number): string[] => {
      try {
        return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
          const path = join(folder, entry.name);
          return entry.isDirectory() && depth > 1 ? [path, ...list(path, depth - 1)] : [path];
        });
      } catch {
        return [];
      }
    };
    return [...list(this.cache, 2), ...list(this.home, 3)].map((path) =>
      path.slice(this.folder.length + 1),
    );
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
