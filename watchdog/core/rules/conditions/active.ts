import { isProbed } from "../../state/health.ts";
import type { ServingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";
import { majoritySees } from "./majority.ts";

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
