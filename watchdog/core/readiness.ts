import type { WatchdogConfig } from "../config/schema.ts";
import type { KnownSituation } from "./preview.ts";
import { simulateAssumption } from "./simulate.ts";

export interface Readiness {
  /** Whether the loss of the whole active region would lead to a failover now. */
  readonly ready: boolean;
  /** What the rules would do, in a sentence. */
  readonly explanation: string;
}

/**
 * Asks the rules themselves, with the loss of the active region as an assumption. null where it cannot be told: during a
 * change, and on a watchdog that is not the controller and so does not see every router.
 */
export function readiness(situation: KnownSituation, config: WatchdogConfig): Readiness | null {
  const { record, seen } = situation;
  if (record?.phase !== "serving" || !seen.leadership.leading) return null;
  const region = record.active;
  const { assumed, steps, plan } = simulateAssumption(situation, { kind: "region-down", region }, config);
  const last = steps.at(-1);
  const outcome = last === undefined ? assumed.join(" ") : `${last.rule}: ${last.explanation}`;
  const ready = plan.length > 0;
  return {
    ready,
    explanation: ready
      ? `if ${region} were lost now, the other region would take over, in ${plan.length} steps`
      : `if ${region} were lost now, no region would take over: ${outcome}`,
  };
}
