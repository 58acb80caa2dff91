import type { RegionStatus, WatchdogStatus } from "../../controller/status.ts";
import type { HistoryEntry } from "../../core/ports/store.ts";
import type { ChangePreview } from "../../core/preview.ts";
import { describeRequest } from "../../core/requests.ts";
import type { RuleExplanation } from "../../core/rules/explain.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { duration, section, table, time } from "../../util/text.ts";
import { watchdogsSection } from "./watchdogs.ts";

export function formatStatus(status: WatchdogStatus): string {
  return [
    `${status.name} (${status.site})  ${status.summary}`,
    recordSection(status.record, status.nowMs),
    storeSection(status),
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

/** What the store alone can tell, for a watchdog that is not running. */
export function formatStoredRecord(record: StateRecord | null, nowMs: number): string {
  return record === null ? "The store holds no state document yet." : recordSection(record, nowMs);
}

export function formatExplanation(explanation: readonly RuleExplanation[]): string {
  return explanation
    .map(({ rule, purpose, holds, decides, blockedBy }) => {
      const verdict = decides ? "decides" : holds ? "holds, but an earlier rule decides" : "does not hold";
      return [`${rule}: ${verdict}`, `  ${purpose}`, ...blockedBy.map((reason) => `  - ${reason}`)].join("\n");
    })
    .join("\n\n");
}

/** Newest last, as it scrolls by on a terminal. */
export function formatHistory(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return "Nothing has happened yet.";
  const rows = entries.map(({ atMs, epoch, rule, watchdog, explanation }) => [
    time(atMs),
    String(epoch),
    watchdog,
    rule,
    explanation,
  ]);
  return table([["TIME (UTC)", "EPOCH", "WATCHDOG", "RULE", "WHAT"], ...rows]);
}

/** @param copySentence what the way back costs */
export function formatPreview(preview: ChangePreview, copySentence: string): string {
  const { kind, from, to, verdict, reasons, steps, loss } = preview;
  const begins = verdict === "begins" ? "would begin at once" : "would have to wait";
  return [
    `A ${kind} from ${from} to ${to} ${begins}: ${reasons.join("; ")}.`,
    section(
      "Steps",
      steps.map((step, n) => [`${n + 1}.`, step]),
    ),
    loss === null ? "No acknowledged write is lost." : `Lost would be ${loss.explanation}.`,
    copySentence,
  ].join("\n\n");
}

function recordSection(record: StateRecord | null, nowMs: number): string {
  if (record === null) return "State: no state document yet.";
  const rows = [
    ["epoch", String(record.epoch)],
    ...phaseRows(record, nowMs),
    ["since", time(record.startedAtMs)],
    ["cause", record.cause],
  ];
  if (record.blockedUntilMs !== null && record.blockedUntilMs > nowMs) {
    rows.push(["blocked", `no automatic failover for another ${duration(record.blockedUntilMs - nowMs)}`]);
  }
  if (record.paused !== null) rows.push(["paused", `by ${record.paused.by}: ${record.paused.reason}`]);
  if (record.phase === "serving" && record.request !== null) {
    rows.push(["request", `${describeRequest(record.request)}, asked for by ${record.request.by}`]);
  }
  if (record.lastFailover !== null) {
    const { kind, from, to, finishedAtMs, loss } = record.lastFailover;
    rows.push([`last ${kind}`, `${from} to ${to} at ${time(finishedAtMs)}: ${loss.explanation}`]);
  }
  return section("State", rows);
}

function phaseRows(record: StateRecord, nowMs: number): string[][] {
  switch (record.phase) {
    case "serving": {
      const { standby, inSyncAtMs } = record;
      const seen = inSyncAtMs === null ? "" : `, last seen in sync ${duration(Math.max(0, nowMs - inSyncAtMs))} ago`;
      return [
        ["phase", `serving ${record.active}`],
        ["standby", `${standby}${seen}`],
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

function storeSection({ store, self }: WatchdogStatus): string {
  const rows: string[][] = [];
  if (!store.reachable) rows.push(["store", `cannot be reached: ${store.error ?? "for an unknown reason"}`]);
  if (!self.trusted) rows.push(["self", `takes no action: ${self.reasons.join("; ")}`]);
  return section("Trouble", rows);
}

function regionRow({ region, role, health }: RegionStatus, nowMs: number): string[] {
  const since = health.sinceMs === null ? "" : duration(Math.max(0, nowMs - health.sinceMs));
  return [region, role, health.state, since, health.reason];
}

function replicationSection({ replication }: WatchdogStatus): string {
  if (replication === null) return "";
  const { inSync, reasons, lagOperations, readAgeMs, followers, leaderIndices, repairs } = replication;
  const rows = [
    ["standby", inSync ? "in sync" : `not in sync: ${reasons.join("; ")}`],
    ["followers", `${followers} of ${leaderIndices ?? "an unknown number of"} indices`],
    ["lag", lagOperations === null ? "unknown" : `${lagOperations} operations, as last known to the followers`],
    ["last read", readAgeMs === null ? "unknown" : `${duration(readAgeMs)} ago at the most`],
    ...repairs
      .slice(0, 3)
      .map(({ atMs, change, error }) => [
        "mended",
        `${time(atMs)} ${change}${error === null ? "" : `: failed: ${error}`}`,
      ]),
  ];
  return section("Replication", rows);
}

function planSection({ plan }: WatchdogStatus): string {
  if (plan === null) return "";
  const rows = plan.map(({ kind, status, detail, attempts, error, startedAtMs, finishedAtMs }) => [
    kind,
    status,
    startedAtMs !== null && finishedAtMs !== null ? duration(finishedAtMs - startedAtMs) : "",
    error === null ? detail : `${detail} (attempt ${attempts}: ${error})`,
  ]);
  return section("Change under way", [["STEP", "STATUS", "TOOK", "DETAIL"], ...rows]);
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
