import { describe, expect, it } from 'vitest';
import { processorTitle } from '../../bench/processor.js';
import { withResult } from '../../bench/results.js';

const hand = '# Results\n\nBy hand.\n\n## Language server\n\n```\n## no heading\n```\n';

describe('RESULTS.md', () => {
  it('keeps what stands before, and each part of each processor in its place', () => {
    let text = withResult(hand, 'A: AVX2', 'engine', 'a engine 1');
    expect(text.startsWith(hand)).toBe(true);
    text = withResult(
      text,
      'B: AMX int8',
      'engine',
      'b engine\n## not a heading\n```\n### nor this',
    );
    text = withResult(text, 'A: AVX2', 'lsp', 'a lsp');
    const before = text;
    text = withResult(text, 'A: AVX2', 'engine', 'a engine 2');
    expect(text).toBe(before.replace('a engine 1', 'a engine 2'));
    expect(text.match(/^#.*$/gm)).toEqual([
      '# Results',
      '## Language server',
      '## no heading',
      '# Kept by `npm run bench`',
      '## A: AVX2',
      '### engine',
      '### lsp',
      '## B: AMX int8',
      '### engine',
      '## not a heading',
      '### nor this',
    ]);
    // The same again changes nothing.
    expect(withResult(text, 'A: AVX2', 'lsp', 'a lsp')).toBe(text);
  });
});

describe('the title of a processor', () => {
  it('tells generations and instruction sets apart', () => {
    const info =
      'vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n';
    const flags = new Set(['sse2', 'avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16']);
    expect(processorTitle('AMD EPYC', flags, info)).toBe(
      'AMD EPYC (family 25, model 17): AVX2, AVX-512, AVX-512 VNNI, AVX-512 BF16',
    );
    expect(processorTitle('Apple M2', new Set(), '')).toBe(`Apple M2: ${process.arch}`);
  });
});
