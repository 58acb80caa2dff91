import type { UnfollowMood } from "../world/cluster.ts";
import { regions } from "../world/regions.ts";
import type { SimSystem } from "../world/system.ts";
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

/** The region that is not active. */
function other({ disk }: SimSystem): string {
  const record = disk.stored?.record;
  return record?.phase === "serving" && record.active === "bhs" ? "gra" : "bhs";
}

const always =
  <T>(value: T) =>
  () =>
    value;

export const faults: readonly Fault<SimSystem>[] = [
  ailing("gra is lost", 8, gra, always({ down: true })),
  ailing("gra has no master", 2, gra, always({ noMaster: true })),
  ailing("gra is red", 3, gra, always({ red: true })),
  ailing("bhs is lost", 3, bhs, always({ down: true })),
  ailing("bhs is red", 1, bhs, always({ red: true })),
  ailing("bhs loses its licence", 1, bhs, always({ licenceLost: true })),
  ailing("probes get lost", 2, either, ({ world }) => ({ probeLoss: world.random.pick([0.1, 0.4, 0.8]) })),
  ailing("a cluster is slow", 2, either, ({ world }) => ({ slowMs: world.random.pick([300, 1_500, 5_000]) })),
  ailing("calls hang", 3, either, ({ world }) => ({ hangs: world.random.pick([0.05, 0.3, 0.7]) })),
  ailing("unfollow misbehaves", 4, bhs, ({ world }) => ({
    unfollow: world.random.pick<UnfollowMood>(["lease-removal-fails", "hangs-done", "hangs-undone"]),
  })),
  {
    name: "both regions are lost",
    weight: 2,
    begin: (system) => {
      for (const region of regions) system.cluster(region).ailments.down = true;
      return () => {
        for (const region of regions) system.cluster(region).ailments.down = false;
      };
    },
  },
  {
    name: "gra flaps",
    weight: 2,
    begin: (system) => {
      const { ailments } = system.cluster("gra");
      let isOver = false;
      const flip = () => {
        if (isOver) return;
        ailments.down = !ailments.down;
        system.world.after(system.world.random.between(500, 9_000), flip);
      };
      flip();
      return () => {
        isOver = true;
        ailments.down = false;
      };
    },
  },
  {
    name: "the regions do not reach each other",
    weight: 2,
    begin: (system) => {
      for (const region of regions) system.cluster(region).reachesRemote = false;
      return () => {
        for (const region of regions) system.cluster(region).reachesRemote = true;
      };
    },
  },
  {
    name: "gra is lost long after the regions lost each other",
    weight: 1,
    begin: (system) => {
      for (const region of regions) system.cluster(region).reachesRemote = false;
      let isOver = false;
      system.world.after(26_000, () => {
        if (!isOver) system.cluster("gra").ailments.down = true;
      });
      return () => {
        isOver = true;
        system.cluster("gra").ailments.down = false;
        for (const region of regions) system.cluster(region).reachesRemote = true;
      };
    },
  },
  {
    name: "replication is slow",
    weight: 1,
    begin: (system) => {
      system.replicationRate = system.world.random.pick([0, 1]);
      return () => {
        system.replicationRate = 50;
      };
    },
  },
  {
    name: "followers stop with a fatal error",
    weight: 2,
    begin: (system) => {
      system.cluster("bhs").stopFollowersFatally();
      return null;
    },
  },
  {
    name: "the standby is built anew",
    weight: 1,
    begin: (system) => {
      const record = system.disk.stored?.record;
      // Wiping the only place of a write proves nothing: the active region and one that is to be salvaged are spared.
      if (record?.phase !== "serving" || !["following", "in-sync"].includes(record.standby)) return null;
      system.wipe(record.active === "gra" ? "bhs" : "gra");
      return null;
    },
  },
  {
    name: "history is forgotten",
    weight: 1,
    begin: (system) => {
      for (const region of regions) system.cluster(region).forgetHistory();
      return null;
    },
  },
  {
    name: "an operator asks for a switchover",
    weight: 4,
    begin: (system) => {
      system.request("switchover", other(system));
      return null;
    },
  },
  {
    name: "an operator asks for a failover",
    weight: 1,
    begin: (system) => {
      system.request("failover", other(system), system.world.random.chance(0.5));
      return null;
    },
  },
  {
    name: "bhs is lost after a while",
    weight: 2,
    begin: (system) => {
      let isOver = false;
      system.world.after(system.world.random.between(0, 20_000), () => {
        if (!isOver) system.cluster("bhs").ailments.down = true;
      });
      return () => {
        isOver = true;
        system.cluster("bhs").ailments.down = false;
      };
    },
  },
  {
    name: "the watchdog is killed",
    weight: 4,
    begin: (system) => {
      if (!isClockSettled(system.world, system)) return null;
      system.killWatchdog();
      return () => system.restartWatchdogAfter(0);
    },
  },
  {
    name: "the watchdog dies in the middle of a call",
    weight: 6,
    begin: (system) => {
      if (!isClockSettled(system.world, system) || system.process === null) return null;
      const { random } = system.world;
      system.process.diesAt = { call: random.between(1, 60), when: random.pick(["before", "after"]) };
      return null;
    },
  },
  {
    name: "the watchdog is frozen",
    weight: 3,
    begin: (system) => frozen(system, { router: false, suspended: false }),
  },
  {
    name: "its host is frozen",
    weight: 2,
    begin: (system) => frozen(system, { router: true, suspended: false }),
  },
  {
    name: "its host is suspended",
    weight: 2,
    begin: (system) => frozen(system, { router: true, suspended: true }),
  },
  {
    name: "the clock is set",
    weight: 2,
    begin: (system) => {
      const { world, disk, routerSettings } = system;
      const mayGoBack = isUndisturbed(system) && disk.slowMs === 0 && disk.slowCall === null && disk.failures === 0;
      setClock(world, system, mayGoBack, 2 * routerSettings.ticketRenewalMs);
      return null;
    },
  },
  {
    name: "HAProxy's socket is deaf",
    weight: 3,
    begin: (system) => {
      if (!isClockSettled(system.world, system)) return null;
      system.router.isDeaf = true;
      return () => {
        system.router.isDeaf = false;
      };
    },
  },
  {
    name: "HAProxy takes commands late",
    weight: 2,
    begin: (system) => {
      if (!isClockSettled(system.world, system)) return null;
      system.router.isLateBy = system.world.random.between(1_200, 5_000);
      return () => {
        system.router.isLateBy = 0;
      };
    },
  },
  {
    name: "the store is slow",
    weight: 4,
    begin: (system) => {
      if (!isClockSettled(system.world, system)) return null;
      system.disk.slowMs = system.world.random.pick([500, 4_000, 20_000]);
      return () => {
        system.disk.slowMs = 0;
      };
    },
  },
  {
    name: "a call to the store takes long",
    weight: 3,
    begin: (system) => {
      if (!isClockSettled(system.world, system)) return null;
      const { random } = system.world;
      system.disk.slowCall = { call: random.between(0, 20), takesMs: random.between(3_000, 20_000) };
      return null;
    },
  },
  {
    name: "the store fails",
    weight: 2,
    begin: (system) => {
      if (!isClockSettled(system.world, system)) return null;
      system.disk.failures = system.world.random.pick([0.2, 0.7, 1]);
      return () => {
        system.disk.failures = 0;
      };
    },
  },
  {
    name: "the store comes up empty",
    weight: 2,
    begin: (system) => {
      system.disk.stored = null;
      return null;
    },
  },
];

function frozen(system: SimSystem, what: Frozen): (() => void) | null {
  const { process, world } = system;
  if (process === null || process.isFrozen || !isClockSettled(world, system)) return null;
  return freeze(world, system, process, what);
}
