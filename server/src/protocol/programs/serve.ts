import type { Device, Precision } from '../words.js';

/** What `qrm serve` is started with; nothing of it can be changed by a request. */
export interface ServeOptions {
  /** As `--model`; undefined: the embedded one. */
  readonly model?: string;
  readonly device: Device;
  readonly precision: 'auto' | Precision;
  /** GB of a GPU's memory that may be used. */
  readonly gpuMemory?: number;
  readonly threads?: number;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What requests must show; undefined: anybody may ask. */
  readonly token?: string;
  /** Listens on another address than loopback's without a token. */
  readonly insecure: boolean;
  /** Further names that requests may call the model by. */
  readonly names: readonly string[];
  /** The reward where a request names none. */
  readonly reward: string;
  /** The folder of the policy's tokenizer, or its name in the Hugging Face cache. */
  readonly policyTemplate?: string;
  /** Of a request's body. */
  readonly maxBytes: number;
  /** Of one request. */
  readonly maxConversations: number;
  /** Of one conversation; longer ones are cut on the left of their prompt. Undefined: the model's context. */
  readonly maxTokens?: number;
  /** Conversations that wait or run; beyond them requests are answered 429. */
  readonly maxQueue: number;
  /** Seconds that a request may take. */
  readonly deadline: number;
  /** Seconds that requests under way may take after SIGTERM. */
  readonly drain: number;
  /** Messages on standard input and output in place of HTTP. */
  readonly stdio: boolean;
  readonly quiet: boolean;
}
