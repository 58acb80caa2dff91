import type { Client } from "@elastic/elasticsearch";
import { z } from "zod";
import type { ClusterProbe } from "../../core/state/cluster.ts";
import { isManaged, type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import { perAnswer } from "../../util/unchanged.ts";
import { toClusterError } from "./errors.ts";
import { type IndexHealth, type IndicesHealth, readIndicesHealth } from "./index-health.ts";
import { areWaitingForFirstCopy, missingPrimaries, routingFields } from "./missing-primaries.ts";
import { readByName } from "./names.ts";
import type { CallOptions, RegionNodes } from "./nodes.ts";

type Answer = Extract<ClusterProbe, { reachable: true }>;

/**
 * Probes a cluster. A node that knows no master counts only when no other node knows one: a single node that is cut off
 * from its own region must not speak for it. Never throws.
 */
export async function probeCluster(
  nodes: RegionNodes,
  managed: ManagedPatterns,
  timeoutMs: number,
): Promise<ClusterProbe> {
  try {
    return await nodes.read<Answer>("probe", (client, options) => probeNode(client, options, managed, timeoutMs), {
      timeoutMs,
      isConclusive: (answer) => answer.master !== null,
    });
  } catch (error) {
    const { kind, message } = toClusterError(nodes.region, "probe", error);
    return { reachable: false, kind, error: message };
  }
}

/** The part of the cluster state that the probe asks for. */
const clusterState = z.object({
  master_node: z.string().nullish(),
  nodes: z.record(z.string(), z.object({ name: z.string().optional() })).default({}),
  blocks: z
    .object({
      global: z.record(z.string(), z.object({ description: z.string(), levels: z.array(z.string()) })).default({}),
      indices: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
    })
    .default({ global: {}, indices: {} }),
});

/** `index.blocks.read_only_allow_delete`, which Elasticsearch sets at the flood-stage disk watermark, and no user sets. */
const FLOOD_STAGE_BLOCK = "12";

/** What refuses writes although the cluster is well, as the node itself knows it. */
function refusals({ global, indices }: z.output<typeof clusterState>["blocks"], managed: ManagedPatterns) {
  return {
    clusterBlocks: Object.values(global)
      .filter(({ levels }) => levels.includes("write"))
      .map(({ description }) => description)
      .sort(),
    floodedIndices: Object.entries(indices)
      .filter(([index, blocks]) => FLOOD_STAGE_BLOCK in blocks && isManaged(managed, index))
      .map(([index]) => index)
      .sort(),
  };
}

/** The node's own knowledge of the master, then the master's knowledge of the managed indices. */
async function probeNode(
  client: Client,
  options: CallOptions,
  managed: ManagedPatterns,
  timeoutMs: number,
): Promise<Answer> {
  const [identity, state] = await Promise.all([
    client.info({}, options),
    client.cluster.state({ metric: ["master_node", "nodes", "blocks"], local: true }, options),
  ]);
  const { master_node: masterId, nodes, blocks } = clusterState.parse(state);
  const answer = {
    reachable: true,
    clusterUuid: identity.cluster_uuid,
    version: identity.version.number,
    nodes: Object.keys(nodes).length,
    ...refusals(blocks, managed),
  } as const;
  if (masterId === null || masterId === undefined) return { ...answer, master: null, ...NOTHING_KNOWN };
  const health = await managedHealth(client, options, managed, timeoutMs);
  return { ...answer, master: nodes[masterId]?.name ?? masterId, ...health };
}

type ManagedHealth = Pick<Answer, "status" | "managedIndices" | "redIndices" | "copyingIndices" | "licenceLapsed">;

const NOTHING_KNOWN: ManagedHealth = {
  status: "red",
  managedIndices: 0,
  redIndices: [],
  copyingIndices: [],
  licenceLapsed: false,
};

/** Answered by the master itself: when it hangs the probe fails, whatever the other nodes still believe of it. */
async function managedHealth(
  client: Client,
  options: CallOptions,
  managed: ManagedPatterns,
  timeoutMs: number,
): Promise<ManagedHealth> {
  const { indices, licenceLapsed } = await readIndicesHealth(client, options, {
    index: requestTarget(managed),
    masterTimeoutMs: timeoutMs,
  });
  const { count, red, initializing, isYellow } = summaryOf(indices, managed);
  const candidates = [...red, ...initializing].slice(0, CANDIDATES_MAX);
  const copying = await waitingForFirstCopy(client, options, candidates, timeoutMs);
  const redIndices = red.filter((index) => !copying.has(index)).sort();
  return {
    status: redIndices.length > 0 ? "red" : copying.size > 0 || isYellow ? "yellow" : "green",
    managedIndices: count,
    redIndices,
    copyingIndices: [...copying].sort(),
    licenceLapsed,
  };
}

const summaryOf = perAnswer((indices: IndicesHealth["indices"], managed: ManagedPatterns) => {
  const ours = Object.entries(indices).filter(([index]) => isManaged(managed, index));
  const names = (isIt: (health: IndexHealth) => boolean) =>
    ours.filter(([, health]) => isIt(health)).map(([index]) => index);
  return {
    count: ours.length,
    red: names(({ status }) => status === "red"),
    initializing: names(
      ({ status, active_primary_shards: active, number_of_shards: all }) => status !== "red" && active < all,
    ),
    isYellow: ours.some(([, { status }]) => status === "yellow"),
  };
});

/** Bounds the probe of a cluster whose indices all lack a primary, as after a restart: the others count as red. */
const CANDIDATES_MAX = 500;

/** The indices among these whose missing primaries all wait for their first copy, running or failed. */
async function waitingForFirstCopy(
  client: Client,
  options: CallOptions,
  indices: readonly string[],
  timeoutMs: number,
): Promise<ReadonlySet<string>> {
  return new Set(
    await readByName(indices, async (index) => {
      const answer = await client.cluster.state(
        {
          metric: "routing_table",
          index,
          expand_wildcards: "all",
          ignore_unavailable: true,
          master_timeout: `${timeoutMs}ms`,
          filter_path: routingFields,
        },
        options,
      );
      return [...missingPrimaries(answer)].flatMap(([name, missing]) =>
        areWaitingForFirstCopy(missing) ? [name] : [],
      );
    }),
  );
}
