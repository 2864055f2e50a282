import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { goldenFolder } from './golden.js';

/** A temporary folder of a test file, removed at its end. */
export class Workspace {
  readonly root = mkdtempSync(join(tmpdir(), 'qrm-model-'));
  #count = 0;

  constructor() {
    afterAll(() => rmSync(this.root, { recursive: true, force: true }));
  }

  /** A path that does not exist yet. */
  fresh(name = 'folder'): string {
    return join(this.root, `${name}-${this.#count++}`);
  }

  /** A copy of a golden checkpoint that a test may damage. */
  copyOf(golden: string): string {
    const folder = this.fresh(golden);
    cpSync(goldenFolder(golden), folder, { recursive: true });
    return folder;
  }
}

/** Changes a JSON file in place. */
export function editJson(path: string, change: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  change(json);
  writeFileSync(path, JSON.stringify(json));
}

/** Renames a tensor inside a safetensors file to another name of the same length: it is missing then. */
export function hideTensor(path: string, name: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(`"${name}"`);
  if (at < 0) throw new Error(`${path}: no tensor ${name}`);
  bytes.write('X', at + 1);
  writeFileSync(path, bytes);
}
