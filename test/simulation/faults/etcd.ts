import { sites } from "../world/layout.ts";
import { isolated } from "../world/network.ts";
import type { System } from "../world/system.ts";
import { type End, type Fault, flapping, unlessOver } from "./fault.ts";
import { isClockSettled } from "./hosts.ts";

/** All members are lost; returns what brings them back. */
function loseAll({ etcd }: System): End {
  for (const site of sites) etcd.down.add(site);
  return () => etcd.down.clear();
}

export const etcdFaults: readonly Fault[] = [
  {
    name: "all of etcd is lost",
    weight: 6,
    store: "etcd",
    onlyEtcd: true,
    begin: (system) => {
      const end = loseAll(system);
      return () => {
        end();
        if (system.world.random.chance(0.5)) system.etcd.elect();
      };
    },
  },
  {
    name: "a member of etcd is lost",
    weight: 2,
    store: "etcd",
    onlyEtcd: true,
    begin: ({ etcd, world }) => {
      const site = world.random.pick(sites);
      etcd.down.add(site);
      return () => void etcd.down.delete(site);
    },
  },
  {
    name: "etcd flaps",
    weight: 4,
    store: "etcd",
    onlyEtcd: true,
    begin: (system) => {
      const { down } = system.etcd;
      const end = flapping(system, [300, 12_000], () => {
        if (down.size === 0) loseAll(system);
        else down.clear();
      });
      return () => {
        end();
        down.clear();
      };
    },
  },
  // Where the rules promise and restart-waits matter: a router continues by a failsafe grant of watchdogs that can
  // promote as soon as they no longer reach it, and that may have forgotten the grant.
  cutAsEtcdReturns("gra is cut off as etcd returns", false),
  cutAsEtcdReturns("gra is cut off as etcd returns and the others restart", true),
  {
    // Where a filled store has to wait: it lacks the leases of routers that still route.
    name: "etcd comes up empty as gra is cut off",
    weight: 1,
    store: "etcd",
    begin: ({ etcd, network }) => {
      const heal = network.cutAll(isolated("gra", sites));
      etcd.wipe();
      return heal;
    },
  },
  watchdogReturnsAsRegionIsGivenUp(),
  {
    name: "etcd is slow",
    weight: 3,
    store: "etcd",
    onlyEtcd: true,
    begin: ({ etcd, world }) => {
      etcd.slowMs = world.random.pick([500, 2_000, 6_000]);
      return () => {
        etcd.slowMs = 0;
      };
    },
  },
  {
    name: "etcd is full",
    weight: 2,
    store: "etcd",
    begin: ({ etcd }) => {
      etcd.keys.isFull = true;
      return () => {
        etcd.keys.isFull = false;
      };
    },
  },
  {
    name: "changes of etcd have unknown outcomes",
    weight: 3,
    store: "etcd",
    onlyEtcd: true,
    begin: ({ etcd, world }) => {
      etcd.ambiguity = world.random.pick([0.1, 0.5]);
      return () => {
        etcd.ambiguity = 0;
      };
    },
  },
];

function cutAsEtcdReturns(name: string, othersRestart: boolean): Fault {
  return {
    name,
    weight: 1,
    store: "etcd",
    begin: (system) => {
      const { network, world, stations } = system;
      const bringBack = loseAll(system);
      let heal: End | null = null;
      const end = unlessOver(system, world.random.between(8_000, 20_000), () => {
        bringBack();
        heal = network.cutAll(isolated("gra", sites));
        for (const station of othersRestart ? stations : []) {
          if (station.site === "gra" || !isClockSettled(system, station) || station.process?.isFrozen) continue;
          system.kill(station);
          system.restartAfter(station, world.random.between(0, 800));
        }
      });
      return () => {
        end();
        bringBack();
        heal?.();
      };
    },
  };
}

/** Where rule lease-first matters: a router without a lease comes back while the record turns to closing. */
function watchdogReturnsAsRegionIsGivenUp(): Fault {
  return {
    name: "gra's watchdog comes back as gra is given up",
    weight: 1,
    store: "etcd",
    begin: (system) => {
      const { etcd, world } = system;
      const station = system.station("gra");
      const { ailments } = system.clusters.gra;
      if (!isClockSettled(system, station) || station.process?.isFrozen) return null;
      system.kill(station);
      const end = unlessOver(system, station.config.leases.ttlMs + 1_000, () => {
        ailments.down = true;
        etcd.slowMs = 2_800;
        etcd.slowSite = "gra";
        system.restartAfter(station, world.random.between(2_000, 4_500));
      });
      return () => {
        end();
        ailments.down = false;
        etcd.slowMs = 0;
        etcd.slowSite = null;
        system.restartAfter(station, 0);
      };
    },
  };
}
