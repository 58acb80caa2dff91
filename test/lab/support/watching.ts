import type { Region, Stack } from "../../../lab/system/configuration.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import { until } from "../../../lab/util/until.ts";
import type { WatchdogStatus } from "../../../watchdog/controller/status.ts";
import type { RegionHealth } from "../../../watchdog/core/state/health.ts";

/** The fields of the record that a change of roles changes. */
export function rolesOf({ record }: WatchdogStatus) {
  return record?.phase === "serving"
    ? { epoch: record.epoch, active: record.active, startedAtMs: record.startedAtMs }
    : { phase: record?.phase };
}

/** The health of a region as this watchdog observes it. */
export function healthOf({ regions }: WatchdogStatus, region: Region): RegionHealth | undefined {
  return regions.find((candidate) => candidate.region === region)?.health;
}

export function untilServersUp(system: TwoRegions, region: Region, count: number, withinMs: number): Promise<void> {
  return until(`HAProxy has ${count} servers of ${region} up`, withinMs, async () => {
    return (await system.hosts.serversUp(region)).length === count;
  });
}

/** The host of a site's watchdog. */
const watchdogOf = (system: TwoRegions, site: Stack): Promise<string> =>
  site === "witness" ? Promise.resolve("witness-1") : system.hosts.router(site);

/** The status of a site's watchdog. */
export async function statusOf(system: TwoRegions, site: Stack): Promise<WatchdogStatus> {
  return system.watchdogs.status(await watchdogOf(system, site));
}

/** Waits until the status of a site's watchdog satisfies a condition. */
export async function untilSite(
  system: TwoRegions,
  site: Stack,
  what: string,
  condition: (status: WatchdogStatus) => boolean,
): Promise<WatchdogStatus> {
  return system.watchdogs.until(`${site} ${what}`, condition, undefined, await watchdogOf(system, site));
}

/** The region that a router's HAProxy may route to now; null when the router is closed. */
export function ticketOf({ router, nowMs }: WatchdogStatus): string | null {
  return router?.state?.tickets.find(({ validUntilMs }) => validUntilMs > nowMs)?.region ?? null;
}

/** The status of the controller. */
export async function controllerStatus(system: TwoRegions): Promise<WatchdogStatus> {
  const statuses = await Promise.all((await system.hosts.withWatchdog()).map((host) => system.watchdogs.status(host)));
  const leading = statuses.find(({ leadership }) => leadership.leading);
  if (leading === undefined) throw new Error("no watchdog leads");
  return leading;
}
