import { isRegion, type Site, sitesOf } from "../world/layout.ts";
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

export const powerFaults: readonly Fault[] = [
  { name: "gra loses its power", weight: 6, begin: (system) => powerOff(system, "gra") },
  {
    name: "a site loses its power",
    weight: 3,
    begin: (system) => powerOff(system, system.world.random.pick(sitesOf(system.layout))),
  },
];
