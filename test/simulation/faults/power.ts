import { isRegion, otherRegion, type Site, sitesOf } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import type { End, Fault } from "./fault.ts";
import { isClockSettled } from "./hosts.ts";

const RESTART_MS_MAX = 5_000;

/** Cluster, member of etcd, HAProxy and watchdog of a site at once, as far as it has them. */
export function powerOff(system: System, site: Site): End | null {
  const station = system.stations.find((one) => one.site === site);
  if (station !== undefined && (station.isOff || !isClockSettled(system, station))) return null;
  const ends: End[] = [];
  if (isRegion(site)) {
    const cluster = system.cluster(site);
    const { ailments } = cluster;
    ailments.down = true;
    cluster.restart();
    ends.push(() => {
      ailments.down = false;
    });
  }
  if (system.layout.store === "etcd") {
    system.etcd.down.add(site);
    ends.push(() => void system.etcd.down.delete(site));
  }
  if (station !== undefined) {
    const { router } = station;
    station.isOff = true;
    system.kill(station);
    if (router !== null) router.isFrozen = true;
    ends.push(() => {
      station.isOff = false;
      if (router !== null) router.isFrozen = false;
      system.restartAfter(station, system.world.random.between(0, RESTART_MS_MAX));
    });
  }
  return () => {
    for (const end of ends) end();
  };
}

const OPERATOR_MS = 5_000;

/**
 * From now on an operator deletes the followers whose first copy a restart ended before a watchdog had noted it: nothing tells them from
 * one whose node is away, so that they are named with this advice.
 */
export function deleteUnnotedCopies(system: System): void {
  const { record, clusters, world } = system;
  world.after(OPERATOR_MS, () => deleteUnnotedCopies(system));
  if (record?.phase !== "serving") return;
  const standby = clusters[otherRegion(record.active)];
  for (const { name, uuid, copy } of standby.indices.values()) {
    if (!copy?.isForgotten || record.unfinishedCopies.some((noted) => noted.uuid === uuid)) continue;
    standby.indices.delete(name);
    system.note(`operator: deletes ${name} of ${standby.region}`);
  }
}

export const powerFaults: readonly Fault[] = [
  { name: "gra loses its power", weight: 6, begin: (system) => powerOff(system, "gra") },
  {
    name: "a site loses its power",
    weight: 3,
    begin: (system) => powerOff(system, system.world.random.pick(sitesOf(system.layout))),
  },
];
