import type { Cluster } from "../../../watchdog/core/ports/cluster.ts";
import type { DeletionAuthorization, ExportReport, Salvage } from "../../../watchdog/core/ports/salvage.ts";
import { checkpointOf, type Divergence } from "../../../watchdog/core/state/divergence.ts";
import type { SimCluster } from "./cluster/cluster.ts";
import type { SimIndex } from "./cluster/index-state.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

interface Receipt {
  readonly uuid: string;
  readonly checkpoint: number;
  readonly length: number;
}

/** Exports on the disk of one host: they outlive every process there; no other host has them. */
export class SimSalvage {
  readonly #world: World;
  /** Ids of all writes that were exported. */
  readonly operations = new Set<string>();
  readonly #receipts: Receipt[] = [];
  /** UUIDs of indices that an operator has discarded. */
  readonly discarded = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  port(process: Process, clusterOf: (region: string) => SimCluster, isReached: (region: string) => boolean): Salvage {
    const ask = <T>(cluster: SimCluster, answer: () => T): Promise<T> => {
      const takesMs = this.#world.random.between(10, 1_500);
      return process.call({ effectMs: takesMs >> 1, answerMs: takesMs - (takesMs >> 1) }, () => {
        const answers = cluster.isUp() && !cluster.ailments.noMaster && isReached(cluster.region);
        if (!answers) throw new Error(`${cluster.region}: connection refused`);
        return answer();
      });
    };
    return {
      export: async (divergence: Divergence, { region }: Cluster, assertStillController) => {
        const cluster = clusterOf(region);
        const before = ownOf(cluster).map(({ uuid, operations }) => `${uuid} ${operations.length}`);
        await ask(cluster, () => undefined);
        assertStillController();
        return ask(cluster, () => {
          const now = ownOf(cluster).map(({ uuid, operations }) => `${uuid} ${operations.length}`);
          if (now.join() !== before.join()) throw new Error(`${region}: changed while it was read`);
          return this.#export(divergence, cluster);
        });
      },
      sizeOf: ({ region }: Cluster) => ask(clusterOf(region), () => clusterOf(region).operations().size * 1_000),
      authorizeDelete: (divergence: Divergence, { region }: Cluster, indices) =>
        ask(clusterOf(region), () => this.#authorizeDelete(divergence, clusterOf(region), indices)),
    };
  }

  #export(divergence: Divergence, cluster: SimCluster): ExportReport {
    const leftOut: { index: string; reason: string }[] = [];
    let count = 0;
    const own = ownOf(cluster);
    for (const index of own) {
      const obstacle = obstacleTo(index, cluster);
      if (obstacle !== null) {
        leftOut.push({ index: index.name, reason: obstacle });
        continue;
      }
      const checkpoint = checkpointOf(divergence, index.name, 0);
      const diverged = index.operations.slice(checkpoint + 1);
      for (const operation of diverged) this.operations.add(operation);
      count += diverged.length;
      this.#receipts.push({ uuid: index.uuid, checkpoint, length: index.operations.length });
    }
    return { place: `salvage/${cluster.region}`, operations: count, indices: own.length - leftOut.length, leftOut };
  }

  #authorizeDelete(divergence: Divergence, cluster: SimCluster, indices: readonly string[]): DeletionAuthorization {
    const refusals = indices.flatMap((name) => {
      const index = cluster.indices.get(name);
      if (index === undefined) return [{ index: name, reason: "there is no index of this name" }];
      if (this.discarded.has(index.uuid)) return [];
      const obstacle = obstacleTo(index, cluster);
      if (obstacle !== null) return [{ index: name, reason: obstacle }];
      const replicated = checkpointOf(divergence, name, 0);
      const isProven = this.#receipts.some(
        ({ uuid, checkpoint, length }) =>
          uuid === index.uuid && checkpoint <= replicated && length === index.operations.length,
      );
      return isProven ? [] : [{ index: name, reason: "there is no valid receipt: salvage the region first" }];
    });
    if (refusals.length > 0) return { refusals };
    return { authorized: indices.map((name) => ({ name, uuid: cluster.existing(name).uuid })) };
  }
}

const ownOf = ({ indices }: SimCluster) =>
  [...indices.values()].filter(({ following, searchableSnapshot }) => following === null && !searchableSnapshot);

function obstacleTo({ open, writeBlocked, readOnly, copy }: SimIndex, { ailments }: SimCluster): string | null {
  if (!open) return "it is closed, so its documents cannot be read: open it, or discard it by name";
  if (!writeBlocked && !readOnly) return "it has no write block, so it may still change";
  return ailments.red || copy !== null
    ? "1 of 1 primary shards are missing: bring their nodes back, or discard it by name"
    : null;
}
