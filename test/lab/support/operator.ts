import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import type { CommandOutcome } from "../../../lab/util/run.ts";
import type { SalvageEntry } from "../../../watchdog/salvage/exports.ts";

/** `es-failover` on a watchdog's host, as root; a refusal is an outcome. */
export function esFailover(system: TwoRegions, host: string, ...args: readonly string[]): Promise<CommandOutcome> {
  return system.lab.exec(host, ["/usr/local/bin/es-failover", ...args], { timeoutMs: 120_000 });
}

/** Like `esFailover`, for a command that has to succeed. @returns its output */
export async function esFailoverDone(system: TwoRegions, host: string, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await esFailover(system, host, ...args);
  if (exitCode !== 0)
    throw new Error(`${host}: es-failover ${args.join(" ")} ended with ${exitCode}: ${stderr}${stdout}`);
  return stdout;
}

/** Replays everything that the watchdogs have salvaged, on every host. @returns the number of exports */
export async function replayAll(system: TwoRegions): Promise<number> {
  let exports = 0;
  for (const host of await system.hosts.withWatchdog()) {
    const listed = await esFailoverDone(system, host, "salvage", "list", "--json");
    for (const { name, totals } of JSON.parse(listed) as readonly SalvageEntry[]) {
      if (totals.finishedAt === null) continue;
      await esFailoverDone(system, host, "salvage", "replay", name, "--yes", "--json");
      exports += 1;
    }
  }
  return exports;
}

/**
 * Waits until gra is a standby in sync, replays what only gra had, ends the block period, and switches over to gra.
 */
export async function failBack(system: TwoRegions): Promise<void> {
  const router = await system.hosts.router();
  await system.watchdogs.until(
    "gra is in sync as the standby",
    ({ record }) => record?.phase === "serving" && record.active === "bhs" && record.standby === "in-sync",
  );
  await replayAll(system);
  const replayedAtMs = Date.now();
  await system.watchdogs.until(
    "gra protects all indices, those that the replay created too",
    ({ replication }) =>
      replication !== null &&
      replication.observedAtMs > replayedAtMs &&
      replication.protectedIndices !== null &&
      replication.unprotected.length === 0,
  );
  await esFailoverDone(system, router, "ack");
  await esFailoverDone(system, router, "switchover", "--to", "gra", "--yes");
  await system.watchdogs.until(
    "gra serves, with bhs in sync",
    ({ record, replication }) =>
      record?.phase === "serving" &&
      record.active === "gra" &&
      record.standby === "in-sync" &&
      replication?.inSync === true,
  );
}
