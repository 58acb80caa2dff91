import type { Readiness } from "../core/readiness.ts";
import { describeRequest } from "../core/requests.ts";
import type { StateRecord } from "../core/state/record.ts";
import { duration, time } from "../util/text.ts";
import { exceptionRows } from "./exceptions.ts";

/** The state document: what each field is, and a sentence. */
export function stateRows(record: StateRecord, nowMs: number, readiness: Readiness | null = null): string[][] {
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
  return rows;
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
