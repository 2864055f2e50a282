// A small runner for tests that share a workbench: in order, each reported at once, a picture of every failure.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Runner {
  passed = 0;
  failed = 0;
  /** `filter` keeps the suites whose name holds it; failures leave their pictures and logs in `out`. */
  constructor({ filter = '', out }) {
    this.filter = filter;
    this.out = out;
  }

  /** Runs `body(suite)`; `suite.test` runs one test, `suite.workbench` is pictured when one fails. */
  async suite(name, body) {
    if (!name.includes(this.filter)) return;
    console.log(`\n${name}`);
    const suite = {
      workbench: undefined,
      cleanups: [],
      defer: (action) => suite.cleanups.unshift(action),
      test: (title, run) => this.#test(suite, name, title, run),
    };
    try {
      await body(suite);
    } catch (error) {
      await this.#fail(suite, name, 'setting up', error);
    }
    for (const action of suite.cleanups) {
      try {
        await action();
      } catch (error) {
        await this.#fail(suite, name, 'cleaning up', error);
      }
    }
  }

  async #test(suite, name, title, run) {
    const begin = Date.now();
    try {
      await run();
      this.passed += 1;
      console.log(`  ✓ ${title} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
    } catch (error) {
      await this.#fail(suite, name, title, error);
    }
  }

  async #fail(suite, name, title, error) {
    this.failed += 1;
    console.log(`  ✗ ${title}\n${String(error?.stack ?? error).replace(/^/gm, '      ')}`);
    const { workbench } = suite;
    if (!workbench) return;
    mkdirSync(this.out, { recursive: true });
    const file = join(this.out, `${name} ${title}`.replace(/[^\w]+/g, '-').slice(0, 100));
    writeFileSync(`${file}.log`, [workbench.host.log(), ...workbench.errors].join('\n'));
    await workbench.screenshot(`${file}.png`).catch(() => undefined);
    console.log(`      see ${file}.png`);
  }
}
