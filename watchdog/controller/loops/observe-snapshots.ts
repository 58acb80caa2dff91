import type { Cluster } from "../../core/ports/cluster.ts";
import type { WatchdogContext } from "../context.ts";

/** Asks when the region's last snapshot succeeded. */
export async function observeSnapshots({ observed }: WatchdogContext, cluster: Cluster): Promise<void> {
  // On failure nothing is known, rather than what held long ago.
  observed.snapshots.delete(cluster.region);
  observed.snapshots.set(cluster.region, await cluster.snapshots());
}
