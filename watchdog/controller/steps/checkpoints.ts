import type { RegionName } from "../../config/address.ts";
import { noLoss } from "../../core/plans/switchover.ts";
import { checkpointsOf } from "../../core/ports/cluster.ts";
import type { ShardCheckpoint } from "../../core/state/cluster.ts";
import { estimateLoss, leadersOf } from "../../core/state/loss.ts";
import { type StepOf, stepOf, stuckOf } from "../../core/state/plan.ts";
import type { PlannedRecord } from "../../core/state/record.ts";
import type { IndexUuid, LossEstimate } from "../../core/state/record-fields.ts";
import { assertNoneUnfinished, LateFollowers } from "./followers-changed.ts";
import { assertNoneStuck } from "./indices-stuck.ts";
import { assertNoneLeft, followersOf, presentOf, type StepContext } from "./step.ts";

/** Records the checkpoint of each follower shard, and the loss that follows from it, before followers are detached. */
export async function recordCheckpoints({ cluster, other, record }: StepContext, step: StepOf<"record-checkpoints">) {
  const late = caughtUpLate(record, step);
  if (late.length > 0) throw new LateFollowers(late);
  // Indices recorded by an earlier run may have advanced since: their first checkpoint stays.
  const recorded = step.checkpoints ?? [];
  const known = new Set(recorded.map(({ index }) => index));
  const present = await presentOf(cluster, step.indices);
  assertNoneUnfinished(present);
  // One that follows no more by now was complete before: nothing is unfollowed yet by this plan.
  const wanted = present.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  const fresh = wanted.length === 0 ? [] : await checkpointsOf(cluster, wanted);
  if (fresh === null) return { ...step, checkpoints: recorded, loss: unmeasured(record, cluster.region) };
  const answered = new Set(fresh.map(({ index }) => index));
  assertNoneStuck(
    wanted.filter((index) => !answered.has(index)),
    {
      of: present.length,
      what: "indices without a checkpoint",
      reason: "no shard of it tells its checkpoint",
      failures: [],
    },
  );
  const followers = wanted.length === 0 ? [] : await followersOf(cluster, other.region);
  const leaders = [
    ...step.leaders.filter(({ index }) => known.has(index)),
    ...leadersOf(followers.filter(({ index }) => wanted.includes(index))),
  ];
  const checkpoints = [...recorded, ...fresh];
  return { ...step, checkpoints, leaders, loss: lossOf(record, checkpoints, leaders) };
}

/** Followers that `catch-up` compared with their leaders, but that the plan lacks: auto-follow added them after it. */
function caughtUpLate({ plan }: PlannedRecord, { indices }: StepOf<"record-checkpoints">): readonly string[] {
  const compared = stepOf(plan, "catch-up")?.leaderCheckpoints ?? [];
  const known = new Set([...indices, ...stuckOf(plan).map(({ index }) => index)]);
  return [...new Set(compared.map(({ index }) => index))].filter((index) => !known.has(index));
}

function lossOf(
  record: PlannedRecord,
  checkpoints: readonly ShardCheckpoint[],
  leaders: readonly IndexUuid[],
): LossEstimate | null {
  if (record.phase !== "promoting") return null;
  const caughtUp = stepOf(record.plan, "catch-up");
  if (caughtUp !== null) return assertNoLoss(caughtUp, checkpoints);
  return estimateLoss({
    leader: record.leaderSight,
    leaderCheckpoints: stepOf(record.plan, "drain")?.leaderCheckpoints ?? [],
    checkpoints,
    leaders,
    closedAtMs: record.closedAtMs,
  });
}

/**
 * Without a licence no checkpoint can be read. What the old region holds is then salvaged as a whole, because a shard
 * without a checkpoint counts as never followed.
 */
function unmeasured(record: PlannedRecord, region: RegionName): LossEstimate | null {
  if (record.phase !== "promoting") return null;
  if (stepOf(record.plan, "catch-up") !== null) throw new Error(`without a licence ${region} cannot prove what it has`);
  const explanation = `not known: without a licence ${region} gives no checkpoints; all that the old region holds is salvaged`;
  return { atLeast: 0, atMost: null, shards: [], unseenMs: null, explanation };
}

/** A switchover loses nothing: `catch-up` found every shard equal to its leader, and here it is checked again. */
function assertNoLoss({ leaderCheckpoints }: StepOf<"catch-up">, checkpoints: readonly ShardCheckpoint[]) {
  const reached = new Map(
    checkpoints.map(({ index, shard, globalCheckpoint }) => [`${index}/${shard}`, globalCheckpoint]),
  );
  const unequal = (leaderCheckpoints ?? [])
    .map(({ index, shard, checkpoint }) => ({ key: `${index}/${shard}`, checkpoint }))
    .filter(({ key, checkpoint }) => reached.get(key) !== checkpoint)
    .map(({ key, checkpoint }) => `${key} is at ${reached.get(key) ?? "nothing"}, its leader ended at ${checkpoint}`);
  assertNoneLeft(unequal, "shards no longer equal to their leaders", []);
  return noLoss;
}
