import { createTestAuthority } from "./certificates.ts";
import type { ClusterOptions, TestCluster } from "./cluster.ts";
import { elasticsearchDistribution } from "./distribution/distribution.ts";
import { launchCluster } from "./running-cluster.ts";

export interface ClusterPair {
  readonly gra: TestCluster;
  readonly bhs: TestCluster;
  stop(): Promise<void>;
}

/** Starts two one-node clusters, `gra` and `bhs`, as remotes of each other. Takes 10 to 20 s on two cores. */
export async function startClusterPair(
  settings: ClusterOptions["settings"] = {},
  javaOptions: ClusterOptions["javaOptions"] = [],
): Promise<ClusterPair> {
  const authority = await createTestAuthority("es-failover test clusters");
  const started = await Promise.allSettled([
    startCluster({ name: "gra", authority, settings, javaOptions }),
    startCluster({ name: "bhs", authority, settings, javaOptions }),
  ]);
  const clusters = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const stop = async () => {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  };
  try {
    for (const result of started) if (result.status === "rejected") throw result.reason;
    const [gra, bhs] = clusters;
    if (gra === undefined || bhs === undefined) throw new Error("unreachable: both clusters started");
    await Promise.all([gra.connectRemote(bhs), bhs.connectRemote(gra)]);
    return { gra, bhs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts a cluster on loopback; returns when it serves, including the security index. `stop` it when done. */
export async function startCluster(options: ClusterOptions): Promise<TestCluster> {
  return launchCluster(await elasticsearchDistribution(), options);
}
