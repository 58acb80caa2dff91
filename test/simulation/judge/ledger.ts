import type { System } from "../world/system.ts";

/**
 * Every acknowledged write is in the active region or exported, or the former primary still holds it and its rejoin is
 * not over.
 */
export function checkLedger(system: System): void {
  const { world, record, clients, wiped } = system;
  if (record?.phase !== "serving") return;
  const there = system.cluster(record.active).operations();
  const failover = record.lastFailover;
  for (const { id, index, region } of clients.acknowledged) {
    if (there.has(id) || system.isSalvaged(id) || wiped.has(id)) continue;
    const holder = system.cluster(region).indices.get(index);
    // A checkpoint is of the index that was followed then, not of a later one of its name.
    const then = failover?.uuids.find((entry) => entry.index === index)?.uuid;
    const isOfHolder = then === undefined || then === holder?.uuid;
    const recorded = isOfHolder ? failover?.checkpoints.find((entry) => entry.index === index) : undefined;
    const checkpoint = recorded?.globalCheckpoint;
    const place = holder?.operations.indexOf(id) ?? -1;
    const isAccountedFor =
      failover?.from === region &&
      failover.rejoinedAtMs === null &&
      holder?.following === null &&
      place >= 0 &&
      (checkpoint === undefined || place > checkpoint);
    if (!isAccountedFor) {
      world.report("ledger", `acknowledged write ${id} to ${index} of ${region} is lost without a trace`);
    }
  }
}
