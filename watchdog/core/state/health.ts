import type { RegionName } from "../../config/address.ts";
import type { ClusterProbe } from "./cluster.ts";
import { probeFailure, probeInconclusive, probeProblems, type RedIndicesPolicy } from "./probe-verdict.ts";
import type { StateRecord } from "./record.ts";

/** Failed probes in a row that make a region unhealthy, good ones in a row that make it healthy again, and what is red. */
export interface HealthPolicy {
  readonly failThreshold: number;
  readonly recoveryThreshold: number;
  readonly redIndices: RedIndicesPolicy;
}

/**
 * unknown: never probed, or as many probes in a row as the threshold have proved nothing; suspect: fewer failed probes in a
 * row than the threshold; recovering: it was unhealthy, and has had fewer good probes in a row since than the threshold.
 */
export type HealthState = "unknown" | "healthy" | "suspect" | "unhealthy" | "recovering";

/** Checks in a row, and the state that they led to. */
interface Run {
  readonly state: HealthState;
  readonly failuresInARow: number;
  readonly successesInARow: number;
}

/** The health of one region, folded from its probes and canaries. */
export interface RegionHealth extends Run {
  /** By the probes that proved something: the state from which it goes on once another one does. */
  readonly provenState: HealthState;
  /** As far as its probes proved something, whatever its canaries say: see `stateByProbes`. */
  readonly byProbes: Run;
  /** Probes in a row that proved nothing, see `probeInconclusive`. */
  readonly inconclusiveInARow: number;
  /** One sentence: what the last probe found, and how many probes remain until the state changes. */
  readonly reason: string;
  /** What is wrong with it although its probes are good, as sentences. */
  readonly problems: readonly string[];
  /** When the state last changed; null while it was never probed. */
  readonly sinceMs: number | null;
  readonly lastProbeAtMs: number | null;
  /** When a probe was last good, in whatever state and whatever its canaries say; null when none ever was. */
  readonly lastGoodAtMs: number | null;
  /** When the first of the failed probes in a row was; null while the last one that proved something was good. */
  readonly failingSinceMs: number | null;
  readonly lastProbe: ClusterProbe | null;
}

export const unknownHealth: RegionHealth = {
  state: "unknown",
  provenState: "unknown",
  byProbes: { state: "unknown", failuresInARow: 0, successesInARow: 0 },
  failuresInARow: 0,
  successesInARow: 0,
  inconclusiveInARow: 0,
  reason: "not probed yet",
  problems: [],
  sinceMs: null,
  lastProbeAtMs: null,
  lastGoodAtMs: null,
  failingSinceMs: null,
  lastProbe: null,
};

/** By the probes alone: a region that only refuses writes can be read and followed. */
export const stateByProbes = ({ state, byProbes }: RegionHealth): HealthState =>
  state === "unknown" ? state : byProbes.state;

/** False until the first probe, whatever it found. */
export const isProbed = (health: RegionHealth | undefined): boolean => (health?.lastProbeAtMs ?? null) !== null;

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
 * @param refusal why a good probe counts as failed all the same: see `canaryFailure`
 */
export function observeProbe(
  health: RegionHealth,
  probe: ClusterProbe,
  atMs: number,
  policy: HealthPolicy,
  inWork: "all" | readonly string[] = [],
  refusal: string | null = null,
): RegionHealth {
  const inconclusive = probeInconclusive(probe);
  if (inconclusive !== null)
    return { ...aged(health, inconclusive, atMs, policy), lastProbeAtMs: atMs, lastProbe: probe };
  const judged = excusing(probe, inWork);
  const probeFault = probeFailure(judged, policy.redIndices);
  const failure = probeFault ?? refusal;
  const run = nextRun({ ...health, state: health.provenState }, failure, policy);
  const { state } = run;
  const problems = failure === null ? probeProblems(judged, policy.redIndices) : [];
  return {
    ...run,
    provenState: state,
    byProbes: nextRun(health.byProbes, probeFault, policy),
    inconclusiveInARow: 0,
    reason: [describe(run, failure, probe, policy), ...problems].join("; "),
    problems,
    sinceMs: state === health.state ? health.sinceMs : atMs,
    lastProbeAtMs: atMs,
    lastGoodAtMs: probeFault === null ? atMs : health.lastGoodAtMs,
    failingSinceMs: probeFault === null ? null : (health.failingSinceMs ?? atMs),
    lastProbe: probe,
  };
}

/** A probe that proves nothing counts as neither good nor failed; a run of them makes it unknown whether the region serves. */
function aged(health: RegionHealth, inconclusive: string, atMs: number, { failThreshold }: HealthPolicy): RegionHealth {
  const inconclusiveInARow = health.inconclusiveInARow + 1;
  const isUnknown = inconclusiveInARow >= failThreshold;
  const state = isUnknown ? "unknown" : health.state;
  const meaning = isUnknown
    ? `whether it serves is not known: ${failThreshold} checks in a row or more prove nothing`
    : `not counted, ${inconclusiveInARow} of ${failThreshold} in a row`;
  return {
    ...health,
    state,
    inconclusiveInARow,
    reason: `${inconclusive} (${meaning})`,
    problems: [inconclusive],
    sinceMs: state === health.state && health.sinceMs !== null ? health.sinceMs : atMs,
  };
}

/** The probe without the red indices that the watchdog's own work explains. */
function excusing(probe: ClusterProbe, inWork: "all" | readonly string[]): ClusterProbe {
  if (!probe.reachable || probe.status !== "red" || inWork.length === 0) return probe;
  const redIndices = inWork === "all" ? [] : probe.redIndices.filter((index) => !inWork.includes(index));
  const isExplained = inWork === "all" || (redIndices.length === 0 && probe.redIndices.length > 0);
  return { ...probe, redIndices, status: isExplained ? "yellow" : "red" };
}

function nextRun(before: Run, failure: string | null, policy: HealthPolicy): Run {
  const failuresInARow = failure === null ? 0 : before.failuresInARow + 1;
  const successesInARow = failure === null ? before.successesInARow + 1 : 0;
  const state = nextState({ state: before.state, failuresInARow, successesInARow }, policy);
  return { state, failuresInARow, successesInARow };
}

function nextState(
  { state, failuresInARow, successesInARow }: Run,
  { failThreshold, recoveryThreshold }: HealthPolicy,
): HealthState {
  const wasUnhealthy = state === "unhealthy" || state === "recovering";
  if (failuresInARow > 0) return wasUnhealthy || failuresInARow >= failThreshold ? "unhealthy" : "suspect";
  if (wasUnhealthy) return successesInARow >= recoveryThreshold ? "healthy" : "recovering";
  return "healthy";
}

function describe(
  { state, failuresInARow, successesInARow }: Run,
  failure: string | null,
  probe: ClusterProbe,
  policy: HealthPolicy,
): string {
  if (failure !== null) {
    const count = state === "suspect" ? `${failuresInARow} of ${policy.failThreshold}` : `${failuresInARow}`;
    return `${failure} (${count} failed checks in a row)`;
  }
  if (state === "recovering") {
    return `answers again (${successesInARow} of ${policy.recoveryThreshold} good checks in a row)`;
  }
  return probe.reachable ? `${probe.status}, ${probe.nodes} nodes` : "";
}
