import type { RegionName } from "../config/address.ts";
import type { WatchdogStatus } from "../controller/status.ts";
import { duration } from "../util/text.ts";

export type WatchdogsStatus = Pick<
  WatchdogStatus,
  "name" | "nowMs" | "regions" | "sightings" | "leadership" | "watchdogs" | "silence" | "leases" | "failsafe"
>;

/** Each watchdog with its report, role and router lease, below the headings; empty for a single watchdog. */
export function watchdogRows(status: WatchdogsStatus): string[][] {
  const { sightings, watchdogs, regions, nowMs } = status;
  const known = new Map(
    [...watchdogs, ...sightings.map(({ watchdog, site }) => ({ name: watchdog, site }))].map(({ name, site }) => [
      name,
      site,
    ]),
  );
  if (known.size <= 1) return [];
  const names = regions.map(({ region }) => region);
  const rows = [...known].toSorted().map(([name, site]) => {
    const report = sightings.find(({ watchdog }) => watchdog === name);
    const health = names.map((region: RegionName) => report?.regions[region]?.state ?? "?");
    const age = report === undefined ? silent(status, name) : `${duration(Math.max(0, nowMs - report.atMs))} ago`;
    return [name, site, age, ...health, leaseOf(status, name), roleOf(status, name)];
  });
  const headings = [
    "WATCHDOG",
    "SITE",
    "REPORTED",
    ...names.map((name) => `${name.toUpperCase()} HEALTH`),
    "ROUTER LEASE",
    "",
  ];
  return [headings, ...rows];
}

/** At least so long: its own restart forgets what a watchdog has seen of the others. */
function silent({ silence }: WatchdogsStatus, name: string): string {
  const silentMs = silence[name];
  return silentMs === undefined ? "SILENT" : `SILENT for ${duration(silentMs)}`;
}

function roleOf({ name: own, leadership }: WatchdogsStatus, name: string): string {
  const controller = leadership.leading ? own : leadership.leader;
  return [...(name === controller ? ["controller"] : []), ...(name === own ? ["this one"] : [])].join(", ");
}

/** Only the controller reads the leases. */
function leaseOf({ leases, watchdogs }: WatchdogsStatus, name: string): string {
  const own = watchdogs.find((watchdog) => watchdog.name === name)?.router;
  if (own === null) return "no router";
  if (leases === null) return "?";
  const lease = leases.find(({ router }) => router === own);
  return lease === undefined ? "none" : `epoch ${lease.acknowledgedEpoch}`;
}

/** Why there is no controller that can be named; empty when there is one. */
export function leadershipSentence({ leadership: { leading, leader, error } }: WatchdogsStatus): string {
  if (error !== null) return `The controller is unknown: ${error}`;
  return !leading && leader === null ? "There is no controller at the moment." : "";
}

/** The last failsafe request and its answers. */
export function failsafeRows({ failsafe, nowMs }: WatchdogsStatus): string[][] {
  if (failsafe === null) return [];
  const { lastAskedAtMs, fault, answers, promisedForMs } = failsafe;
  const rows: string[][] = [];
  if (promisedForMs > 0) rows.push(["grant", `promotes nothing for another ${duration(promisedForMs)}`]);
  if (lastAskedAtMs !== null) {
    const outcome = fault === null ? "its router stayed open" : `its router had to close: ${fault}`;
    rows.push(["last request", `${duration(Math.max(0, nowMs - lastAskedAtMs))} ago: ${outcome}`]);
    for (const { watchdog, agrees, reason } of answers) {
      rows.push([watchdog, agrees ? "granted" : `refused: ${reason ?? "no reason given"}`]);
    }
  }
  return rows;
}
