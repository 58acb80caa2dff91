import type { WatchdogConfig } from "../config/schema.ts";
import { decide } from "./rules/decide.ts";
import type { RuleId } from "./rules/table.ts";
import type { Observations } from "./state/observations.ts";
import type { Plan } from "./state/plan.ts";
import type { StateRecord } from "./state/record.ts";

/** What the rules say one after another, when what they wait for happens. Pure: nothing is asked or changed. */

export interface SimulatedStep {
  readonly atMs: number;
  readonly rule: RuleId;
  readonly explanation: string;
  /** "serving gra (epoch 1)" before, and after when the rule changed it. */
  readonly before: string;
  readonly after: string | null;
}

/** A step with the record that it led to. */
export interface ForecastStep extends SimulatedStep {
  readonly record: StateRecord | null;
}

export interface Forecast {
  readonly steps: readonly ForecastStep[];
  /** What would be carried out then; null when it comes to no plan. */
  readonly plan: Plan | null;
}

/** Rulings in a row that change the record, before looking ahead is given up: there are no more phases than this. */
const MAX_CHANGES = 8;

/**
 * Follows the rules, as the watchdog that decides would, until nothing changes or a plan has begun. Routers close when
 * they are told to, every site that is heard from hears of it, promises run out, and looks at the regions go on finding
 * what they found last.
 *
 * @param closingMs how long the routers take to close
 */
export function forecast(
  start: { readonly record: StateRecord | null; readonly seen: Observations; readonly nowMs: number },
  config: WatchdogConfig,
  closingMs: number,
): Forecast {
  const steps: ForecastStep[] = [];
  let { record, nowMs: atMs } = start;
  const decider = { leading: true, leader: config.name, error: null };
  let seen: Observations = { ...lookedAgain(start.seen, atMs), leadership: decider };
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
      seen = lookedAgain({ ...seen, routers, sites, promisedForMs: 0 }, atMs);
    }
  }
  return { steps, plan: null };
}

/** One decision, and what it makes of the record. */
export function decideStep(record: StateRecord | null, seen: Observations, atMs: number, config: WatchdogConfig) {
  const { rule, record: next, explanation } = decide(record, seen, atMs, config);
  const after = next === record ? null : describeRecord(next);
  const step: SimulatedStep = { atMs, rule, explanation, before: describeRecord(record), after };
  return { step, next };
}

/** Looks as of now, that found what the last ones found. */
function lookedAgain(seen: Observations, atMs: number): Observations {
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
