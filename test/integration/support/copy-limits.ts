import type { TestCluster } from "../../../lab/elasticsearch/cluster.ts";

type Cluster = Pick<TestCluster, "call">;

/** Settings that limit first copies to a cluster, all of them together; null where one is not set. */
export interface CopyLimits {
  readonly "ccr.indices.recovery.max_bytes_per_sec": string | null;
  readonly "ccr.indices.recovery.chunk_size": string | null;
}

export async function copyLimitsOf(cluster: Cluster): Promise<CopyLimits> {
  const { persistent } = await cluster.call("GET", "/_cluster/settings?flat_settings=true");
  return {
    "ccr.indices.recovery.max_bytes_per_sec": persistent["ccr.indices.recovery.max_bytes_per_sec"] ?? null,
    "ccr.indices.recovery.chunk_size": persistent["ccr.indices.recovery.chunk_size"] ?? null,
  };
}

export async function setCopyLimits(cluster: Cluster, persistent: CopyLimits): Promise<void> {
  await cluster.call("PUT", "/_cluster/settings", { body: { persistent } });
}
