import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  removeTelemetryLeftovers,
  telemetryFolder,
} from '../../../server/src/engine/process/telemetry-leftovers.js';

/** An event as ONNX Runtime 1.30 queued it: the fields that matter, among others. */
const event = (app: string, producer?: string): Buffer =>
  Buffer.concat([
    Buffer.from(')\x033.0I\x0fSessionCreation\xcb\x18\n\x01\x89\x0212\xcb\x19\n\x01\xa9', 'latin1'),
    Buffer.of(app.length),
    Buffer.from(`${app}\0\xcb\x1f\n\x01\0`, 'latin1'),
    ...(producer === undefined
      ? []
      : [
          Buffer.from('\0\x11modelProducerNamei', 'latin1'),
          Buffer.of(producer.length),
          Buffer.from(`${producer}\0\tsessionId0\0`, 'latin1'),
        ]),
  ]);

let base: string;
let folder: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'qrm-leftovers-'));
  folder = telemetryFolder({ XDG_CACHE_HOME: base }, 'linux')!;
  mkdirSync(folder, { recursive: true });
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const write = (...events: Buffer[]): void => {
  writeFileSync(join(folder, 'deviceid'), '94942009-41c3-0246-3154-066e3211717c');
  writeFileSync(join(folder, 'onnxruntime.db'), Buffer.concat(events));
};

it('deletes a queue that only we wrote into, and the empty folders around it', async () => {
  write(event('node'), event('/usr/bin/node', 'qrm-lens'), event('node', 'qrm-lens'));
  expect(await removeTelemetryLeftovers(folder)).toBe(true);
  expect(existsSync(join(base, 'Microsoft'))).toBe(false);
  expect(existsSync(base)).toBe(true);
});

it('keeps folders that hold something else', async () => {
  write(event('node', 'qrm-lens'));
  writeFileSync(join(base, 'Microsoft', 'other'), '');
  await removeTelemetryLeftovers(folder);
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(join(base, 'Microsoft', 'other'))).toBe(true);
});

it.each([
  ['another program', [event('python3', 'pytorch')]],
  ['two programs', [event('node', 'qrm-lens'), event('python3', 'pytorch')]],
  ['another model in a process of the same name', [event('node', 'qrm-lens'), event('node', 'x')]],
  ['a program that opened no model', [event('node', 'qrm-lens'), event('python3')]],
  ['nobody that can be told', [Buffer.from('SQLite format 3\0')]],
])('keeps the queue of %s', async (_, events) => {
  write(...events);
  expect(await removeTelemetryLeftovers(folder)).toBe(false);
  expect(existsSync(join(folder, 'onnxruntime.db'))).toBe(true);
  expect(existsSync(join(folder, 'deviceid'))).toBe(true);
});

it('says nothing where there is nothing', async () => {
  rmSync(folder, { recursive: true });
  expect(await removeTelemetryLeftovers(folder)).toBe(false);
  expect(telemetryFolder({}, 'win32')).toBeUndefined();
});
