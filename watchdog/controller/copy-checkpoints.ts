import { type Cluster, checkpointsOf } from "../core/ports/cluster.ts";
import type { IndexState, ShardCheckpoint } from "../core/state/cluster.ts";
import { type Copies, copyStates, idleCopies } from "../core/state/complete-copies.ts";
import type { LeaderSnapshot } from "../core/state/record-fields.ts";
import type { Clock } from "../util/clock.ts";

/** A complete copy changes only when someone writes to the standby itself. */
const REREAD_MS = 60_000;
/** While index lifecycle management closes and opens an index, its shards tell nothing for some seconds. */
const KEPT_MS = 2 * REREAD_MS;

interface Reading {
  readonly atMonotonicMs: number;
  readonly checkpoints: readonly ShardCheckpoint[];
}

/** Reads the checkpoints of copies that may be complete: all of an archive, which may be thousands, but once a minute. */
export class CopyCheckpoints {
  /** By UUID. */
  #known: ReadonlyMap<string, Reading> = new Map();

  async read(
    cluster: Cluster,
    leader: LeaderSnapshot | null,
    standby: Pick<Copies, "indices" | "followers">,
    clock: Clock,
  ): Promise<readonly ShardCheckpoint[]> {
    const now = clock.monotonicMs();
    const idle = idleCopies(leader, standby);
    const states = copyStates(leader, { ...standby, checkpoints: this.#of(idle) });
    const isDue = ({ name, uuid }: IndexState) =>
      states.get(name) !== "complete" || now - (this.#known.get(uuid)?.atMonotonicMs ?? 0) >= REREAD_MS;
    const due = idle.filter(isDue).map(({ name }) => name);
    const fresh = Map.groupBy(
      due.length === 0 ? [] : ((await checkpointsOf(cluster, due)) ?? []),
      ({ index }) => index,
    );
    this.#known = new Map(
      idle.flatMap(({ name, uuid }): [string, Reading][] => {
        const read = fresh.get(name);
        if (read !== undefined) return [[uuid, { atMonotonicMs: now, checkpoints: read }]];
        const kept = this.#known.get(uuid);
        return kept !== undefined && now - kept.atMonotonicMs < KEPT_MS ? [[uuid, kept]] : [];
      }),
    );
    return this.#of(idle);
  }

  #of(indices: readonly IndexState[]): readonly ShardCheckpoint[] {
    return indices.flatMap(({ uuid }) => this.#known.get(uuid)?.checkpoints ?? []);
  }
}
