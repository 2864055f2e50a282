/**
 * As much of vitest as the golden tests use, on Node's own runner and vitest's own `expect`: scripts/arm64.mjs puts it in
 * vitest's place, since vitest starts processes and an emulated one cannot.
 */
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';
import * as chai from 'chai';
import { format } from 'node:util';
import { after, afterEach, before, beforeEach, describe as suite, it as test } from 'node:test';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect = chai.expect;
export { after as afterAll, afterEach, before as beforeAll, beforeEach };

type Body = (...args: unknown[]) => unknown;
type Runner = (title: string, body: () => Promise<void> | void) => unknown;

/** `each`: the title by printf with the case's values, and the body with them. */
const withEach = (run: Runner): Runner & { each: (cases: readonly unknown[]) => Each } =>
  Object.assign((title: string, body: () => Promise<void> | void) => run(title, body), {
    each: (cases: readonly unknown[]) => (title: string, body: Body) => {
      for (const value of cases) {
        const values = Array.isArray(value) ? (value as unknown[]) : [value];
        const places = title.match(/%[a-z]/g)?.length ?? 0;
        run(format(title, ...values.slice(0, places)), () => body(...values) as Promise<void>);
      }
    },
  });
type Each = (title: string, body: Body) => void;

export const describe = withEach((title, body) => suite(title, body));
export const it = withEach((title, body) => test(title, async () => void (await body())));
