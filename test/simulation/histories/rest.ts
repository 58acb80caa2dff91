import { summary } from "../judge/evidence.ts";
import { regions } from "../world/layout.ts";
import type { System } from "../world/system.ts";

/** How long a system has to come to rest after the last fault. */
const REST_MS_MAX = 150_000;
/** Only a write that was acknowledged this long after the last fault shows that the system serves again. */
const QUIET_MS = 5_000;

/** Invariant 7: lets time pass until a system without faults is at rest. */
export async function checkRest(system: System): Promise<void> {
  const { world } = system;
  const sinceMs = world.nowMs;
  const atRest = () => isAtRest(system, sinceMs + QUIET_MS);
  await world.runUntil(sinceMs + REST_MS_MAX, atRest);
  if (!atRest()) world.report("7", `not at rest ${REST_MS_MAX} ms after the last fault: ${situation(system)}`);
}

/** Every router sends writes to the active region, which takes them all, and the standby is in sync if it can be. */
function isAtRest(system: System, servedSinceMs: number): boolean {
  const { record, clients, stations } = system;
  const last = clients.acknowledged.at(-1);
  if (record?.phase !== "serving" || last === undefined) return false;
  const { active, standby, plan } = record;
  const areBothWell = regions.every((region) => system.clusters[region].isWell());
  return (
    last.atMs > servedSinceMs &&
    last.region === active &&
    stations.every(({ router }) => router === null || router.route() === active) &&
    plan?.kind !== "repair" &&
    record.openingHooks === undefined &&
    (standby === "in-sync" || !areBothWell || regions.some((region) => inSnapshot(system, region).length > 0)) &&
    system
      .cluster(active)
      .refusingWrites()
      .every((name) => inSnapshot(system, active).includes(name))
  );
}

/** Indices that a snapshot without an end holds: they can neither be promoted nor replaced by followers. */
const inSnapshot = (system: System, region: string): readonly string[] =>
  [...system.cluster(region).indices.values()].flatMap(({ name, snapshotUntilMs }) =>
    snapshotUntilMs > system.world.nowMs ? [name] : [],
  );

function situation(system: System): string {
  const { record, stations } = system;
  const active = record?.phase === "serving" ? record.active : null;
  const refusing = active === null ? [] : system.cluster(active).refusingWrites();
  const reasons = system.stations.flatMap(({ watchdog }) => watchdog?.status().replication?.reasons ?? []);
  const statuses = stations.map(({ site, watchdog }) => {
    const status = watchdog?.status();
    return `${site}: ${status?.summary}; router: ${status?.router?.summary}, ${status?.router?.error}`;
  });
  const details = [
    ...statuses,
    `refusing writes: ${refusing.join()}`,
    `not in sync: ${[...new Set(reasons)].join("; ")}`,
  ];
  return [record === null ? "no record" : summary(record), ...details].join("\n");
}
