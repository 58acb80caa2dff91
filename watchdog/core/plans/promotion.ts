import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { IndexState } from "../state/cluster.ts";
import type { StandbySnapshot } from "../state/observations.ts";
import { isManaged, type ManagedPatterns } from "../state/patterns.ts";
import { notStarted, type Plan, type PlanStep, type StepKind, type StepOf } from "../state/plan.ts";
import type { LeaderSnapshot } from "../state/record-fields.ts";
import { liftBlocks } from "./write-blocks.ts";

/**
 * The promotion of a standby, from its snapshot. Auto-follow is paused first, so that no follower appears while the
 * others are detached. Checkpoints are recorded once nothing advances them, and before closing the indices, which hides
 * them. Routers open only after `verify`. Every step may run any number of times.
 */
export function planPromotion(
  from: RegionName,
  standby: StandbySnapshot,
  leader: LeaderSnapshot | null,
  config: Pick<WatchdogConfig, "promotion" | "replication">,
  nowMs: number,
  /** Indices of the standby that are marked as write-blocked. */
  marked: readonly string[] = [],
): Plan {
  const { drainTimeoutMs } = config.promotion;
  return {
    kind: "promotion",
    createdAtMs: nowMs,
    steps: [
      { kind: "pause-auto-follow", ...notStarted, patterns: patternsFrom(from, standby) },
      { kind: "drain", ...notStarted, timeoutMs: drainTimeoutMs, leaderCheckpoints: null },
      ...detachFollowers(from, standby),
      ...liftBlocks(marked),
      ...openForWrites(from, standby, leader, config.replication),
    ],
  };
}

/** The steps after which no index follows the old region, and the last checkpoint of each shard is recorded. */
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

/** The steps that make the detached indices accept writes, and prove that they do. */
export function openForWrites(
  from: RegionName,
  standby: StandbySnapshot,
  leader: LeaderSnapshot | null,
  managed: ManagedPatterns,
): readonly PlanStep[] {
  const indices = followersFrom(from, standby);
  const inDataStream = new Set(standby.indices.filter(({ dataStream }) => dataStream !== null).map(({ name }) => name));
  const plain = standby.indices.filter(({ name }) => indices.includes(name) && !inDataStream.has(name));
  return [
    { kind: "write-aliases", ...notStarted, aliases: writeAliases(plain, leader, managed) },
    { kind: "data-streams", ...notStarted, dataStreams: replicatedDataStreams(standby) },
    { kind: "verify", ...notStarted, indices },
  ];
}

const followersFrom = (from: RegionName, { followers }: StandbySnapshot) =>
  followers
    .filter(({ remoteCluster }) => remoteCluster === from)
    .map(({ index }) => index)
    .toSorted();

/**
 * The plan with followers that appeared after it was made, as auto-follow creates them asynchronously: the steps from
 * `pause-follow` on run again, for these too. What was recorded stays; indices that are detached stay as they are.
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

/** All patterns that follow the old region, paused ones too: pausing again does no harm, and none is missed. */
function patternsFrom(from: RegionName, { autoFollow }: StandbySnapshot): readonly string[] {
  return autoFollow.filter(({ remoteCluster }) => remoteCluster === from).map(({ name }) => name);
}

/**
 * The write index of each alias. CCR sets `is_write_index` to false on every follower, so after a promotion an alias
 * accepts no write until it is set again: to the old region's choice, or to the alias's only index. An alias outside the
 * managed patterns is left out: the watchdog has no privilege to change it, and the failed step would block the rest.
 */
function writeAliases(
  indices: readonly IndexState[],
  leader: LeaderSnapshot | null,
  managed: ManagedPatterns,
): readonly { readonly alias: string; readonly index: string }[] {
  const chosen = new Map((leader?.writeAliases ?? []).map(({ alias, index }) => [alias, index]));
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
