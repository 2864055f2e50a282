// The extension's processes, as Linux shows them: found below the host's own process, never by name alone.
import { readFileSync, readdirSync } from 'node:fs';

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Every process below `pid` as `{ pid, args }`. */
export function descendants(pid) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The command name is in parentheses and may hold spaces; the parent follows the state.
    const fields = read(`/proc/${name}/stat`).split(') ').at(-1).split(' ');
    parents.set(Number(name), Number(fields[1]));
  }
  const below = new Set([pid]);
  for (let size = 0; size !== below.size;) {
    size = below.size;
    for (const [child, parent] of parents) if (below.has(parent)) below.add(child);
  }
  below.delete(pid);
  return [...below].map((id) => ({
    pid: id,
    args: read(`/proc/${id}/cmdline`).split('\0').filter(Boolean),
  }));
}

/** Processes that run the extension's bundle `name`, e.g. `worker.js`. */
export function bundleProcesses(host, name) {
  return descendants(host.pid).filter(({ args }) =>
    args.some((arg) => arg.startsWith(host.extensions) && arg.endsWith(`/dist/${name}`)),
  );
}

/** Highest resident memory that a process has had, in bytes. */
export function peakMemory(pid) {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1024;
}
