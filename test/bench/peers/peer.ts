import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How another program that runs the same backbone is found and started. */
export interface PeerKind {
  readonly name: string;
  /** The forms of the weights that it runs; each is a contestant. */
  readonly variants: readonly string[];
  /** In test/bench/peers. */
  readonly script: string;
  readonly program: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What its `load` takes. */
  readonly load: unknown;
  /** Why it is left out, and the command that would bring it; printed when it does not start. */
  readonly absent: string;
}

type Answer = Readonly<Record<string, unknown>>;

/**
 * Another program in a process of its own, asked one thing at a time by a line of JSON each way: `load`, then
 * `run` (a variant over a file of sequences, giving seconds) and `hidden` (the same, hidden states kept in a file).
 */
export class Peer {
  readonly #answers: AsyncIterator<string>;

  private constructor(
    readonly kind: PeerKind,
    private readonly child: ChildProcess,
  ) {
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Undefined, with the reason printed, where it is not installed. */
  static async start(kind: PeerKind): Promise<Peer | undefined> {
    const script = fileURLToPath(new URL(`../test/bench/peers/${kind.script}`, import.meta.url));
    const child = spawn(kind.program, [script, ...(kind.args ?? [])], {
      stdio: ['pipe', 'pipe', process.env['QRM_DEBUG'] ? 'inherit' : 'ignore'],
      env: { ...process.env, ...kind.env },
    });
    child.on('error', () => undefined);
    child.stdin!.on('error', () => undefined);
    const peer = new Peer(kind, child);
    try {
      const { told } = await peer.ask({ load: kind.load });
      console.log(`${kind.name} ${String(told)}`);
      return peer;
    } catch {
      console.log(`${kind.name} is left out: ${kind.absent}`);
      return undefined;
    }
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  async ask(command: object): Promise<Answer> {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.kind.name} ended`);
    return JSON.parse(value as string) as Answer;
  }

  /** Seconds of a variant over a file of sequences. */
  async seconds(variant: string, set: string): Promise<number> {
    return (await this.ask({ run: variant, set }))['seconds'] as number;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.pid === undefined) return;
    const ended = once(this.child, 'exit');
    this.child.kill();
    await ended;
  }
}
