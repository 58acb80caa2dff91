import type { RegionStatus, ReplicationStatus, WatchdogStatus } from "../../controller/status.ts";
import type { Readiness } from "../../core/readiness.ts";
import { describeRequest } from "../../core/requests.ts";
import type { RuleExplanation } from "../../core/rules/explain.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { duration, section, time } from "../../util/text.ts";
import { exceptionRows } from "./change.ts";
import { protectionRows } from "./copies.ts";
import { problemRows } from "./problems.ts";
import { watchdogsSection } from "./watchdogs.ts";

export function formatStatus(status: WatchdogStatus, readiness: Readiness | null = null): string {
  return [
    `${status.name} (${status.site})  ${status.summary}`,
    recordSection(status.record, status.nowMs, readiness),
    section("Problems", problemRows(status)),
    section("Regions", [
      ["REGION", "ROLE", "HEALTH", "FOR", "DETAIL"],
      ...status.regions.map((region) => regionRow(region, status.nowMs)),
    ]),
    watchdogsSection(status),
    replicationSection(status),
    planSection(status),
    routerSection(status),
    section(
      "Decisions, newest first",
      status.decisions.slice(0, 5).map(({ atMs, rule, explanation }) => [time(atMs), rule, explanation]),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The state document alone, for a host whose watchdog is not running. */
export function formatStoredRecord(record: StateRecord | null, nowMs: number): string {
  return record === null ? "There is no state document yet." : recordSection(record, nowMs);
}

export function formatExplanation(explanation: readonly RuleExplanation[]): string {
  return explanation
    .map(({ rule, purpose, holds, decides, blockedBy }) => {
      const verdict = decides ? "applies" : holds ? "holds, but an earlier rule applies" : "does not hold";
      return [`${rule}: ${verdict}`, `  ${purpose}`, ...blockedBy.map((reason) => `  - ${reason}`)].join("\n");
    })
    .join("\n\n");
}

function recordSection(record: StateRecord | null, nowMs: number, readiness: Readiness | null = null): string {
  if (record === null) return "State: no state document yet.";
  const rows = [
    ["epoch", String(record.epoch)],
    ...phaseRows(record, nowMs),
    ["since", time(record.startedAtMs)],
    ["cause", record.cause],
  ];
  if (readiness !== null) rows.push(["ready", `${readiness.ready ? "yes" : "NO"}: ${readiness.explanation}`]);
  if (record.blockedUntilMs !== null && record.blockedUntilMs > nowMs) {
    rows.push(["blocked", `no automatic failover for another ${duration(record.blockedUntilMs - nowMs)}`]);
  }
  if (record.paused !== null) rows.push(["paused", `by ${record.paused.by}: ${record.paused.reason}`]);
  if (record.phase === "serving" && record.request !== null) {
    rows.push(["request", `${describeRequest(record.request)}, requested by ${record.request.by}`]);
  }
  if (record.phase !== "serving" && record.abort !== null) rows.push(["abort", `requested by ${record.abort.by}`]);
  if (record.lastFailover !== null) {
    const { kind, from, to, finishedAtMs, loss } = record.lastFailover;
    rows.push([`last ${kind}`, `${from} to ${to} at ${time(finishedAtMs)}: ${loss.explanation}`]);
    rows.push(...exceptionRows(record.lastFailover));
  }
  return section("State", rows);
}

function phaseRows(record: StateRecord, nowMs: number): string[][] {
  switch (record.phase) {
    case "serving": {
      const { standby, inSyncAtMs } = record;
      const age = inSyncAtMs === null ? "" : `, last in sync ${duration(Math.max(0, nowMs - inSyncAtMs))} ago`;
      return [
        ["phase", `serving ${record.active}`],
        ["standby", `${standby}${age}`],
      ];
    }
    case "closing":
      return [["phase", `closing ${record.from}, to promote ${record.to}`]];
    case "promoting":
      return [["phase", `promoting ${record.to} in place of ${record.from}`]];
    default:
      return record satisfies never;
  }
}

function regionRow({ region, role, health }: RegionStatus, nowMs: number): string[] {
  const since = health.sinceMs === null ? "" : duration(Math.max(0, nowMs - health.sinceMs));
  return [region, role, health.state, since, health.reason];
}

function replicationSection({ replication, nowMs }: WatchdogStatus): string {
  if (replication === null) return "";
  const { inSync, reasons, lagOperations, readAgeMs, followers, leaderIndices, repairs } = replication;
  const rows = [
    ["standby", inSync ? "in sync" : `not in sync: ${reasons.join("; ")}`],
    ...protectionRows(replication, nowMs),
    ...dataStreamRows(replication.dataStreams),
    ["followers", `${followers} of ${leaderIndices ?? "an unknown number of"} indices`],
    ["lag", lagOperations === null ? "unknown" : `${lagOperations} operations, as of the last read`],
    ["last read", readAgeMs === null ? "unknown" : `at most ${duration(readAgeMs)} ago`],
    ...repairs
      .slice(0, 3)
      .map(({ atMs, change, error }) => [
        "repair",
        `${time(atMs)} ${change}${error === null ? "" : `: failed: ${error}`}`,
      ]),
  ];
  return section("Replication", rows);
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

function planSection({ plan }: WatchdogStatus): string {
  if (plan === null) return "";
  const rows = plan.map(({ kind, status, detail, attempts, error, startedAtMs, finishedAtMs }) => [
    kind,
    status,
    startedAtMs !== null && finishedAtMs !== null ? duration(finishedAtMs - startedAtMs) : "",
    error === null ? detail : `${detail} (attempt ${attempts}: ${error})`,
  ]);
  return section("Change in progress", [["STEP", "STATUS", "TOOK", "DETAIL"], ...rows]);
}

function routerSection({ router, nowMs }: WatchdogStatus): string {
  if (router === null) return "";
  const rows = [[router.name, router.summary]];
  if (router.error !== null) rows.push(["error", router.error]);
  if (router.leaseUntilMs !== null) rows.push(["lease", remaining(router.leaseUntilMs, nowMs)]);
  for (const { region, validUntilMs } of router.state?.tickets ?? []) {
    rows.push(["ticket", `${region}: ${remaining(validUntilMs, nowMs)}`]);
  }
  for (const { region, name, up } of router.state?.servers ?? []) {
    rows.push(["server", `${region}/${name}: ${up ? "up" : "DOWN"}`]);
  }
  return section("Router", rows);
}

const remaining = (untilMs: number, nowMs: number): string =>
  untilMs > nowMs ? `${duration(untilMs - nowMs)} left` : `ended ${duration(nowMs - untilMs)} ago`;
