import { defineConfig } from "vitest/config";

/**
 * Four kinds of tests. `unit` and `simulation` need nothing but Node; `integration` runs real HAProxy, Elasticsearch and
 * the Pulumi engine on loopback; `lab` runs inside a lab that test/run.ts brings up.
 *
 * @param workers files that run side by side: a number, or a share of the machine's processors
 */
const project = (name: string, timeoutMs: number, workers: number | string) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    maxWorkers: workers,
  },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", 30_000, "100%"),
      project("simulation", 300_000, "100%"),
      project("integration", 240_000, 1),
      project("lab", 600_000, 1),
    ],
  },
});
