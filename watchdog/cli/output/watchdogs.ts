import type { RegionName } from "../../config/address.ts";
import type { WatchdogStatus } from "../../controller/status.ts";
import { duration, section } from "../../util/text.ts";

type Many = Pick<
  WatchdogStatus,
  "name" | "nowMs" | "regions" | "sightings" | "leadership" | "watchdogs" | "leases" | "failsafe"
>;

/** Who else there is, what they see, who decides, and whose router may route; empty where a watchdog stands alone. */
export function watchdogsSection(status: Many): string {
  const { sightings, watchdogs, regions, nowMs } = status;
  const known = new Map(
    [...watchdogs, ...sightings.map(({ watchdog, site }) => ({ name: watchdog, site }))].map(({ name, site }) => [
      name,
      site,
    ]),
  );
  if (known.size <= 1) return "";
  const names = regions.map(({ region }) => region);
  const rows = [...known].toSorted().map(([name, site]) => {
    const said = sightings.find(({ watchdog }) => watchdog === name);
    const views = names.map((region: RegionName) => said?.regions[region]?.state ?? "?");
    const heard = said === undefined ? "SILENT" : `${duration(Math.max(0, nowMs - said.atMs))} ago`;
    return [name, site, heard, ...views, routerOf(status, name), roleOf(status, name)];
  });
  const headings = [
    "WATCHDOG",
    "SITE",
    "HEARD",
    ...names.map((name) => `SEES ${name.toUpperCase()}`),
    "ROUTER LEASE",
    "",
  ];
  return [section("Watchdogs", [headings, ...rows]), leadershipSection(status), failsafeSection(status)]
    .filter((part) => part !== "")
    .join("\n\n");
}

function roleOf({ name: own, leadership }: Many, name: string): string {
  const decides = leadership.leading ? own : leadership.leader;
  return [...(name === decides ? ["decides"] : []), ...(name === own ? ["this one"] : [])].join(", ");
}

/** Leases are known to the watchdog that decides alone. */
function routerOf({ leases, watchdogs }: Many, name: string): string {
  const own = watchdogs.find((watchdog) => watchdog.name === name)?.router;
  if (own === null) return "no router";
  if (leases === null) return "?";
  const lease = leases.find(({ router }) => router === own);
  return lease === undefined ? "none" : `epoch ${lease.acknowledgedEpoch}`;
}

function leadershipSection({ leadership: { leading, leader, error } }: Many): string {
  if (error !== null) return `Who decides is not known: ${error}`;
  return !leading && leader === null ? "Nobody decides at the moment." : "";
}

function failsafeSection({ failsafe, nowMs }: Many): string {
  if (failsafe === null) return "";
  const { lastAskedAtMs, fault, answers, promisedForMs } = failsafe;
  const rows: string[][] = [];
  if (promisedForMs > 0) rows.push(["bound", `promotes nothing for another ${duration(promisedForMs)}`]);
  if (lastAskedAtMs !== null) {
    const outcome = fault === null ? "its router went on" : `its router could not go on: ${fault}`;
    rows.push(["last asked", `${duration(Math.max(0, nowMs - lastAskedAtMs))} ago: ${outcome}`]);
    for (const { watchdog, agrees, reason } of answers) {
      rows.push([watchdog, agrees ? "agreed" : `did not agree: ${reason ?? "for an unknown reason"}`]);
    }
  }
  return section("Failsafe, for when the store does not answer", rows);
}
