import { divergenceFrom } from "../../core/plans/rejoin.ts";
import type { IndexState } from "../../core/state/cluster.ts";
import { probeFailure } from "../../core/state/health.ts";
import type { PlanStep, StepOf } from "../../core/state/plan.ts";
import type { ServingRecord } from "../../core/state/record.ts";
import { assertNoneLeft, inBatches, namesOf, type StepContext } from "./step.ts";

/** What a former primary holds itself, as opposed to followers that it may have already. */
const own = (index: IndexState) => !index.following;

/** Write blocks on everything that the former primary holds of its own. A closed index takes no writes as it is. */
export async function fence(context: StepContext, step: StepOf<"fence">): Promise<PlanStep> {
  const blocked = await blockOwn(context);
  return { ...step, indices: [...new Set([...step.indices, ...blocked])].toSorted() };
}

async function blockOwn(context: StepContext): Promise<readonly string[]> {
  const { cluster } = context;
  const writable = async () =>
    namesOf(await cluster.indices(), (index) => own(index) && index.open && !index.writeBlocked);
  const found = await writable();
  const failures = await inBatches(context, found, (batch) => cluster.setWriteBlock(batch, true));
  assertNoneLeft(await writable(), `indices of ${cluster.region} that still take writes`, failures);
  return found;
}

/** What lies above the recorded checkpoints is brought to safety. What cannot be read is said, and kept by `clear`. */
export async function salvage(context: StepContext, step: StepOf<"salvage">): Promise<PlanStep> {
  const { cluster, assertStillController } = context;
  const divergence = divergenceFrom(servingOf(context), cluster.region, await cluster.indices());
  return { ...step, report: await context.salvage.export(divergence, cluster, assertStillController) };
}

/**
 * Makes room for followers, index by index with a permit and not otherwise. Nothing is deleted while the active region
 * is not well: what the two of them hold is then all there is.
 */
export async function clear(context: StepContext, step: StepOf<"clear">): Promise<PlanStep> {
  const { cluster, other } = context;
  const trouble = probeFailure(await other.probe());
  if (trouble !== null) throw new Error(`nothing is deleted while ${other.region} is not well: ${trouble}`);
  const led = new Set((await other.indices()).map(({ name }) => name));
  const doomed = async () =>
    namesOf(await cluster.indices(), (index) => own(index) && (step.policy === "delete" || led.has(index.name)));
  const spared = async () =>
    namesOf(await cluster.indices(), (index) => own(index) && index.open && !led.has(index.name));

  // One that somebody made since it was fenced is salvaged like the others.
  await blockOwn(context);
  const authorized = await authorizedOf(context, await doomed());
  const failures = await inBatches(context, authorized, (batch) => cluster.deleteIndices(batch));
  assertNoneLeft(await doomed(), `indices of ${cluster.region} still there`, failures);
  const aside = step.policy === "keep" ? await spared() : [];
  const notClosed = await inBatches(context, aside, (batch) => cluster.closeIndices(batch));
  if (step.policy === "keep") assertNoneLeft(await spared(), `indices of ${cluster.region} not set aside`, notClosed);
  return {
    ...step,
    deleted: [...new Set([...step.deleted, ...authorized])].toSorted(),
    setAside: [...new Set([...step.setAside, ...aside])].toSorted(),
  };
}

/** The proof lies on the host of whoever salvaged: a watchdog that goes on in its place salvages anew. */
async function authorizedOf(context: StepContext, indices: readonly string[]): Promise<readonly string[]> {
  const { cluster, assertStillController } = context;
  if (indices.length === 0) return [];
  const divergence = divergenceFrom(servingOf(context), cluster.region, await cluster.indices());
  const first = await context.salvage.authorizeDelete(divergence, cluster, indices);
  if ("authorized" in first) return first.authorized;
  await context.salvage.export(divergence, cluster, assertStillController);
  const second = await context.salvage.authorizeDelete(divergence, cluster, indices);
  if ("authorized" in second) return second.authorized;
  const reasons = second.refusals.map(({ index, reason }) => `${index}: ${reason}`);
  assertNoneLeft(reasons, `not salvaged, so nothing of ${cluster.region} is deleted; mend or discard by name`, []);
  return [];
}

function servingOf({ record }: StepContext): ServingRecord {
  if (record.phase !== "serving") throw new Error(`a rejoin in the phase ${record.phase}`);
  return record;
}
