import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
// @ts-expect-error a script without types
import { libraryFacts } from '../../../../scripts/package/libraries.mjs';
// @ts-expect-error a script without types
import { libraryProblems } from '../../../../scripts/package/check.mjs';

const runtime = fileURLToPath(
  new URL('../../../../node_modules/onnxruntime-node/bin/napi-v6/', import.meta.url),
);
const problemsOf = (folder: string, target: object): string[] =>
  (libraryProblems(folder, target) as { problems: string[] }).problems;

describe('the native libraries of each platform', () => {
  // ONNX Runtime's come for all platforms; GPU providers of Linux are the user's to install.
  it.each([
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['win32', 'arm64'],
    ['linux', 'arm64'],
  ])('%s-%s: each is for it, and what they need is there', (os, cpu) => {
    expect(problemsOf(join(runtime, os, cpu), { os, cpu })).toEqual([]);
  });

  it('names what is for another platform, or needs what is not there', () => {
    const folder = mkdtempSync(join(tmpdir(), 'qrm-libraries-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const from = join(runtime, 'win32', 'x64');
    copyFileSync(join(from, 'onnxruntime_binding.node'), join(folder, 'onnxruntime_binding.node'));
    const missing = problemsOf(folder, { os: 'win32', cpu: 'x64' });
    expect(missing).toEqual([expect.stringMatching(/binding\.node needs onnxruntime\.dll, which/)]);
    expect(problemsOf(folder, { os: 'win32', cpu: 'arm64' })).toContain(
      'onnxruntime_binding.node is for win32-x64, not win32-arm64',
    );
  });

  it('knows the three formats by what they import', () => {
    const needs = (path: string, cpu: string): string[] =>
      (libraryFacts(join(runtime, path), cpu) as { needed: string[] }).needed;
    expect(needs('linux/arm64/onnxruntime_binding.node', 'arm64')).toContain('libonnxruntime.so.1');
    expect(needs('win32/arm64/onnxruntime_binding.node', 'arm64')).toContain('onnxruntime.dll');
    expect(needs('darwin/arm64/onnxruntime_binding.node', 'arm64').join()).toMatch(
      /@rpath\/libonnxruntime\..*dylib/,
    );
  });
});
