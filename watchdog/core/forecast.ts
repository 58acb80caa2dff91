import type { WatchdogConfig } from "../config/schema.ts";
import { decide } from "./rules/decide.ts";
import type { RuleId } from "./rules/table.ts";
import type { Observations } from "./state/observations.ts";
import type { Plan } from "./state/plan.ts";
import type { StateRecord } from "./state/record.ts";

/** The rulings that would follow one another if what they wait for happens. Pure: nothing is asked or changed. */

export interface SimulatedStep {
  readonly atMs: number;
  readonly rule: RuleId;
  readonly explanation: string;
  /** Such as "serving gra (epoch 1)". */
  readonly before: string;
  /** null when the rule leaves the record as it is. */
  readonly after: string | null;
}

/** A step with the record that it leads to. */
export interface ForecastStep extends SimulatedStep {
  readonly record: StateRecord | null;
}

export interface Forecast {
  readonly steps: readonly ForecastStep[];
  /** The plan that would be carried out then; null when none begins. */
  readonly plan: Plan | null;
}

/** Rulings in a row that change the record before the forecast ends: no change has more. */
const MAX_CHANGES = 8;

/**
 * Follows the rules as the controller would, until a ruling changes nothing or a plan has begun. Assumed: routers close
 * when they are to, every site that reports learns of each epoch, failsafe grants expire, no hook refuses, and the regions
 * stay as they were in the last snapshots.
 *
 * @param closingMs how long the routers take to close
 */
export function forecast(
  start: { readonly record: StateRecord | null; readonly seen: Observations; readonly nowMs: number },
  { hooks, ...others }: WatchdogConfig,
  closingMs: number,
): Forecast {
  const config: WatchdogConfig = { ...others, hooks: { ...hooks, beforeClosing: [] } };
  const steps: ForecastStep[] = [];
  let { record, nowMs: atMs } = start;
  const controller = { leading: true, leader: config.name, error: null };
  let seen: Observations = { ...withFreshSnapshots(start.seen, atMs), leadership: controller };
  for (let change = 0; change < MAX_CHANGES; change += 1) {
    const { step, next } = decideStep(record, seen, atMs, config);
    steps.push({ ...step, record: next });
    if (next === record || next === null) break;
    record = next;
    if (record.phase === "promoting") return { steps, plan: record.plan };
    if (record.phase === "closing") {
      atMs += Math.max(closingMs, seen.promisedForMs);
      const { epoch } = record;
      const routers = (seen.routers ?? []).map((lease) => ({ ...lease, acknowledgedEpoch: epoch }));
      const sites = seen.sites.map((site) => ({ ...site, epoch }));
      seen = withFreshSnapshots({ ...seen, routers, sites, promisedForMs: 0 }, atMs);
    }
  }
  return { steps, plan: null };
}

/** One ruling, and the record after it. */
export function decideStep(record: StateRecord | null, seen: Observations, atMs: number, config: WatchdogConfig) {
  const { rule, record: next, explanation } = decide(record, seen, atMs, config);
  const after = next === record ? null : describeRecord(next);
  const step: SimulatedStep = { atMs, rule, explanation, before: describeRecord(record), after };
  return { step, next };
}

/** The last snapshots as if they were taken now. */
function withFreshSnapshots(seen: Observations, atMs: number): Observations {
  const { standby, active } = seen;
  return {
    ...seen,
    standby: standby && { ...standby, observedAtMs: atMs },
    active: active && { ...active, observedAtMs: atMs },
  };
}

function describeRecord(record: StateRecord | null): string {
  if (record === null) return "no record";
  const { phase, epoch } = record;
  const doing = phase === "serving" ? `serving ${record.active}` : `${phase} ${record.from} to ${record.to}`;
  return `${doing} (epoch ${epoch})`;
}
