import { listed } from "../../util/text.ts";
import type { ClusterProbe } from "./cluster.ts";
import { isManaged } from "./patterns.ts";

/** What one probe proves about a region. */

/** Which managed indices without a primary make a region unhealthy. */
export interface RedIndicesPolicy {
  /** Share of all managed indices from which on they do, 0 to 1; 0: a single one does. */
  readonly share: number;
  /** Patterns of indices of which a single one does. */
  readonly required: readonly string[];
}

/** Nothing that deletes or moves data may overlook an index. */
export const anyRedIndex: RedIndicesPolicy = { share: 0, required: [] };

type Answer = Extract<ClusterProbe, { reachable: true }>;

/** Why a probe counts as failed; null when it is good. Yellow is good: every primary is assigned. */
export function probeFailure(probe: ClusterProbe, policy: RedIndicesPolicy): string | null {
  if (!probe.reachable) return `no node answers: ${probe.error}`;
  if (probe.master === null) return "no elected master";
  if (probe.status !== "red") return null;
  const required = requiredOf(probe, policy);
  if (required.length > 0) return withoutPrimary(required);
  return isTolerated(probe, policy) ? null : withoutPrimary(probe.redIndices);
}

/**
 * Why a probe proves nothing about the region; null when it does. A region that refuses the watchdog's own password, or
 * whose certificate the watchdog does not trust, may serve every application: a rotated password or certificate never
 * causes a failover.
 */
export function probeInconclusive(probe: ClusterProbe): string | null {
  if (probe.reachable) return null;
  if (probe.kind === "unauthorized") return `refuses this watchdog's user or password: ${probe.error}`;
  return probe.kind === "untrusted" ? `has a certificate that this watchdog does not trust: ${probe.error}` : null;
}

/** What is wrong with a region whose probe is good, as sentences. */
export function probeProblems(probe: ClusterProbe, policy: RedIndicesPolicy): readonly string[] {
  if (!probe.reachable) return [];
  const problems: string[] = [];
  if (probe.redIndices.length > 0) {
    const limit = `unhealthy from ${redLimit(probe, policy)} of ${probe.managedIndices} on`;
    problems.push(`${withoutPrimary(probe.redIndices)} (${limit})`);
  }
  if (probe.clusterBlocks.length > 0) problems.push(`it refuses every write: ${probe.clusterBlocks.join(", ")}`);
  if (probe.floodedIndices.length > 0) {
    const indices = listed(probe.floodedIndices, INDICES_NAMED);
    problems.push(`a disk is past the flood-stage watermark, so writes are refused by ${indices}`);
  }
  if (probe.licenceLapsed) problems.push("its licence has lapsed: it refuses health and statistics");
  return problems;
}

const requiredOf = ({ redIndices }: Answer, { required }: RedIndicesPolicy) =>
  redIndices.filter((index) => isManaged({ patterns: required, exclusions: [] }, index));

/** A red cluster that names no index is not tolerated. */
const isTolerated = (probe: Answer, policy: RedIndicesPolicy) =>
  probe.redIndices.length > 0 && probe.redIndices.length < redLimit(probe, policy);

const redLimit = ({ managedIndices }: Answer, { share }: RedIndicesPolicy) =>
  Math.max(1, Math.ceil(share * managedIndices));

/** More of them would hide the rest of the sentence. */
const INDICES_NAMED = 10;

export function withoutPrimary(indices: readonly string[]): string {
  return `managed indices without a primary: ${indices.length === 0 ? "unnamed" : listed(indices, INDICES_NAMED)}`;
}
