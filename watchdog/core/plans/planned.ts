import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { PlanKind } from "../state/plan.ts";
import type { PlannedRecord, StateRecord } from "../state/record.ts";
import { otherRegion } from "../state/situation.ts";
import { standbyDuring } from "./rejoin.ts";

/** The record when it has a plan to carry out, else null. */
export function plannedOf(record: StateRecord | null): PlannedRecord | null {
  switch (record?.phase) {
    case "promoting":
      return record;
    case "serving":
      return record.plan === null ? null : { ...record, plan: record.plan };
    default:
      return null;
  }
}

/** The region that the steps of the plan change; the other one is only read, or write-blocked. */
export function regionOfPlan(record: PlannedRecord, config: WatchdogConfig): RegionName {
  if (record.phase === "promoting") return record.plan.kind === "undo" ? record.from : record.to;
  return record.plan.kind === "rejoin" ? otherRegion(config, record.active) : record.active;
}

/** The record with its plan changed, and with the standby's state that follows from a rejoin's progress. */
export function withPlan<R extends PlannedRecord>(record: R, plan: R["plan"]): R {
  const sequence = record.sequence + 1;
  if (record.phase === "serving" && plan.kind === "rejoin") {
    return { ...record, plan, sequence, standby: standbyDuring(plan) };
  }
  return { ...record, plan, sequence };
}

/** Whether both have the same plan, at whatever step. */
export function isSamePlan(a: PlannedRecord | null, b: PlannedRecord | null): boolean {
  return (
    a !== null &&
    b !== null &&
    a.epoch === b.epoch &&
    a.phase === b.phase &&
    a.plan.kind === b.plan.kind &&
    a.plan.createdAtMs === b.plan.createdAtMs
  );
}

/** The rule that carries out each kind of plan. */
export const ruleOfPlan = {
  promotion: "promotion-goes-on",
  switchover: "promotion-goes-on",
  undo: "promotion-goes-on",
  rejoin: "rejoin-goes-on",
  repair: "repair-goes-on",
} as const satisfies Readonly<Record<PlanKind, string>>;
