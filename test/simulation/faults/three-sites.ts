import type { UnfollowMood } from "../world/cluster.ts";
import { bothWays, isolated, type Site, sites, type Way } from "../world/network.ts";
import type { SitesSystem, Station } from "../world/sites-system.ts";
import {
  ailing,
  bhs,
  either,
  type Fault,
  type Frozen,
  freeze,
  gra,
  isClockSettled,
  isUndisturbed,
  setClock,
} from "./fault.ts";

/** How soon a watchdog notices at the latest that its clock was set back. */
const CLOCK_NOTICED_WITHIN_MS = 4_000;

const isSettled = ({ world }: SitesSystem, station: Station) => isClockSettled(world, station);
const anyStation = ({ world, stations }: SitesSystem) => world.random.pick(stations);

function cutting(name: string, weight: number, ways: (system: SitesSystem) => readonly Way[]): Fault<SitesSystem> {
  return { name, weight, begin: (system) => system.network.cutAll(ways(system)) };
}

const pairs = [
  ["gra", "bhs"],
  ["gra", "witness"],
  ["bhs", "witness"],
] as const;

export const faults: readonly Fault<SitesSystem>[] = [
  ailing("the cluster of gra is lost", 6, gra, () => ({ down: true })),
  ailing("the cluster of gra has no master", 1, gra, () => ({ noMaster: true })),
  ailing("the cluster of bhs is lost", 2, bhs, () => ({ down: true })),
  ailing("probes get lost", 2, either, ({ world }) => ({ probeLoss: world.random.pick([0.1, 0.4, 0.8]) })),
  ailing("calls hang", 2, either, ({ world }) => ({ hangs: world.random.pick([0.05, 0.3, 0.7]) })),
  ailing("unfollow misbehaves", 2, bhs, ({ world }) => ({
    unfollow: world.random.pick<UnfollowMood>(["lease-removal-fails", "hangs-done", "hangs-undone"]),
  })),
  {
    name: "gra loses its power",
    weight: 6,
    begin: (system) => powerOff(system, "gra"),
  },
  {
    name: "a site loses its power",
    weight: 3,
    begin: (system) => powerOff(system, system.world.random.pick(sites)),
  },
  cutting("gra is cut off", 5, () => isolated("gra")),
  cutting("a site is cut off", 3, ({ world }) => isolated(world.random.pick(sites))),
  cutting("two sites are cut apart", 4, ({ world }) => bothWays(world.random.pick(pairs))),
  cutting("one way is cut", 4, ({ world }) => {
    const [a, b] = world.random.pick(pairs);
    return world.random.chance(0.5) ? [[a, b]] : [[b, a]];
  }),
  cutting("a site hears nothing", 2, ({ world }) => {
    const site = world.random.pick(sites);
    return sites.filter((other) => other !== site).map((other) => [other, site] as const);
  }),
  {
    name: "packets get lost",
    weight: 2,
    begin: ({ network, world }) => {
      network.loss = world.random.pick([0.05, 0.3]);
      network.jitterMs = world.random.pick([50, 300, 1_500]);
      return () => {
        network.loss = 0;
        network.jitterMs = 0;
      };
    },
  },
  {
    name: "the network flaps",
    weight: 2,
    begin: ({ network, world }) => {
      let heal: (() => void) | null = null;
      let isOver = false;
      const flip = () => {
        if (isOver) return;
        if (heal === null) {
          heal = network.cutAll(bothWays(world.random.pick(pairs)));
        } else {
          heal();
          heal = null;
        }
        world.after(world.random.between(300, 6_000), flip);
      };
      flip();
      return () => {
        isOver = true;
        heal?.();
      };
    },
  },
  {
    name: "all of etcd is lost",
    weight: 6,
    begin: ({ etcd, world }) => {
      for (const site of sites) etcd.down.add(site);
      return () => {
        for (const site of sites) etcd.down.delete(site);
        if (world.random.chance(0.5)) etcd.elect();
      };
    },
  },
  {
    name: "a member of etcd is lost",
    weight: 2,
    begin: ({ etcd, world }) => {
      const site = world.random.pick(sites);
      etcd.down.add(site);
      return () => void etcd.down.delete(site);
    },
  },
  {
    name: "etcd flaps",
    weight: 4,
    begin: ({ etcd, world }) => {
      let isOver = false;
      const flip = () => {
        if (isOver) return;
        if (etcd.down.size === 0) for (const site of sites) etcd.down.add(site);
        else etcd.down.clear();
        world.after(world.random.between(300, 12_000), flip);
      };
      flip();
      return () => {
        isOver = true;
        etcd.down.clear();
      };
    },
  },
  // The narrow places of the rules promise and restart-waits: a router goes on by the word of the others, who can
  // promote as soon as they cannot reach it any more, and may have forgotten that they gave it.
  cutAsEtcdReturns("gra is cut off as etcd returns", false),
  cutAsEtcdReturns("gra is cut off as etcd returns and the others restart", true),
  {
    // The narrow place of a store that was filled: the leases of routers that still route are not in it.
    name: "etcd comes up empty as gra is cut off",
    weight: 1,
    begin: (system) => {
      const heal = system.network.cutAll(isolated("gra"));
      system.etcd.wipe();
      return heal;
    },
  },
  {
    // The narrow place of rule lease-first: a router without a lease comes back in the moment of closing.
    name: "gra's watchdog comes back as gra is given up",
    weight: 1,
    begin: (system) => {
      const { etcd, world } = system;
      const station = system.station("gra");
      const { ailments } = system.cluster("gra");
      if (!isSettled(system, station) || station.process?.isFrozen) return null;
      system.kill(station);
      let isOver = false;
      world.after(station.config.leases.ttlMs + 1_000, () => {
        if (isOver) return;
        ailments.down = true;
        etcd.slowMs = 2_800;
        etcd.slowSite = "gra";
        system.restartAfter(station, world.random.between(2_000, 4_500));
      });
      return () => {
        isOver = true;
        ailments.down = false;
        etcd.slowMs = 0;
        etcd.slowSite = null;
        system.restartAfter(station, 0);
      };
    },
  },
  {
    name: "etcd is slow",
    weight: 3,
    begin: ({ etcd, world }) => {
      etcd.slowMs = world.random.pick([500, 2_000, 6_000]);
      return () => {
        etcd.slowMs = 0;
      };
    },
  },
  {
    name: "nobody learns what etcd did",
    weight: 3,
    begin: ({ etcd, world }) => {
      etcd.ambiguity = world.random.pick([0.1, 0.5]);
      return () => {
        etcd.ambiguity = 0;
      };
    },
  },
  {
    name: "etcd comes up empty",
    weight: 2,
    begin: (system) => {
      system.etcd.wipe();
      system.note("etcd has lost everything");
      return null;
    },
  },
  {
    name: "the watchdogs' password is refused",
    weight: 2,
    begin: (system) => {
      const refusing = system.world.random.pick([["gra"], ["bhs"], ["gra", "bhs"]]);
      for (const region of refusing) system.refusing.add(region);
      return () => {
        for (const region of refusing) system.refusing.delete(region);
      };
    },
  },
  {
    name: "a watchdog is killed",
    weight: 4,
    begin: (system) => {
      const station = anyStation(system);
      if (!isSettled(system, station)) return null;
      system.kill(station);
      return () => system.restartAfter(station, 0);
    },
  },
  {
    name: "a watchdog restarts at once",
    weight: 5,
    begin: (system) => {
      const station = anyStation(system);
      if (!isSettled(system, station) || station.process?.isFrozen) return null;
      system.kill(station);
      system.restartAfter(station, system.world.random.between(50, 2_000));
      return null;
    },
  },
  {
    name: "a watchdog dies in the middle of a call",
    weight: 5,
    begin: (system) => {
      const station = anyStation(system);
      if (!isSettled(system, station) || station.process === null) return null;
      const { random } = system.world;
      station.process.diesAt = { call: random.between(1, 60), when: random.pick(["before", "after"]) };
      return null;
    },
  },
  { name: "a watchdog is frozen", weight: 4, begin: (system) => frozen(system, { router: false, suspended: false }) },
  { name: "a host is frozen", weight: 3, begin: (system) => frozen(system, { router: true, suspended: false }) },
  { name: "a host is suspended", weight: 3, begin: (system) => frozen(system, { router: true, suspended: true }) },
  {
    name: "a clock is set",
    weight: 2,
    begin: (system) => {
      const station = anyStation(system);
      setClock(system.world, station, isUndisturbed(station), CLOCK_NOTICED_WITHIN_MS);
      return null;
    },
  },
  {
    name: "a HAProxy's socket is deaf",
    weight: 2,
    begin: (system) => {
      const station = anyStation(system);
      const { router } = station;
      if (router === null || !isSettled(system, station)) return null;
      router.isDeaf = true;
      return () => {
        router.isDeaf = false;
      };
    },
  },
  {
    name: "a HAProxy takes commands late",
    weight: 2,
    begin: (system) => {
      const station = anyStation(system);
      const { router } = station;
      if (router === null || !isSettled(system, station)) return null;
      router.isLateBy = system.world.random.between(1_200, 5_000);
      return () => {
        router.isLateBy = 0;
      };
    },
  },
];

function cutAsEtcdReturns(name: string, areRestarted: boolean): Fault<SitesSystem> {
  return {
    name,
    weight: 1,
    begin: (system) => {
      const { etcd, network, world } = system;
      for (const site of sites) etcd.down.add(site);
      let heal: (() => void) | null = null;
      let isOver = false;
      world.after(world.random.between(8_000, 20_000), () => {
        if (isOver) return;
        etcd.down.clear();
        heal = network.cutAll(isolated("gra"));
        for (const station of areRestarted ? system.stations : []) {
          if (station.site === "gra" || !isSettled(system, station) || station.process?.isFrozen) continue;
          system.kill(station);
          system.restartAfter(station, world.random.between(0, 800));
        }
      });
      return () => {
        isOver = true;
        etcd.down.clear();
        heal?.();
      };
    },
  };
}

/** Cluster, member of etcd, HAProxy and watchdog of a site at once. */
function powerOff(system: SitesSystem, site: Site): (() => void) | null {
  const station = system.station(site);
  if (station.isOff || !isSettled(system, station)) return null;
  const cluster = site === "witness" ? null : system.cluster(site);
  station.isOff = true;
  system.kill(station);
  system.etcd.down.add(site);
  if (station.router !== null) station.router.isFrozen = true;
  if (cluster !== null) cluster.ailments.down = true;
  return () => {
    station.isOff = false;
    system.etcd.down.delete(site);
    if (station.router !== null) station.router.isFrozen = false;
    if (cluster !== null) cluster.ailments.down = false;
    system.restartAfter(station, system.world.random.between(0, 5_000));
  };
}

function frozen(system: SitesSystem, what: Frozen): (() => void) | null {
  const station = anyStation(system);
  const { process } = station;
  if (process === null || !process.isAlive || process.isFrozen || station.isOff || !isSettled(system, station))
    return null;
  return freeze(system.world, station, process, what);
}
