import type { WatchdogStatus } from "../../controller/status.ts";
import type { Readiness } from "../../core/readiness.ts";
import type { RuleExplanation } from "../../core/rules/explain.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { problemRows } from "../../presentation/problems.ts";
import { regionRows, replicationRows } from "../../presentation/replication.ts";
import { routerRows } from "../../presentation/router.ts";
import { stateRows } from "../../presentation/state.ts";
import { stepRows } from "../../presentation/steps.ts";
import { section, time } from "../../util/text.ts";
import { notificationsSection } from "./notifications.ts";
import { watchdogsSection } from "./watchdogs.ts";

export function formatStatus(status: WatchdogStatus, readiness: Readiness | null = null): string {
  return [
    `${status.name} (${status.site})  ${status.summary}`,
    stateSection(status.record, status.nowMs, readiness),
    section("Problems", problemRows(status)),
    section("Regions", regionRows(status.regions, status.nowMs)),
    watchdogsSection(status),
    status.replication === null ? "" : section("Replication", replicationRows(status.replication, status.nowMs)),
    status.plan === null ? "" : section("Change in progress", stepRows(status.plan)),
    status.router === null ? "" : section("Router", routerRows(status.router, status.nowMs)),
    notificationsSection(status.notifications, status.nowMs),
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
  return record === null ? "There is no state document yet." : stateSection(record, nowMs);
}

export function formatExplanation(explanation: readonly RuleExplanation[]): string {
  return explanation
    .map(({ rule, purpose, holds, decides, blockedBy }) => {
      const verdict = decides ? "applies" : holds ? "holds, but an earlier rule applies" : "does not hold";
      return [`${rule}: ${verdict}`, `  ${purpose}`, ...blockedBy.map((reason) => `  - ${reason}`)].join("\n");
    })
    .join("\n\n");
}

function stateSection(record: StateRecord | null, nowMs: number, readiness: Readiness | null = null): string {
  if (record === null) return "State: no state document yet.";
  return section("State", stateRows(record, nowMs, readiness));
}
