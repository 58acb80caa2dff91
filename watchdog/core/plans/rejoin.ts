import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { duration, size } from "../../util/text.ts";
import type { IndexState } from "../state/cluster.ts";
import type { Divergence } from "../state/divergence.ts";
import { divergenceOf } from "../state/divergence.ts";
import { isOwn } from "../state/followable.ts";
import type { StandbySnapshot } from "../state/observations.ts";
import type { Plan, PlanStep } from "../state/plan.ts";
import { currentStep, notStarted, stepOf } from "../state/plan.ts";
import type { ServingRecord, StandbyState } from "../state/record.ts";

/**
 * A former primary becomes the standby. It is fenced first, so that its indices do not change while they are salvaged;
 * only then does it make room for followers of the active region.
 */
export function planRejoin(
  { active, halfPromoted, lastFailover }: ServingRecord,
  former: StandbySnapshot,
  policy: WatchdogConfig["rejoin"]["policy"],
  nowMs: number,
): Plan {
  // The cost of a switchover was shown and confirmed before it began, and it lost nothing.
  const isSwitchover = halfPromoted?.region !== former.region && lastFailover?.kind === "switchover";
  const clearing = policy === "wait" && isSwitchover ? "delete" : policy;
  const writable = former.indices.filter((index) => isOwn(index) && index.open && !index.writeBlocked);
  const patterns = former.autoFollow.filter(({ remoteCluster }) => remoteCluster === active).map(({ name }) => name);
  const ours = new Set(
    halfPromoted?.region === former.region ? halfPromoted.checkpoints.map(({ index }) => index) : [],
  );
  // Closed by a promotion that was undone: a closed index can be neither read nor write-blocked.
  const closed = former.indices.filter(({ name, open, following }) => !open && !following && ours.has(name));
  const opening: readonly PlanStep[] =
    closed.length === 0 ? [] : [{ kind: "open", ...notStarted, indices: closed.map(({ name }) => name).toSorted() }];
  return {
    kind: "rejoin",
    createdAtMs: nowMs,
    steps: [
      ...opening,
      { kind: "fence", ...notStarted, indices: writable.map(({ name }) => name).toSorted() },
      { kind: "pause-auto-follow", ...notStarted, patterns },
      { kind: "salvage", ...notStarted, report: null },
      { kind: "clear", ...notStarted, policy: clearing, deleted: [], setAside: [] },
    ],
  };
}

/** Whether the plan waits for an operator, who decides what is deleted. */
export function awaitsDecision(plan: Plan): boolean {
  const step = currentStep(plan);
  return step?.kind === "clear" && step.policy === "wait";
}

/** Elasticsearch's default bound on what one node copies: `indices.recovery.max_bytes_per_sec`, and the same of CCR. */
const COPY_BYTES_PER_SECOND = 40 * 1024 ** 2;

/** What is at stake while the former primary is cleared and copies again; null before that, or when it is not known. */
export function stakeOf(plan: Plan, active: RegionName): string | null {
  const bytes = stepOf(plan, "salvage")?.report?.copyBytes ?? null;
  if (currentStep(plan)?.kind !== "clear" || bytes === null) return null;
  const atLeast = duration((bytes / COPY_BYTES_PER_SECOND) * 1_000);
  return (
    `the only full copy is then in ${active} until ${size(bytes)} are copied, about ${atLeast} at 40 MiB/s ` +
    "(Elasticsearch's default for one node)"
  );
}

/** The state of a standby while it rejoins. */
export function standbyDuring(plan: Plan): StandbyState {
  const step = currentStep(plan);
  return step === null || step.kind === "salvage" || step.kind === "clear" ? "salvaging" : "fencing";
}

/**
 * Whether a region may have writes that exist nowhere else, so that it has to rejoin: it was the active region before
 * the current one, or its promotion was undone half-way.
 */
export function isFormerPrimary(record: ServingRecord, region: RegionName): boolean {
  return wasActive(record, region) || record.halfPromoted?.region === region;
}

const wasActive = ({ lastFailover, active }: ServingRecord, region: RegionName) =>
  lastFailover?.from === region && lastFailover.to === active && lastFailover.rejoinedAtMs === null;

/**
 * Where a former primary and the active region diverged, for the indices that the former primary has now. Checkpoints
 * are of the indices that were followed then: a later index of the same name was never replicated, so all of it counts
 * as diverged.
 */
export function divergenceFrom(
  record: ServingRecord,
  region: RegionName,
  indices: readonly Pick<IndexState, "name" | "uuid">[],
): Divergence {
  const known = wasActive(record, region) ? divergenceOf(record) : null;
  if (known === null) {
    const { epoch, active, startedAtMs, halfPromoted } = record;
    const recorded = halfPromoted?.region === region ? halfPromoted.checkpoints : [];
    const checkpoints = recorded.map(({ index, shard, globalCheckpoint: checkpoint }) => ({
      index,
      shard,
      checkpoint,
    }));
    return { epoch, oldRegion: region, newRegion: active, promotedAtMs: startedAtMs, checkpoints };
  }
  const then = new Map((record.lastFailover?.uuids ?? []).map(({ index, uuid }) => [index, uuid]));
  const now = new Map(indices.map(({ name, uuid }) => [name, uuid]));
  const isTheSame = (index: string) => !then.has(index) || then.get(index) === now.get(index);
  return { ...known, checkpoints: known.checkpoints.filter(({ index }) => isTheSame(index)) };
}
