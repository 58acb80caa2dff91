import { unreadAdvice } from "../../core/plans/describe-step.ts";
import { divergenceFrom } from "../../core/plans/rejoin.ts";
import type { ClusterProbe, DoomedIndex, IndexId, IndexState } from "../../core/state/cluster.ts";
import { isOwn } from "../../core/state/followable.ts";
import type { PlanStep, StepOf } from "../../core/state/plan.ts";
import { anyRedIndex, probeFailure } from "../../core/state/probe-verdict.ts";
import type { ServingRecord } from "../../core/state/record.ts";
import { indicesToJoin, unreadToJoin } from "../../core/state/to-join.ts";
import { listed } from "../../util/text.ts";
import { followersInStreamsOf } from "./data-streams.ts";
import { deleteInBatches } from "./deletion.ts";
import { assertNoneLeft, inBatches, namesOf, type StepContext } from "./step.ts";
import { blockMarked } from "./write-blocks.ts";

/** A closed index takes no writes anyway. */
const takesWrites = (index: IndexState) => isOwn(index) && index.open && !index.writeBlocked;

/**
 * Sets write blocks on every index of the former primary's own.
 *
 * @throws UnmarkedIndices
 */
export async function fence(context: StepContext, step: StepOf<"fence">): Promise<PlanStep> {
  await blockMarked(context, context.cluster, takesWrites);
  return step;
}

/** Exports the operations above the recorded checkpoints. Indices that cannot be read are reported, and kept by `clear`. */
export async function salvage(context: StepContext, step: StepOf<"salvage">): Promise<PlanStep> {
  const { cluster, other, assertStillController } = context;
  const divergence = divergenceFrom(servingOf(context), cluster.region, await cluster.indices());
  const report = await context.salvage.export(divergence, cluster, assertStillController);
  // For people only: a region that does not tell its size holds nothing up.
  const copyBytes = await context.salvage.sizeOf(other).catch(() => null);
  return { ...step, report: { ...report, copyBytes } };
}

/**
 * Makes room for followers, deleting only authorized indices. Deletes nothing while the active region is unhealthy,
 * because the two regions may then hold the only copies.
 */
export async function clear(context: StepContext, step: StepOf<"clear">): Promise<PlanStep> {
  const { cluster, other } = context;
  if (step.policy === "wait") throw new Error("nothing is deleted before an operator decides: es-failover rejoin");
  // What the active region has yet to serve stays until it has joined there: this may be the only copy that is well.
  const kept = new Set(indicesToJoin(servingOf(context)));
  const probe = await other.probe();
  const failure = probeFailure(probe, anyRedIndex);
  if (failure !== null) {
    throw new Error(`nothing is deleted while ${other.region} is unhealthy: ${failure}${adviceOn(probe, context)}`);
  }
  const own = (index: IndexState) => isOwn(index) && !kept.has(index.name);
  // What the active region still follows is of this region: the unfinished copy of an index that was left out.
  const isLed = ledBy(await other.indices());
  const toDelete = async () =>
    namesOf(await cluster.indices(), (index) => own(index) && (step.policy === "delete" || isLed(index)));
  const toSetAside = async () => namesOf(await cluster.indices(), (index) => own(index) && index.open && !isLed(index));

  // An index created since the fence is salvaged like the others.
  await blockMarked(context, cluster, takesWrites);
  const authorized = await authorizedOf(context, await toDelete());
  const failures = await deleteInBatches(context, [
    ...authorized,
    ...(await followersInStreamsOf(context, authorized)),
  ]);
  assertNoneLeft(await toDelete(), `indices of ${cluster.region} not deleted`, failures);
  const aside = step.policy === "keep" ? await toSetAside() : [];
  const notClosed = await inBatches(context, aside, async (batch) => {
    await context.confirmController();
    await cluster.closeIndices(batch);
  });
  if (step.policy === "keep") {
    assertNoneLeft(await toSetAside(), `indices of ${cluster.region} not set aside`, notClosed);
  }
  return {
    ...step,
    deleted: [...new Set([...step.deleted, ...namesOf(authorized, () => true)])].toSorted(),
    setAside: [...new Set([...step.setAside, ...aside])].toSorted(),
  };
}

/** Of what the active region serves, this region has no more than its salvage: no such advice is given there. */
function adviceOn(probe: ClusterProbe, { record, cluster, other }: StepContext): string {
  const unread = record.lastFailover === null ? [] : unreadToJoin(record.lastFailover);
  const lacking = probe.reachable ? probe.redIndices.filter((name) => unread.includes(name)) : [];
  return lacking.length === 0 ? "" : `; ${listed(lacking)} was left out: ${unreadAdvice(other.region, cluster.region)}`;
}

/**
 * Whether an index has to make room for a follower: the active region has one of its name. A data stream that both regions
 * have goes as a whole, as one that is not replicated refuses to follow.
 */
function ledBy(active: readonly IndexState[]): (index: IndexState) => boolean {
  const leaders = active.filter(isOwn);
  const names = new Set(leaders.map(({ name }) => name));
  const streams = new Set(leaders.flatMap(({ dataStream }) => dataStream ?? []));
  return ({ name, dataStream }) => names.has(name) || (dataStream !== null && streams.has(dataStream));
}

/** The receipt is on the host that exported: a watchdog that continues in its place exports again. */
async function authorizedOf(context: StepContext, indices: readonly string[]): Promise<readonly DoomedIndex[]> {
  const { cluster, assertStillController } = context;
  if (indices.length === 0) return [];
  const states = await cluster.indices();
  const divergence = divergenceFrom(servingOf(context), cluster.region, states);
  const streamOf = new Map(states.map(({ uuid, dataStream }) => [uuid, dataStream]));
  const doomed = (authorized: readonly IndexId[]) =>
    authorized.map((index) => ({ ...index, dataStream: streamOf.get(index.uuid) ?? null }));
  const first = await context.salvage.authorizeDelete(divergence, cluster, indices);
  if ("authorized" in first) return doomed(first.authorized);
  await context.salvage.export(divergence, cluster, assertStillController);
  const second = await context.salvage.authorizeDelete(divergence, cluster, indices);
  if ("authorized" in second) return doomed(second.authorized);
  const reasons = second.refusals.map(({ index, reason }) => `${index}: ${reason}`);
  const what = `not salvaged, so nothing of ${cluster.region} is deleted; repair these indices, or discard them by name`;
  assertNoneLeft(reasons, what, []);
  return [];
}

function servingOf({ record }: StepContext): ServingRecord {
  if (record.phase !== "serving") throw new Error(`a rejoin in the phase ${record.phase}`);
  return record;
}
