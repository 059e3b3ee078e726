/**
 * A reporter that ends every run with one plain line, "N passed, N failed" and ", N skipped" where any: written as
 * the process exits, so that nothing comes after it. Whatever makes the run fail without being a test (a file that
 * does not load, a hook that throws, an unhandled error) counts as one failure.
 */
import { writeSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

export default class Tally implements Reporter {
  #line = "0 passed, 0 failed";

  onInit(): void {
    process.once("exit", () => writeSync(1, `${this.#line}\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let [passed, failed, skipped] = [0, unhandledErrors.length, 0];
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        else if (state === "skipped") skipped++;
        else failed++;
      }
    }
    this.#line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  }
}
