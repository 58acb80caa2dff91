import type { ServingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";
import { majoritySees } from "./majority.ts";

export const activeUnhealthy: Condition<ServingRecord> = (s) => majoritySees(s, s.record.active, "unhealthy");

/** The last probe by this watchdog itself was good. */
export const activeWell: Condition<ServingRecord> = ({ record, seen }) => {
  const health = seen.health[record.active];
  const isWell = health !== undefined && health.lastGoodAtMs !== null && health.lastGoodAtMs === health.lastProbeAtMs;
  return isWell ? null : `the last probe of ${record.active} failed: ${health?.reason ?? "not probed yet"}`;
};
