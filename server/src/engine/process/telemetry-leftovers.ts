import { readFile, rm, rmdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** What our graphs say of their maker; ONNX Runtime wrote it into the events of their sessions. */
const PRODUCER = 'qrm-lens';
const QUEUE = 'onnxruntime.db';
const FILES = [
  QUEUE,
  `${QUEUE}-wal`,
  `${QUEUE}-shm`,
  `${QUEUE}-journal`,
  'deviceid',
  'deviceid.lock',
];
/** Far more than the queue may grow to (a few megabytes). */
const MOST = 64 << 20;

/** Where ONNX Runtime 1.30 kept its telemetry, or undefined where it has none. */
export function telemetryFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  const home = env['HOME'] || homedir();
  const base =
    platform === 'darwin'
      ? join(home, 'Library', 'Application Support')
      : platform === 'linux'
        ? env['XDG_CACHE_HOME'] || join(home, '.cache')
        : undefined;
  return base && join(base, 'Microsoft', 'DeveloperTools', '.onnxruntime');
}

/**
 * Whether every event of a queue is of a program that ran our models: other programs with ONNX Runtime
 * may share the folder, and what they wrote is not ours to delete. An event (Bond compact binary) names
 * its process and, where it tells of a session, who produced the model; rows that were deleted still
 * stand in the pages.
 */
function isOurQueue(queue: Buffer): boolean {
  const text = queue.toString('latin1');
  const all = new Set<string>();
  const ours = new Set<string>();
  let name: string | undefined;
  // Field 25 (the app), a list of one struct, its field 5: a string behind its length in one or two bytes.
  // Or a key of a map and its value, a struct whose string follows 'i' and its length.
  const found =
    /\xcb\x19\n\x01\xa9(?:[\0-\x7f]|[\x80-\xff][\0-\x7f])([^\0]*)\0|\x11modelProducerNamei[\0-\x7f]([^\0]*)\0/g;
  for (const [, app, producer] of text.matchAll(found)) {
    if (app !== undefined) all.add((name = app));
    else if (producer !== PRODUCER) return false;
    else if (name !== undefined) ours.add(name);
  }
  return ours.size > 0 && [...all].every((app) => ours.has(app));
}

/**
 * Deletes what earlier versions let ONNX Runtime leave: a device id and a queue of events, if only we
 * wrote into it. Never throws.
 */
export async function removeTelemetryLeftovers(folder = telemetryFolder()): Promise<boolean> {
  if (folder === undefined) return false;
  try {
    if ((await stat(join(folder, QUEUE))).size > MOST) return false;
    const parts = await Promise.all(
      [QUEUE, `${QUEUE}-wal`].map((file) => readFile(join(folder, file)).catch(() => Buffer.of())),
    );
    const queue = Buffer.concat(parts);
    if (!isOurQueue(queue)) return false;
    await Promise.all(FILES.map((file) => rm(join(folder, file), { force: true })));
    // The folders that it made around them, while they hold nothing else.
    for (let at = folder, level = 0; level < 3; level++, at = dirname(at)) await rmdir(at);
    return true;
  } catch {
    return false;
  }
}
