import { isProbed } from "../../state/health.ts";
import type { ServingRecord } from "../../state/record.ts";
import type { Situation } from "../../state/situation.ts";
import type { Condition } from "../rule.ts";
import { majorityFailsForMs, majoritySees } from "./majority.ts";

export const activeUnhealthy: Condition<ServingRecord> = (s) => majoritySees(s, s.record.active, "unhealthy");

/** Its probes by this watchdog prove nothing, and no majority sees it healthy. */
export const activeUnknown: Condition<ServingRecord> = (s) => {
  const { active } = s.record;
  const health = s.seen.health[active];
  if (health?.state !== "unknown" || !isProbed(health)) return `${active} is ${health?.state ?? "not probed yet"}`;
  return majoritySees(s, active, "healthy") === null ? `a majority of the sites sees that ${active} is healthy` : null;
};

/** The last probe by this watchdog itself was good. */
export const activeWell: Condition<ServingRecord> = ({ record, seen }) => {
  const health = seen.health[record.active];
  const isWell = health !== undefined && health.lastGoodAtMs !== null && health.lastGoodAtMs === health.lastProbeAtMs;
  return isWell ? null : `the last probe of ${record.active} failed: ${health?.reason ?? "not probed yet"}`;
};

/**
 * Until when the active region may have served. A watchdog may have seen nothing of it for long before it was lost: the
 * watchdog was frozen, the network between the two was cut, or its probes proved nothing.
 */
export function mayHaveServedUntilMs(s: Situation<ServingRecord>): number {
  const { record, seen, nowMs, config } = s;
  const { active } = record;
  const lastGoodAtMs = seen.health[active]?.lastGoodAtMs ?? nowMs;
  const failsForMs = majorityFailsForMs(s, active);
  if (failsForMs === null) return lastGoodAtMs;
  // The last probe before the first that failed may have been good.
  const { intervalMs, timeoutMs } = config.checks;
  return Math.max(lastGoodAtMs, nowMs - failsForMs - intervalMs - timeoutMs);
}
