import type { RegionName } from "../config/address.ts";
import type { ReplicationChange } from "../core/plans/replication-change.ts";
import type { CanaryState } from "../core/state/canary.ts";
import type { FinishedChange } from "../core/state/finished-change.ts";
import type { RegionHealth } from "../core/state/health.ts";
import type { HookPhase } from "../core/state/hooks.ts";
import { Tally } from "../util/tally.ts";

/** Whether a probe counts for the region, against it, or proves nothing. */
export type ProbeResult = "good" | "failed" | "inconclusive";

/** accepted, or the cause of the failure. */
export type CanaryResult = "accepted" | NonNullable<CanaryState["cause"]>;

/** What a watchdog has done and seen since it started. Counts only grow. */
export class Activity {
  readonly probes = new Tally<{ readonly region: RegionName; readonly result: ProbeResult }>();
  readonly #probeMs = new Map<RegionName, number>();
  readonly #canaryMs = new Map<RegionName, number>();
  readonly canaries = new Tally<{ readonly region: RegionName; readonly result: CanaryResult }>();
  readonly changes = new Tally<{ [Key in keyof FinishedChange]: string }>();
  readonly hooks = new Tally<{ readonly phase: HookPhase; readonly outcome: "done" | "failed" }>();
  readonly replicationChanges = new Tally<{
    readonly kind: ReplicationChange["kind"];
    readonly outcome: "done" | "failed";
  }>();

  /** @param health the region's health with that probe */
  noteProbe(region: RegionName, health: RegionHealth, durationMs: number): void {
    this.probes.add({ region, result: resultOf(health) });
    this.#probeMs.set(region, durationMs);
  }

  /** @param canary the region's canaries with that one */
  noteCanary({ region, cause }: CanaryState, durationMs: number): void {
    this.canaries.add({ region, result: cause ?? "accepted" });
    this.#canaryMs.set(region, durationMs);
  }

  noteChange({ kind, automatic, outcome }: FinishedChange): void {
    this.changes.add({ kind, automatic: String(automatic), outcome });
  }

  /** How long the last canary to each region took, milliseconds. */
  get lastCanaryMs(): ReadonlyMap<RegionName, number> {
    return this.#canaryMs;
  }

  /** How long the last probe of each region took, milliseconds. */
  get lastProbeMs(): ReadonlyMap<RegionName, number> {
    return this.#probeMs;
  }
}

function resultOf({ inconclusiveInARow, failuresInARow }: RegionHealth): ProbeResult {
  if (inconclusiveInARow > 0) return "inconclusive";
  return failuresInARow > 0 ? "failed" : "good";
}
