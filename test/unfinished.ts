import type { Reporter, TestModule } from 'vitest/node';

/**
 * Names what a run did not end. Where a worker process dies, the default reporter says that one did, not which file's.
 */
export default class Unfinished implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      const left = [...module.children.allTests()].filter((t) => t.result().state === 'pending');
      if (module.state() !== 'pending' && left.length === 0) continue;
      console.error(`did not end: ${module.moduleId}`);
      for (const test of left) console.error(`  ${test.fullName}`);
    }
  }
}
