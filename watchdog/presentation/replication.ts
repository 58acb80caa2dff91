import type { RegionStatus, ReplicationStatus } from "../controller/status.ts";
import { duration, time } from "../util/text.ts";
import { protectionRows } from "./copies.ts";

/** The regions, below their headings. */
export const regionRows = (regions: readonly RegionStatus[], nowMs: number): string[][] => [
  ["REGION", "ROLE", "HEALTH", "FOR", "DETAIL"],
  ...regions.map((region) => regionRow(region, nowMs)),
];

function regionRow({ region, role, health }: RegionStatus, nowMs: number): string[] {
  const since = health.sinceMs === null ? "" : duration(Math.max(0, nowMs - health.sinceMs));
  return [region, role, health.state, since, health.reason];
}

/** What each figure of the replication is, and a sentence. */
export function replicationRows(replication: ReplicationStatus, nowMs: number): string[][] {
  const { inSync, reasons, lagOperations, lagMs, readAgeMs, followers, leaderIndices, repairs } = replication;
  return [
    ["standby", inSync ? "in sync" : `not in sync: ${reasons.join("; ")}`],
    ...protectionRows(replication, nowMs),
    ...dataStreamRows(replication.dataStreams),
    ["followers", `${followers} of ${leaderIndices ?? "an unknown number of"} indices`],
    ["lag", lagOperations === null ? "unknown" : `${lagOperations} operations, as of the last read`],
    ...(lagMs === null ? [] : [["", lagMs === 0 ? "in time: none" : `in time: ${duration(lagMs)}`]]),
    ["last read", readAgeMs === null ? "unknown" : `at most ${duration(readAgeMs)} ago`],
    ...repairs
      .slice(0, 3)
      .map(({ atMs, change, error }) => [
        "repair",
        `${time(atMs)} ${change}${error === null ? "" : `: failed: ${error}`}`,
      ]),
  ];
}

/** More would hide the rest of the status; `--json` has all. */
const STREAMS_SHOWN = 10;

function dataStreamRows(streams: ReplicationStatus["dataStreams"]): string[][] {
  // Those with problems first.
  const shown = streams.toSorted((a, b) => b.problems.length - a.problems.length).slice(0, STREAMS_SHOWN);
  const rows = shown.map(({ name, writeIndex, indices, followed, problems }) => [
    "data stream",
    [`${name}: ${followed} of ${indices} indices followed, writes go to ${writeIndex}`, ...problems].join("; "),
  ]);
  return streams.length > shown.length ? [...rows, ["", `and ${streams.length - shown.length} more`]] : rows;
}
