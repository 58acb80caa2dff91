import type { RegionName } from "../../config/address.ts";
import type { ClusterProbe } from "./cluster.ts";
import type { StateRecord } from "./record.ts";

/** Failed probes in a row that make a region unhealthy, and good ones in a row that make it healthy again. */
export interface HealthThresholds {
  readonly failThreshold: number;
  readonly recoveryThreshold: number;
}

/**
 * unknown: never probed; suspect: fewer failed probes in a row than the threshold; recovering: it was unhealthy, and has
 * had fewer good probes in a row since than the threshold.
 */
export type HealthState = "unknown" | "healthy" | "suspect" | "unhealthy" | "recovering";

/** The health of one region, folded from its probes. */
export interface RegionHealth {
  readonly state: HealthState;
  readonly failuresInARow: number;
  readonly successesInARow: number;
  /** One sentence: what the last probe found, and how many probes remain until the state changes. */
  readonly reason: string;
  /** When the state last changed; null while unknown. */
  readonly sinceMs: number | null;
  readonly lastProbeAtMs: number | null;
  /** When a probe was last good, in whatever state; null when none ever was. */
  readonly lastGoodAtMs: number | null;
  readonly lastProbe: ClusterProbe | null;
}

export const unknownHealth: RegionHealth = {
  state: "unknown",
  failuresInARow: 0,
  successesInARow: 0,
  reason: "not probed yet",
  sinceMs: null,
  lastProbeAtMs: null,
  lastGoodAtMs: null,
  lastProbe: null,
};

/** More of them would hide the rest of the sentence. */
const RED_INDICES_NAMED = 10;

/** Why a probe counts as failed; null when it is good. Yellow is good: every primary is assigned. */
export function probeFailure(probe: ClusterProbe): string | null {
  if (!probe.reachable) return `no node answers: ${probe.error}`;
  if (probe.master === null) return "no elected master";
  if (probe.status !== "red") return null;
  const named = probe.redIndices.slice(0, RED_INDICES_NAMED).join(", ") || "unnamed";
  const more = probe.redIndices.length - RED_INDICES_NAMED;
  return `managed indices without a primary: ${named}${more > 0 ? ` and ${more} more` : ""}`;
}

/**
 * Why a probe proves nothing about the region; null when it does. A region that refuses the watchdog's own password may
 * serve every application: the probe counts as neither good nor failed, so a rotated password never causes a failover.
 */
export function probeInconclusive(probe: ClusterProbe): string | null {
  if (probe.reachable || probe.kind !== "unauthorized") return null;
  return `refuses this watchdog's user or password: ${probe.error}`;
}

/**
 * The indices of a region that the current plan closes and opens again: each shard has no primary for a while, which is
 * the watchdog's own doing and no sign of the region's health. The steps verify that every primary is back.
 */
export function indicesInWork(record: StateRecord | null, region: RegionName): "all" | readonly string[] {
  if (record?.phase === "promoting" && record.to === region) return "all";
  if (record?.phase !== "serving" || record.active !== region || record.plan?.kind !== "repair") return [];
  return record.plan.steps.flatMap((step) => (step.kind === "close" ? step.indices : []));
}

/**
 * Folds one more probe into a region's health.
 *
 * @param inWork indices that may be red without counting as a failure: see `indicesInWork`
 */
export function observeProbe(
  health: RegionHealth,
  probe: ClusterProbe,
  atMs: number,
  thresholds: HealthThresholds,
  inWork: "all" | readonly string[] = [],
): RegionHealth {
  const inconclusive = probeInconclusive(probe);
  if (inconclusive !== null) {
    return { ...health, reason: `${inconclusive} (not counted)`, lastProbeAtMs: atMs, lastProbe: probe };
  }
  const failure = isRedByWork(probe, inWork) ? null : probeFailure(probe);
  const failuresInARow = failure === null ? 0 : health.failuresInARow + 1;
  const successesInARow = failure === null ? health.successesInARow + 1 : 0;
  const state = nextState(health.state, failuresInARow, successesInARow, thresholds);
  return {
    state,
    failuresInARow,
    successesInARow,
    reason: describe(state, failure, probe, { failuresInARow, successesInARow }, thresholds),
    sinceMs: state === health.state ? health.sinceMs : atMs,
    lastProbeAtMs: atMs,
    lastGoodAtMs: failure === null ? atMs : health.lastGoodAtMs,
    lastProbe: probe,
  };
}

function isRedByWork(probe: ClusterProbe, inWork: "all" | readonly string[]): boolean {
  if (!probe.reachable || probe.master === null || probe.status !== "red") return false;
  const { redIndices } = probe;
  return inWork === "all" || (redIndices.length > 0 && redIndices.every((index) => inWork.includes(index)));
}

function nextState(
  state: HealthState,
  failuresInARow: number,
  successesInARow: number,
  { failThreshold, recoveryThreshold }: HealthThresholds,
): HealthState {
  const wasUnhealthy = state === "unhealthy" || state === "recovering";
  if (failuresInARow > 0) return wasUnhealthy || failuresInARow >= failThreshold ? "unhealthy" : "suspect";
  if (wasUnhealthy) return successesInARow >= recoveryThreshold ? "healthy" : "recovering";
  return "healthy";
}

function describe(
  state: HealthState,
  failure: string | null,
  probe: ClusterProbe,
  counts: { readonly failuresInARow: number; readonly successesInARow: number },
  thresholds: HealthThresholds,
): string {
  if (failure !== null) {
    const count =
      state === "suspect" ? `${counts.failuresInARow} of ${thresholds.failThreshold}` : `${counts.failuresInARow}`;
    return `${failure} (${count} failed checks in a row)`;
  }
  if (state === "recovering") {
    return `answers again (${counts.successesInARow} of ${thresholds.recoveryThreshold} good checks in a row)`;
  }
  return probe.reachable ? `${probe.status}, ${probe.nodes} nodes` : "";
}
