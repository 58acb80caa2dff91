import type { estypes } from "@elastic/elasticsearch";
import { SNAPSHOT_POLICY } from "../../config/snapshots.ts";
import { ClusterError } from "../../core/ports/cluster.ts";
import type { SnapshotState } from "../../core/state/snapshots.ts";
import type { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";

/** @throws ClusterError when the cluster does not tell */
export async function readSnapshotState(nodes: RegionNodes): Promise<SnapshotState> {
  const none = { hasPolicy: false, lastSuccessAtMs: null, failure: null };
  try {
    const policies = await nodes.read("read the snapshot policy", (client, options) =>
      client.slm.getLifecycle({ policy_id: SNAPSHOT_POLICY }, options),
    );
    const policy = policies[SNAPSHOT_POLICY];
    return policy === undefined ? none : stateOf(policy);
  } catch (error) {
    if (error instanceof ClusterError && error.kind === "not-found") return none;
    throw error;
  }
}

function stateOf({ last_success, last_failure }: estypes.SlmSnapshotLifecycle): SnapshotState {
  const lastSuccessAtMs = last_success === undefined ? null : Number(last_success.time);
  const failedAtMs = last_failure === undefined ? null : Number(last_failure.time);
  const hasFailedSince = failedAtMs !== null && failedAtMs > (lastSuccessAtMs ?? 0);
  return {
    hasPolicy: true,
    lastSuccessAtMs,
    failure: hasFailedSince ? { atMs: failedAtMs, reason: reasonIn(property(last_failure, "details")) } : null,
  };
}

/** The details are a JSON document in a text, with Elasticsearch's error. */
function reasonIn(details: unknown): string {
  if (typeof details !== "string") return "no reason given";
  try {
    const reason = property(JSON.parse(details), "reason");
    return typeof reason === "string" ? reason : details;
  } catch {
    return details;
  }
}
