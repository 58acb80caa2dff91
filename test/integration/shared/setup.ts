import type { TestProject } from "vitest/node";
import { PairPool } from "./pool.ts";
import { servePool } from "./server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Port on loopback of the pool of cluster pairs, see cluster-pair.ts. */
    clusterPairPoolPort: number;
  }
}

/** vitest calls this before the first integration test of a run. No pair starts before a file borrows one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const pool = new PairPool({
    discarded: (reason) => console.log(`A pair of clusters is not shared further: ${reason}`),
  });
  const server = await servePool(pool);
  project.provide("clusterPairPoolPort", server.port);
  return async () => {
    await server.close();
    await pool.stop();
  };
}
