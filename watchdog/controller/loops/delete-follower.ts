import type { ReplicationChange } from "../../core/plans/replication-change.ts";
import { deletedLeaders } from "../../core/state/deleted-leaders.ts";
import { anyRedIndex, probeFailure } from "../../core/state/probe-verdict.ts";
import { deleteConfirmed, quietFollower } from "../delete-indices.ts";
import type { ChangeContext } from "./recreate-follower.ts";

type Deletion = Extract<ReplicationChange, { kind: "delete-follower" }>;

/**
 * Deletes a follower whose leader was deleted. Both regions are read again: the leader may have been restored, and an active
 * region that is not well proves nothing by what it lacks.
 *
 * @throws Error when the follower has to be kept
 */
export async function deleteFollower({ follower }: Deletion, context: ChangeContext): Promise<void> {
  const { cluster, leader, managed, confirm } = context;
  const assertDeleted = async () => {
    const [indices, followers] = await Promise.all([cluster.indices(), cluster.followers()]);
    const [led, unmatched, probe] = await Promise.all([leader.indices(), leader.unmatchedIndices(), leader.probe()]);
    const failure = probeFailure(probe, anyRedIndex);
    if (failure !== null) throw new Error(`${follower.name} is kept while ${leader.region} is not well: ${failure}`);
    const active = { region: leader.region, indices: led, unmatched };
    const gone = deletedLeaders({ active, standby: { indices, followers } }, managed);
    if (!gone.some(({ uuid }) => uuid === follower.uuid)) {
      throw new Error(`${leader.region} has the leader of ${follower.name}, or it is another index by now: kept`);
    }
    const index = indices.find(({ uuid }) => uuid === follower.uuid);
    const isActive = followers.some(({ index: name, status }) => name === follower.name && status === "active");
    return { isBlocked: index?.writeBlocked ?? false, isActive, dataStream: index?.dataStream ?? null };
  };
  const { dataStream, ...state } = await assertDeleted();
  await quietFollower(cluster, follower.name, state);
  await deleteConfirmed(cluster, [{ ...follower, dataStream }], async () => {
    await assertDeleted();
    await confirm((record) => record.deletedLeaders.some(({ uuid }) => uuid === follower.uuid));
  });
}
