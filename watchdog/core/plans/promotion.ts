import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { IndexState } from "../ports.ts";
import type { StandbyView } from "../state/observations.ts";
import { isManaged, type ManagedPatterns } from "../state/patterns.ts";
import type { LeaderSight, Plan, PlanStep, StepKind, StepOf } from "../state/record.ts";

/** A step that has not begun. */
export const notStarted = {
  status: "pending",
  attempts: 0,
  startedAtMs: null,
  finishedAtMs: null,
  error: null,
} as const;

/**
 * The promotion of a standby, from what was observed of it. Auto-follow goes first, so that no follower appears while
 * the others are cut loose; checkpoints are recorded once nothing moves them any more, and before indices are closed,
 * which hides them; the routes open only after `verify`. Every step may be run any number of times.
 */
export function planPromotion(
  from: RegionName,
  standby: StandbyView,
  sight: LeaderSight | null,
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
      ...cuttingLoose(from, standby),
      ...liftingBlocks(blocked),
      ...openingForWrites(from, standby, sight, config.replication),
    ],
  };
}

/** The steps after which nothing follows the old region any more, and it is known how far each shard had come. */
export function cuttingLoose(from: RegionName, standby: StandbyView): readonly PlanStep[] {
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
export function openingForWrites(
  from: RegionName,
  standby: StandbyView,
  sight: LeaderSight | null,
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
export function liftingBlocks(indices: readonly string[]): readonly PlanStep[] {
  return indices.length === 0 ? [] : [{ kind: "lift-write-block", ...notStarted, indices }];
}

const followersFrom = (from: RegionName, { followers }: StandbyView) =>
  followers
    .filter(({ remoteCluster }) => remoteCluster === from)
    .map(({ index }) => index)
    .toSorted();

/** The first step that is not done, or null when all are. */
export function currentStep(plan: Plan): PlanStep | null {
  return plan.steps.find(({ status }) => status !== "done") ?? null;
}

/** True once a step began that cannot be taken back: an unfollowed index follows again only as a new copy. */
export function isIrreversible(plan: Plan): boolean {
  return plan.steps.some(({ kind, status, attempts }) => kind === "unfollow" && (status !== "pending" || attempts > 0));
}

/** The step of one kind, with what it recorded. */
export function stepOf<K extends StepKind>(plan: Plan, kind: K): StepOf<K> | null {
  const step = plan.steps.find((candidate) => candidate.kind === kind);
  return (step as StepOf<K> | undefined) ?? null;
}

/** The plan with one step replaced. */
export function withStep(plan: Plan, step: PlanStep): Plan {
  return { ...plan, steps: plan.steps.map((old) => (old.kind === step.kind ? step : old)) };
}

/**
 * The plan with followers that appeared after it was made (auto-follow creates them in its own time): the steps from
 * the pausing on are open again and cover them too. What was recorded stays; indices that are through stay as they are.
 */
export function extended(plan: Plan, late: readonly string[]): Plan {
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

/** What a step works on, for people. */
export function describeStep(step: PlanStep): string {
  switch (step.kind) {
    case "pause-auto-follow":
      return `pause ${count(step.patterns.length, "auto-follow pattern")}`;
    case "drain":
      return `wait up to ${step.timeoutMs} ms for replication that still advances`;
    case "record-checkpoints":
      return `record the checkpoints of ${count(step.indices.length, "index", "indices")}`;
    case "pause-follow":
    case "close":
    case "unfollow":
    case "open":
    case "verify":
      return `${step.kind} ${count(step.indices.length, "index", "indices")}`;
    case "write-aliases":
      return `set ${count(step.aliases.length, "write alias", "write aliases")}`;
    case "data-streams":
      return `promote and roll over ${count(step.dataStreams.length, "data stream")}`;
    case "block-writes":
      return `block writes to ${count(step.indices.length, "index", "indices")} of the region that is left`;
    case "catch-up":
      return `wait up to ${step.timeoutMs} ms until every shard has reached its leader`;
    case "lift-write-block":
      return `take the write blocks off ${count(step.indices.length, "index", "indices")}`;
    case "fence":
      return "block writes to every managed index that the former primary holds of its own";
    case "salvage":
      return step.report === null
        ? "bring to safety what the former primary holds above the recorded checkpoints"
        : `brought ${count(step.report.operations, "operation")} to safety in ${step.report.place}`;
    case "clear":
      return step.policy === "delete"
        ? "delete the salvaged indices of the former primary"
        : "delete the salvaged indices that the active region has too, and set the others aside";
    default:
      throw new Error(`unknown step in ${JSON.stringify(step satisfies never)}`);
  }
}

const count = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** All patterns that follow the old region, paused ones too: pausing again costs nothing and leaves no gap. */
function patternsFrom(from: RegionName, { autoFollow }: StandbyView): readonly string[] {
  return autoFollow.filter(({ remoteCluster }) => remoteCluster === from).map(({ name }) => name);
}

/**
 * Which index each alias is to write to. CCR sets `is_write_index` to false on every follower, so an alias accepts no
 * write after promotion unless it is told. The old region's choice counts; an alias over a single index needs none. One
 * outside the managed patterns is left out: the watchdog may not turn it, and its refusal would hold up all else.
 */
function writeAliases(
  indices: readonly IndexState[],
  sight: LeaderSight | null,
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

function replicatedDataStreams({ dataStreams }: StandbyView): readonly string[] {
  return dataStreams.filter(({ replicated }) => replicated).map(({ name }) => name);
}
