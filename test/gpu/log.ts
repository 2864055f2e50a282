/** Where ONNX Runtime put a model's nodes, and what it ran, by its own log at the level "verbose". */
export interface Placement {
  /** Nodes by provider. */
  readonly nodes: ReadonlyMap<string, number>;
  /** Types of nodes that are on the CPU. */
  readonly onCpu: readonly string[];
  /** Copies between devices that were put between nodes. */
  readonly copies: readonly string[];
  /** Of each attention that ran, which kernel was taken, by node. */
  readonly attention: ReadonlyMap<string, string>;
}

const PLACED = /(?:Node\(s\)|All nodes) placed on \[(\w+)\]\. Number of nodes: (\d+)/;
const NODE = /VerifyEachNodeIsAssignedToAnEp\]\s+(?:\S*\/)?(\w+) \(/;
const COPY = /Add (Memcpy\w+) (?:after|before) (\S+)/;
const KERNEL = /Node=(\S+) .*SdpaKernel=(\w+)/;

export function readPlacement(log: string): Placement {
  const nodes = new Map<string, number>();
  const onCpu: string[] = [];
  const copies: string[] = [];
  const attention = new Map<string, string>();
  let provider = '';
  for (const line of log.split('\n')) {
    const placed = PLACED.exec(line);
    if (placed) {
      provider = placed[1]!;
      nodes.set(provider, (nodes.get(provider) ?? 0) + Number(placed[2]));
      continue;
    }
    const node = NODE.exec(line);
    if (node && provider === 'CPUExecutionProvider') onCpu.push(node[1]!);
    const copy = COPY.exec(line);
    if (copy) copies.push(`${copy[1]!} at ${copy[2]!}`);
    const kernel = KERNEL.exec(line);
    if (kernel) attention.set(kernel[1]!, kernel[2]!);
  }
  return { nodes, onCpu, copies, attention };
}

const ON_CUDA = 'CUDAExecutionProvider';

/** Why a placement is not as it should be: every node on CUDA, no copies, Flash attention in each layer. */
export function faultsOf(placement: Placement, layers: number): string[] {
  const faults: string[] = [];
  const { nodes, onCpu, copies, attention } = placement;
  for (const [provider, count] of nodes) {
    if (provider !== ON_CUDA) faults.push(`${count} nodes on ${provider} (${onCpu.join(', ')})`);
  }
  if (!nodes.has(ON_CUDA)) faults.push('the log names no node on CUDA');
  if (copies.length > 0) faults.push(`copied between devices: ${copies.join(', ')}`);
  const kernels = [...attention.values()];
  const flash = kernels.filter((name) => name === 'FLASH_ATTENTION').length;
  if (flash !== layers || kernels.length !== layers)
    faults.push(`${flash} of ${layers} layers have Flash attention (${kernels.join(', ')})`);
  return faults;
}
