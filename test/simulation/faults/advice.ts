import { unreadToJoin } from "../../../watchdog/core/state/to-join.ts";
import type { SimIndex } from "../world/cluster/index-state.ts";
import { otherRegion } from "../world/layout.ts";
import type { System } from "../world/system.ts";

const ROUND_MS = 5_000;

/**
 * From now on an operator deletes what status names with this advice, as no watchdog may. In the standby:
 * - a follower whose first copy a restart ended before a watchdog had noted it: nothing tells it from one whose node is away;
 * - a copy that was unfollowed as it was complete, of an index that users have deleted and created again.
 * In the active region: such a follower if the promotion came before its deletion. It was left out, as no shard of it told its
 * checkpoint. While it is red nothing of the former primary is deleted, as for any index whose node may be away.
 */
export function deleteAsAdvised(system: System): void {
  const { record, clusters, world } = system;
  world.after(ROUND_MS, () => deleteAsAdvised(system));
  if (record?.phase !== "serving") return;
  const leader = system.cluster(record.active);
  const advised = record.lastFailover === null ? [] : unreadToJoin(record.lastFailover);
  for (const { name, copy } of leader.indices.values()) {
    if (copy?.isForgotten !== true || !advised.includes(name)) continue;
    leader.indices.delete(name);
    system.note(`operator: deletes ${name} of ${leader.region}, which was left out`);
  }
  if (!["following", "in-sync"].includes(record.standby)) return;
  const standby = clusters[otherRegion(record.active)];
  const isUnnoted = ({ uuid, copy }: SimIndex) =>
    copy?.isForgotten === true && record.unfinishedCopies.every((noted) => noted.uuid !== uuid);
  const isOfDeleted = ({ name, creationDateMs, following, operations, unfollowingSinceMs }: SimIndex) => {
    const source = leader.indices.get(name);
    const isUnfollowed = following === null && unfollowingSinceMs === null;
    const isOfOther = source !== undefined && source.creationDateMs !== creationDateMs;
    return isUnfollowed && isOfOther && operations.every((id) => system.wiped.has(id));
  };
  for (const index of standby.indices.values()) {
    if (!isUnnoted(index) && !isOfDeleted(index)) continue;
    standby.indices.delete(index.name);
    system.note(`operator: deletes ${index.name} of ${standby.region}`);
  }
}
