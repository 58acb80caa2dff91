import { defineConfig } from "vitest/config";

/**
 * Four kinds of tests. `unit` and `simulation` need nothing but Node; `integration` runs real HAProxy, Elasticsearch and
 * the Pulumi engine on loopback; `lab` runs inside a lab that test/run.ts brings up.
 */
const project = (name: string, timeoutMs: number, parallel: boolean) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    fileParallelism: parallel,
  },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", 30_000, true),
      project("simulation", 300_000, true),
      project("integration", 240_000, false),
      project("lab", 600_000, false),
    ],
  },
});
