import type { SimCluster } from "../world/cluster/cluster.ts";
import { USUAL_KILOBYTES_PER_MS } from "../world/cluster/first-copy.ts";
import type { SimIndex } from "../world/cluster/index-state.ts";
import { otherRegion } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import { ail, ailAll } from "./clusters.ts";
import { type End, type Fault, flapping } from "./fault.ts";

/** What users do to indices of the active region, and what meets the first copies of new ones. */

const CREATE_MS = [400, 3_000] as const;
const POLL_MS = 200;
const INSIST_MS = 2_000;
const ROLLOVER_SHARE = 0.3;
const FOR_GOOD_SHARE = 0.3;

/** The active region while users reach it; null: none, or not reached. */
function servingCluster({ record, clusters }: System, openRegions: readonly string[]): SimCluster | null {
  if (record?.phase !== "serving" || !openRegions.includes(record.active)) return null;
  const cluster = record.active === "gra" ? clusters.gra : clusters.bhs;
  return cluster.isWell() ? cluster : null;
}

const serving = (system: System) => servingCluster(system, system.openRegions());

/** An index of the active region that users use; null: none. */
function usedIndex(system: System): { readonly cluster: SimCluster; readonly index: SimIndex } | null {
  const cluster = serving(system);
  const used = [...(cluster?.indices.values() ?? [])].filter(({ open, following }) => open && following === null);
  return cluster === null || used.length === 0 ? null : { cluster, index: system.world.random.pick(used) };
}

/** Creates indices until the returned function is called, some by a rollover of the alias. */
function createIndices(system: System): End {
  const { world, clients, stations } = system;
  const entries = stations.filter(({ router }) => router !== null);
  let created = 0;
  return flapping(system, CREATE_MS, () => {
    const entry = world.random.pick(entries);
    created += 1;
    if (world.random.chance(ROLLOVER_SHARE)) clients.rollOver(entry);
    else clients.write(entry, `logs-${world.nowMs}-${created}`);
  });
}

/** Mounts snapshots in the active region, which can never be followed; more than there are other indices. */
function mountSnapshots(system: System): null {
  const cluster = serving(system);
  const count = (cluster?.indices.size ?? 0) + 1;
  for (let n = 1; n <= count; n += 1) cluster?.mountSnapshot(`logs-mounted-${system.world.nowMs}-${n}`);
  return null;
}

/** Index lifecycle management runs from now on, in both regions, and rolls over until the returned function is called. */
function rollOverByLifecycle(system: System): End {
  const { clusters, clients, stations, world } = system;
  for (const cluster of [clusters.gra, clusters.bhs]) cluster.hasLifecycle = true;
  const entries = stations.filter(({ router }) => router !== null);
  return flapping(system, CREATE_MS, () => clients.rollOver(world.random.pick(entries)));
}

/** Creates indices, and does something as soon as the first copy of one runs. */
function inFirstCopy(name: string, weight: number, interrupt: (system: System) => End): Fault {
  return {
    name,
    weight,
    begin: (system) => {
      const endCreation = createIndices(system);
      let end: End | null = null;
      const endWatch = flapping(system, [POLL_MS, POLL_MS], () => {
        const { record } = system;
        if (end !== null || record?.phase !== "serving") return;
        const standby = system.clusters[otherRegion(record.active)];
        const isCopying = [...standby.indices.values()].some(({ copy }) => copy !== null && copy.error === null);
        if (isCopying) end = interrupt(system);
      });
      return () => {
        endCreation();
        endWatch();
        end?.();
      };
    },
  };
}

/** Users remove again what they set, in whichever region serves: they insist, as a promotion keeps blocks that it saw. */
function removeWhenServing(system: System, name: string, remove: (index: SimIndex) => void): void {
  const index = serving(system)?.indices.get(name);
  if (index?.following === null) remove(index);
  system.world.after(INSIST_MS, () => removeWhenServing(system, name, remove));
}

function unblock(index: SimIndex): void {
  index.writeBlocked = false;
  index.readOnly = false;
}

function reopen(index: SimIndex): void {
  index.open = true;
  index.isClosedByUsers = false;
}

interface UserChange {
  readonly set: (index: SimIndex) => void;
  readonly remove: (index: SimIndex) => void;
  /** Where a former primary cannot rejoin with it: removes it there. */
  readonly removeFromFormer?: (index: SimIndex) => void;
}

function changed(name: string, weight: number, { set, remove, removeFromFormer }: UserChange): Fault {
  return {
    name,
    weight,
    begin: (system) => {
      const used = usedIndex(system);
      if (used === null) return null;
      const { cluster, index } = used;
      set(index);
      system.note(`users: ${name}: ${index.name} in ${cluster.region}`);
      return () => {
        removeFromFormer?.(index);
        removeWhenServing(system, index.name, remove);
      };
    },
  };
}

/** Users delete an index; what it held is not lost by any watchdog. */
function deleteIndex(system: System): string | null {
  const used = usedIndex(system);
  if (used === null) return null;
  const { cluster, index } = used;
  for (const id of index.operations) system.wiped.add(id);
  cluster.indices.delete(index.name);
  system.note(`users: ${index.name} deleted in ${cluster.region}`);
  return index.name;
}

export const indexFaults: readonly Fault[] = [
  { name: "clients create indices", weight: 3, begin: createIndices },
  { name: "snapshots are mounted", weight: 1, begin: mountSnapshots },
  { name: "index lifecycle management rolls over and unfollows", weight: 2, begin: rollOverByLifecycle },
  {
    name: "first copies are slow",
    weight: 2,
    begin: (system) => {
      system.kilobytesPerMs = system.world.random.pick([1, 0.1]);
      const end = createIndices(system);
      return () => {
        system.kilobytesPerMs = USUAL_KILOBYTES_PER_MS;
        end();
      };
    },
  },
  inFirstCopy("the line is cut in a first copy", 2, ({ clusters }) =>
    ailAll([clusters.gra, clusters.bhs], { remoteLost: true }),
  ),
  inFirstCopy("gra is lost in a first copy", 2, ({ clusters }) => ail(clusters.gra, { down: true })),
  {
    name: "a snapshot runs in the standby",
    weight: 3,
    begin: (system) => {
      const { record, clusters, world } = system;
      if (record?.phase !== "serving") return null;
      const standby = clusters[otherRegion(record.active)];
      const complete = [...standby.indices.values()].filter(({ copy }) => copy === null);
      // At least one is free: of a standby that a snapshot holds as a whole, nothing can be promoted.
      const held = complete.slice(1).filter(() => world.random.chance(0.5));
      for (const index of held) index.snapshotUntilMs = Number.POSITIVE_INFINITY;
      system.note(`a snapshot of ${standby.region} holds ${held.map(({ name }) => name).join()}`);
      const isForGood = world.random.chance(FOR_GOOD_SHARE);
      return () => {
        if (!isForGood) for (const index of held) index.snapshotUntilMs = 0;
      };
    },
  },
  {
    name: "an index is deleted",
    weight: 1,
    begin: (system) => {
      deleteIndex(system);
      return null;
    },
  },
  {
    name: "an index is created again",
    weight: 2,
    begin: (system) => {
      const name = deleteIndex(system);
      if (name !== null) serving(system)?.createIndex(name, null);
      return null;
    },
  },
  changed("users block the writes to an index", 2, {
    set: (index) => {
      index.writeBlocked = true;
    },
    remove: unblock,
  }),
  changed("users make an index read-only", 2, {
    set: (index) => {
      index.readOnly = true;
    },
    remove: unblock,
    removeFromFormer: (index) => {
      index.readOnly = false;
    },
  }),
  changed("users close an index", 1, {
    set: (index) => {
      index.open = false;
      index.isClosedByUsers = true;
    },
    remove: reopen,
    removeFromFormer: reopen,
  }),
];
