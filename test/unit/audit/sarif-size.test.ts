import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { auditDataset } from '../../../server/src/audit/index.js';
import type { Finding } from '../../../server/src/audit/finding.js';
import { makeReport, render } from '../../../server/src/audit/report/index.js';
import { collect, pairLine, SETTINGS, sourceOf, TextEvaluator } from './helpers.js';

/** 800 characters that do not compress below three quarters. */
const excerpt = (n: number): string =>
  Array.from({ length: 20 }, (_, i) =>
    createHash('sha256').update(`${n} ${i}`).digest('base64').slice(0, 40),
  ).join('');

it('results of more than 10 MB gzipped are cut, the less severe first, and that is said', async () => {
  const evaluator = new TextEvaluator();
  const { audit, progress } = auditDataset([sourceOf(pairLine('p', 'a r=0', 'b r=1'), 'f.jsonl')], {
    evaluator,
    ...SETTINGS,
  });
  await collect(progress);
  // Of one response, again and again; the errors stand last.
  const INFO = 22_000;
  const ERRORS = 2_500;
  const findings: Finding[] = Array.from({ length: INFO + ERRORS }, (_, n) => ({
    code: 'low-left-tail' as const,
    severity: n < INFO ? ('info' as const) : ('error' as const),
    message: excerpt(n),
    response: 0,
  }));
  const report = await makeReport({ ...audit, findings: () => findings }, evaluator.info, {
    top: 0,
    version: '1.2.3',
  });
  const lines: string[] = [];
  for await (const line of render('sarif', report, { columns: 100, colour: false }))
    lines.push(line);
  const text = lines.join('\n');
  expect(gzipSync(text).length).toBeLessThan(10e6);
  const { results, invocations } = (JSON.parse(text) as { runs: Run[] }).runs[0]!;
  expect(results.filter(({ level }) => level === 'error')).toHaveLength(ERRORS);
  const notes = results.length - ERRORS;
  // It is the size that ends the list, and not long before it must.
  expect(notes).toBeLessThan(INFO);
  expect(gzipSync(text).length).toBeGreaterThan(8e6);
  expect(invocations[0]!.toolExecutionNotifications.map(({ message }) => message.text)).toEqual([
    expect.stringContaining(`left out are ${INFO - notes} of ${INFO} of severity info`),
  ]);
});

interface Run {
  readonly results: readonly { readonly level: string }[];
  readonly invocations: readonly {
    readonly toolExecutionNotifications: readonly { readonly message: { readonly text: string } }[];
  }[];
}
