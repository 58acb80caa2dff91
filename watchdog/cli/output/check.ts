import type { StatusAnswer } from "../../controller/control-api/api.ts";
import type { RegionStatus } from "../../controller/status.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { problemRows } from "../../presentation/problems.ts";
import { duration } from "../../util/text.ts";

/** Exit statuses of monitoring plugins, as Nagios, Icinga and others read them. */
export const pluginStatus = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 } as const;
export type Severity = keyof typeof pluginStatus;

interface Finding {
  readonly severity: "WARNING" | "CRITICAL";
  readonly sentence: string;
}

/** A change takes some seconds; the bound of its phases is a minute (`promotion.maxStuckMs`). */
const CHANGE_IS_STUCK_AFTER_MS = 180_000;

/** The status as a monitoring plugin reports it: the worst first, a line each; then what can be measured. */
export function checkStatus(status: StatusAnswer): { readonly severity: Severity; readonly text: string } {
  const found = findings(status);
  const worst = found.find(({ severity }) => severity === "CRITICAL") ?? found[0];
  const severity = worst?.severity ?? "OK";
  const first = worst?.sentence ?? `${status.summary}; a loss of the active region would be taken over`;
  const others = found.filter((finding) => finding !== worst).map((one) => `${one.severity}: ${one.sentence}`);
  return { severity, text: pluginText(severity, [first, ...others], measurements(status)) };
}

/** @param measured "label=value" */
export function pluginText(severity: Severity, sentences: readonly string[], measured: readonly string[] = []): string {
  // A bar would begin the measurements, and a line break another finding.
  const [first = "", ...others] = sentences.map((sentence) => sentence.replaceAll("|", "/").replaceAll("\n", " "));
  const line = `ES-FAILOVER ${severity}: ${first}`;
  return [measured.length === 0 ? line : `${line} | ${measured.join(" ")}`, ...others].join("\n");
}

function findings(status: StatusAnswer): readonly Finding[] {
  const { record, nowMs, regions, replication, silence } = status;
  const silent = Object.keys(silence).filter((name) => (silence[name] ?? 0) > 0);
  return [
    ...changeFindings(record, nowMs),
    ...routerFindings(status),
    ...regions.flatMap(regionFindings),
    ...readinessFindings(status),
    ...(record?.paused ? [warning(`paused by ${record.paused.by}: ${record.paused.reason}`)] : []),
    ...problemRows(status).map(([what, sentence]) => warning(`${what}: ${sentence}`)),
    ...(replication === null || replication.inSync
      ? []
      : [warning(`the standby is not in sync: ${replication.reasons.join("; ")}`)]),
    ...(silent.length === 0 ? [] : [warning(`no report from ${silent.join(", ")}`)]),
  ];
}

const warning = (sentence: string): Finding => ({ severity: "WARNING", sentence });
const critical = (sentence: string): Finding => ({ severity: "CRITICAL", sentence });

function changeFindings(record: StateRecord | null, nowMs: number): readonly Finding[] {
  if (record === null) return [critical("there is no state document: nothing is routed")];
  if (record.phase === "serving") return [];
  const forMs = nowMs - record.startedAtMs;
  const sentence = `${record.phase} ${record.from} to ${record.to} for ${duration(Math.max(0, forMs))}: routers are closed`;
  return [forMs > CHANGE_IS_STUCK_AFTER_MS ? critical(sentence) : warning(sentence)];
}

function routerFindings({ record, router, nowMs }: StatusAnswer): readonly Finding[] {
  if (router === null || record?.phase !== "serving") return [];
  const isOpen = router.ticket?.region === record.active && router.ticket.validUntilMs > nowMs;
  return isOpen ? [] : [critical(`the router of this host is closed: ${router.summary}`)];
}

function regionFindings({ region, role, health }: RegionStatus): readonly Finding[] {
  if (health.state === "healthy") return [];
  const sentence = `${region} is ${health.state}: ${health.reason}`;
  const isServing = role === "active" && (health.state === "unhealthy" || health.state === "unknown");
  return [isServing ? critical(sentence) : warning(sentence)];
}

/** Where this watchdog is not the controller, the standby's state in the record tells most of it. */
function readinessFindings({ record, readiness }: StatusAnswer): readonly Finding[] {
  if (readiness !== null) return readiness.ready ? [] : [warning(readiness.explanation)];
  if (record?.phase !== "serving" || record.standby === "in-sync") return [];
  return [warning(`the standby is ${record.standby}: a loss of ${record.active} would not be taken over`)];
}

function measurements({ record, readiness, replication }: StatusAnswer): readonly string[] {
  return [
    ...(record === null ? [] : [`epoch=${record.epoch}`]),
    ...(readiness === null ? [] : [`ready=${Number(readiness.ready)}`]),
    ...(replication === null ? [] : [`in_sync=${Number(replication.inSync)}`]),
    ...(replication?.lagOperations == null ? [] : [`lag=${replication.lagOperations}`]),
    ...(replication?.readAgeMs == null ? [] : [`read_age=${(replication.readAgeMs / 1_000).toFixed(1)}s`]),
    ...(replication === null ? [] : [`unprotected=${replication.unprotected.length}`]),
  ];
}
