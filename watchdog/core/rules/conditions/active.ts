import type { ServingRecord } from "../../state/record.ts";
import type { Condition } from "../rule.ts";
import { majoritySees } from "./majority.ts";

export const activeUnhealthy: Condition<ServingRecord> = (s) => majoritySees(s, s.record.active, "unhealthy");

export const activeWell: Condition<ServingRecord> = ({ record, seen }) => {
  const health = seen.health[record.active];
  const wellNow = health !== undefined && health.lastGoodAtMs !== null && health.lastGoodAtMs === health.lastProbeAtMs;
  return wellNow ? null : `${record.active} is not well: ${health?.reason ?? "not probed yet"}`;
};
