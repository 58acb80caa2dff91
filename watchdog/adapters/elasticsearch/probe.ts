import type { ClusterProbe } from "../../core/state/cluster.ts";
import { isManaged, type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import { toClusterError } from "./errors.ts";
import type { RegionNodes } from "./nodes.ts";

type Answer = Extract<ClusterProbe, { reachable: true }>;

/**
 * One look at a cluster. A node that knows no master is believed only when no other node knows better: a single node
 * that is cut off from its own region must not speak for it. Never throws.
 */
export async function probeCluster(
  nodes: RegionNodes,
  managed: ManagedPatterns,
  timeoutMs: number,
): Promise<ClusterProbe> {
  try {
    return await nodes.read<Answer>(
      "probe",
      (client, options) => lookThrough(client, options, managed, timeoutMs),
      timeoutMs,
      (answer) => answer.master !== null,
    );
  } catch (error) {
    const { kind, message } = toClusterError(nodes.region, "probe", error);
    return { reachable: false, kind, error: message };
  }
}

type NodeCall = Parameters<Parameters<RegionNodes["read"]>[1]>;

/** What one node says: its own view of the master first, then the master's view of the managed indices. */
async function lookThrough(
  client: NodeCall[0],
  options: NodeCall[1],
  managed: ManagedPatterns,
  timeoutMs: number,
): Promise<Answer> {
  const [identity, state] = await Promise.all([
    client.info({}, options),
    client.cluster.state({ metric: ["master_node", "nodes"], local: true }, options),
  ]);
  const view = state as { master_node?: string | null; nodes?: Record<string, { name?: string }> };
  const masterId = view.master_node ?? null;
  const answer = {
    reachable: true,
    clusterUuid: identity.cluster_uuid,
    version: identity.version.number,
    nodes: Object.keys(view.nodes ?? {}).length,
  } as const;
  if (masterId === null) return { ...answer, master: null, status: "red", redIndices: [] };

  // Answered by the master itself: one that hangs fails the probe, whatever the other nodes still believe of it.
  const health = await client.cluster.health(
    {
      index: requestTarget(managed),
      level: "indices",
      expand_wildcards: "all",
      master_timeout: `${timeoutMs}ms`,
      filter_path: ["status", "timed_out", "indices.*.status"],
    },
    options,
  );
  const statuses = Object.entries(health.indices ?? {})
    .filter(([index]) => isManaged(managed, index))
    .map(([index, { status }]) => ({ index, status: status.toLowerCase() }));
  const red = statuses.filter(({ status }) => status === "red").map(({ index }) => index);
  const yellow = statuses.some(({ status }) => status === "yellow");
  return {
    ...answer,
    master: view.nodes?.[masterId]?.name ?? masterId,
    status: red.length > 0 ? "red" : yellow ? "yellow" : "green",
    redIndices: red.sort(),
  };
}
