import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { IndexState } from "../state/cluster.ts";
import type { StandbySnapshot } from "../state/observations.ts";
import { isManaged, type ManagedPatterns } from "../state/patterns.ts";
import { notStarted, type Plan, type PlanStep, type StepKind, type StepOf } from "../state/plan.ts";
import type { LeaderSnapshot } from "../state/record-fields.ts";

/**
 * The promotion of a standby, from what was observed of it. Auto-follow goes first, so that no follower appears while
 * the others are cut loose; checkpoints are recorded once nothing moves them any more, and before indices are closed,
 * which hides them; the routes open only after `verify`. Every step may be run any number of times.
 */
export function planPromotion(
  from: RegionName,
  standby: StandbySnapshot,
  sight: LeaderSnapshot | null,
  config: Pick<WatchdogConfig, "promotion" | "replication">,
  nowMs: number,
  /** Indices that this system blocked while the region was a former primary: they are to accept writes again. */
  blocked: readonly string[] = [],
): Plan {
  const { drainTimeoutMs } = config.promotion;
  return {
    kind: "promotion",
    createdAtMs: nowMs,
    steps: [
      { kind: "pause-auto-follow", ...notStarted, patterns: patternsFrom(from, standby) },
      { kind: "drain", ...notStarted, timeoutMs: drainTimeoutMs, leaderCheckpoints: null },
      ...detachFollowers(from, standby),
      ...liftBlocks(blocked),
      ...openForWrites(from, standby, sight, config.replication),
    ],
  };
}

/** The steps after which nothing follows the old region any more, and it is known how far each shard had come. */
export function detachFollowers(from: RegionName, standby: StandbySnapshot): readonly PlanStep[] {
  const indices = followersFrom(from, standby);
  return [
    { kind: "pause-follow", ...notStarted, indices },
    { kind: "record-checkpoints", ...notStarted, indices, checkpoints: null, loss: null },
    { kind: "close", ...notStarted, indices },
    { kind: "unfollow", ...notStarted, indices },
    { kind: "open", ...notStarted, indices },
  ];
}

/** The steps that make what was cut loose ready for writes, and prove it. */
export function openForWrites(
  from: RegionName,
  standby: StandbySnapshot,
  sight: LeaderSnapshot | null,
  managed: ManagedPatterns,
): readonly PlanStep[] {
  const indices = followersFrom(from, standby);
  const inDataStream = new Set(standby.indices.filter(({ dataStream }) => dataStream !== null).map(({ name }) => name));
  const plain = standby.indices.filter(({ name }) => indices.includes(name) && !inDataStream.has(name));
  return [
    { kind: "write-aliases", ...notStarted, aliases: writeAliases(plain, sight, managed) },
    { kind: "data-streams", ...notStarted, dataStreams: replicatedDataStreams(standby) },
    { kind: "verify", ...notStarted, indices },
  ];
}

/** No step where there is nothing to lift. */
export function liftBlocks(indices: readonly string[]): readonly PlanStep[] {
  return indices.length === 0 ? [] : [{ kind: "lift-write-block", ...notStarted, indices }];
}

const followersFrom = (from: RegionName, { followers }: StandbySnapshot) =>
  followers
    .filter(({ remoteCluster }) => remoteCluster === from)
    .map(({ index }) => index)
    .toSorted();

/**
 * The plan with followers that appeared after it was made (auto-follow creates them in its own time): the steps from
 * the pausing on are open again and cover them too. What was recorded stays; indices that are through stay as they are.
 */
export function withLateFollowers(plan: Plan, late: readonly string[]): Plan {
  const withLate = (indices: readonly string[]) => [...new Set([...indices, ...late])].toSorted();
  return {
    ...plan,
    steps: plan.steps.map((step) =>
      isPerFollower(step) ? { ...step, ...notStarted, attempts: step.attempts, indices: withLate(step.indices) } : step,
    ),
  };
}

const perFollower = ["pause-follow", "record-checkpoints", "close", "unfollow", "open", "verify"] as const;

const isPerFollower = (step: PlanStep): step is StepOf<(typeof perFollower)[number]> =>
  (perFollower as readonly StepKind[]).includes(step.kind);

/** All patterns that follow the old region, paused ones too: pausing again costs nothing and leaves no gap. */
function patternsFrom(from: RegionName, { autoFollow }: StandbySnapshot): readonly string[] {
  return autoFollow.filter(({ remoteCluster }) => remoteCluster === from).map(({ name }) => name);
}

/**
 * Which index each alias is to write to. CCR sets `is_write_index` to false on every follower, so an alias accepts no
 * write after promotion unless it is told. The old region's choice counts; an alias over a single index needs none. One
 * outside the managed patterns is left out: the watchdog may not turn it, and its refusal would hold up all else.
 */
function writeAliases(
  indices: readonly IndexState[],
  sight: LeaderSnapshot | null,
  managed: ManagedPatterns,
): readonly { readonly alias: string; readonly index: string }[] {
  const chosen = new Map((sight?.writeAliases ?? []).map(({ alias, index }) => [alias, index]));
  const members = new Map<string, string[]>();
  for (const { name, aliases } of indices) {
    for (const { alias } of aliases.filter((membership) => isManaged(managed, membership.alias)))
      members.set(alias, [...(members.get(alias) ?? []), name]);
  }
  return [...members].flatMap(([alias, names]) => {
    const choice = chosen.get(alias);
    if (choice !== undefined && names.includes(choice)) return [{ alias, index: choice }];
    const [only, ...others] = names;
    return only !== undefined && others.length === 0 ? [{ alias, index: only }] : [];
  });
}

function replicatedDataStreams({ dataStreams }: StandbySnapshot): readonly string[] {
  return dataStreams.filter(({ replicated }) => replicated).map(({ name }) => name);
}
