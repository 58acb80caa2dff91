import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import { messageOf } from "../../watchdog/util/errors.ts";
import { CallRecorder } from "./calls.ts";
import { say } from "./fixture.ts";
import type { Run } from "./report.ts";

const ATTEMPTS = 5;

/** Measures the same requests by the same adapter, one index after another. */
export async function promoteOneByOne(pair: ClusterPair, cluster: Cluster, names: readonly string[]): Promise<Run> {
  const recorder = new CallRecorder(pair.bhs.urls[0] ?? "");
  try {
    const startedMs = performance.now();
    for (const index of names) {
      await repeated(() => cluster.pauseFollow(index));
      await repeated(() => cluster.closeIndices([index]));
      await repeated(() => cluster.unfollow(index));
      await repeated(() => cluster.openIndices([index]));
    }
    return { name: "one by one", tookMs: performance.now() - startedMs, ...recorder.take() };
  } finally {
    recorder.close();
  }
}

/** Repeats a request as the watchdog does: an unfollow may fail over its lost leader, a node may be short of memory. */
async function repeated(request: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      say(`repeating: ${messageOf(error)}`);
    }
  }
  await request();
}
