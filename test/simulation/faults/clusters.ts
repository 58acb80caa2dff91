import { canaryCauses } from "../../../watchdog/config/canary.ts";
import { type Ailments, noAilments, type UnfollowMood } from "../world/cluster/ailments.ts";
import type { SimCluster } from "../world/cluster/cluster.ts";
import { type Region, regions } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import { type End, type Fault, flapping, unlessOver } from "./fault.ts";

const gra = () => "gra" as const;
const bhs = () => "bhs" as const;
const either = ({ world }: System): Region => world.random.pick(regions);

/** Makes a cluster ail; returns what heals it of that. */
export function ail({ ailments }: SimCluster, changes: Partial<Ailments>): End {
  Object.assign(ailments, changes);
  const well = Object.entries(noAilments()).filter(([key]) => key in changes);
  return () => void Object.assign(ailments, Object.fromEntries(well));
}

export const ailAll = (clusters: readonly SimCluster[], changes: Partial<Ailments>): End => {
  const ends = clusters.map((cluster) => ail(cluster, changes));
  return () => {
    for (const end of ends) end();
  };
};

function ailing(
  name: string,
  weight: number,
  region: (system: System) => Region,
  changes: (system: System) => Partial<Ailments>,
): Fault {
  return { name, weight, begin: (system) => ail(system.cluster(region(system)), changes(system)) };
}

const OPEN_POLL_MS = 1_000;

/** Ends the loss of a region once routers no longer close for it. */
function bringBackOnceOpen(system: System, cluster: SimCluster): void {
  if (system.record?.phase === "closing") system.world.after(OPEN_POLL_MS, () => bringBackOnceOpen(system, cluster));
  else cluster.ailments.down = false;
}

const unfollowMoods: readonly UnfollowMood[] = ["lease-removal-fails", "hangs-done", "hangs-undone"];

export const clusterFaults: readonly Fault[] = [
  ailing("gra is lost", 8, gra, () => ({ down: true })),
  ailing("gra has no master", 2, gra, () => ({ noMaster: true })),
  ailing("gra is red", 3, gra, () => ({ red: true })),
  ailing("gra refuses writes", 2, gra, ({ world }) => ({ refusesWrites: world.random.pick(canaryCauses) })),
  {
    // Where the bound on the last canaries matters: they fail no more, but none can be sent while the routers close.
    name: "gra takes writes again as it closes and bhs is lost",
    weight: 1,
    begin: (system) => {
      const { gra, bhs } = system.clusters;
      const takeWrites = ail(gra, { refusesWrites: "timeout" });
      const stop = system.store.cell.writing.listen(({ after }) => {
        if (after.phase !== "closing" || after.from !== "gra") return;
        takeWrites();
        bhs.ailments.down = true;
      });
      return () => {
        stop();
        takeWrites();
        bringBackOnceOpen(system, bhs);
      };
    },
  },
  ailing("the canaries' user is refused", 1, either, () => ({ refusesCanary: true })),
  ailing("bhs is lost", 3, bhs, () => ({ down: true })),
  ailing("bhs is red", 1, bhs, () => ({ red: true })),
  ailing("bhs loses its licence", 1, bhs, () => ({ licenceLost: true })),
  {
    name: "both licences lapse",
    weight: 1,
    begin: ({ clusters }) => ailAll([clusters.gra, clusters.bhs], { licenceLost: true }),
  },
  ailing("probes are lost", 2, either, ({ world }) => ({ probeLoss: world.random.pick([0.1, 0.4, 0.8]) })),
  ailing("a cluster is slow", 2, either, ({ world }) => ({ slowMs: world.random.pick([300, 1_500, 5_000]) })),
  ailing("calls hang", 3, either, ({ world }) => ({ hangs: world.random.pick([0.05, 0.3, 0.7]) })),
  ailing("unfollow misbehaves", 4, bhs, ({ world }) => ({ unfollow: world.random.pick(unfollowMoods) })),
  {
    name: "the watchdogs' password is refused",
    weight: 2,
    begin: ({ clusters, world }) => {
      const refusing = world.random.pick([[clusters.gra], [clusters.bhs], [clusters.gra, clusters.bhs]]);
      return ailAll(refusing, { refusesPassword: true });
    },
  },
  {
    name: "both regions are lost",
    weight: 2,
    begin: ({ clusters }) => ailAll([clusters.gra, clusters.bhs], { down: true }),
  },
  {
    name: "gra flaps",
    weight: 2,
    begin: (system) => {
      const { ailments } = system.clusters.gra;
      const end = flapping(system, [500, 9_000], () => {
        ailments.down = !ailments.down;
      });
      return () => {
        end();
        ailments.down = false;
      };
    },
  },
  {
    name: "bhs is lost after a while",
    weight: 2,
    begin: (system) => {
      const { ailments } = system.clusters.bhs;
      const end = unlessOver(system, system.world.random.between(0, 20_000), () => {
        ailments.down = true;
      });
      return () => {
        end();
        ailments.down = false;
      };
    },
  },
];
