import { ClusterError } from "../../core/ports/cluster.ts";
import type { RegionNodes } from "./nodes.ts";

/**
 * Proves that an index accepts writes without leaving a document: deletes an id that does not exist, which takes the
 * whole write path and adds only a tombstone.
 *
 * @throws ClusterError
 */
export async function probeWrite(nodes: RegionNodes, index: string): Promise<void> {
  try {
    await deleteNothing(nodes, index);
  } catch (error) {
    if (isAbsent(error)) return;
    if (!(error instanceof ClusterError && /routing is required/.test(error.message))) throw error;
    await deleteNothing(nodes, index, "es-failover").catch((second: unknown) => {
      if (!isAbsent(second)) throw second;
    });
  }
}

function deleteNothing(nodes: RegionNodes, index: string, routing?: string): Promise<unknown> {
  return nodes.change(`probe write to ${index}`, (client, options) =>
    client.delete(
      {
        index,
        id: "es-failover-write-probe",
        ...(routing === undefined ? {} : { routing }),
        timeout: `${nodes.requestTimeoutMs}ms`,
      },
      options,
    ),
  );
}

/** 404 is the answer to a successful delete of nothing, but also to a missing index. */
const isAbsent = (error: unknown): boolean =>
  error instanceof ClusterError && error.kind === "not-found" && !/no such index/.test(error.message);
