import { defineConfig } from "vitest/config";

interface ProjectOptions {
  /** For a test, and for a hook. */
  readonly timeoutMs: number;
  /** Test files that run side by side: a number, or a share of the machine's processors. */
  readonly workers: number | string;
  /** Modules that run once, before the first test file and after the last one. */
  readonly globalSetup?: string[];
  /** Whether each test file has a process and modules of its own: loading them takes longer than most of the pure tests. */
  readonly isolate?: boolean;
}

const project = (
  name: string,
  groupOrder: number,
  { timeoutMs, workers, globalSetup = [], isolate = true }: ProjectOptions,
) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    maxWorkers: workers,
    sequence: { groupOrder },
    globalSetup,
    isolate,
  },
});

/**
 * Four kinds of tests. `unit` and `simulation` need nothing but Node; `integration` runs real HAProxy, Elasticsearch, etcd
 * and the Pulumi engine on loopback; `lab` brings up a lab and runs in it. `npm test` runs them as test/runner/schedule.ts
 * says.
 */
export default defineConfig({
  test: {
    projects: [
      project("unit", 1, { timeoutMs: 30_000, workers: "100%", isolate: false }),
      project("simulation", 2, { timeoutMs: 300_000, workers: "100%" }),
      project("integration", 3, {
        timeoutMs: 240_000,
        workers: 2,
        globalSetup: ["test/process-guard.ts", "test/integration/shared/setup.ts"],
      }),
      project("lab", 4, { timeoutMs: 600_000, workers: 1 }),
    ],
  },
});
