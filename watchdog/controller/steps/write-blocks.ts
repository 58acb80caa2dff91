import type { Cluster } from "../../core/ports/cluster.ts";
import type { IndexState } from "../../core/state/cluster.ts";
import type { PlanStep, StepOf } from "../../core/state/plan.ts";
import { isMarked } from "../../core/state/write-blocks.ts";
import { assertNoneLeft, inBatches, namesOf, presentOf, type StepContext } from "./step.ts";

/** Indices to write-block that the record does not mark yet, as they were created after the plan was made. */
export class UnmarkedIndices extends Error {
  readonly region: string;
  readonly indices: readonly IndexState[];

  constructor(region: string, indices: readonly IndexState[]) {
    super(`${indices.map(({ name }) => name).join(", ")} of ${region} has to be marked before it is write-blocked`);
    this.name = "UnmarkedIndices";
    this.region = region;
    this.indices = indices;
  }
}

/**
 * Write-blocks every index of the cluster that `takesWrites`, once the record marks it: else a step that is cut off would
 * leave a block that no opening of the region lifts.
 *
 * @throws UnmarkedIndices, after which the step is to run again with these marked
 */
export async function blockMarked(
  context: StepContext,
  cluster: Cluster,
  takesWrites: (index: IndexState) => boolean,
): Promise<void> {
  const found = (await cluster.indices()).filter(takesWrites);
  const marked = found.filter((index) => isMarked(context.record, cluster.region, index));
  const failures = await block(context, cluster, marked);
  const left = (await cluster.indices()).filter(takesWrites);
  const unmarked = left.filter((index) => !isMarked(context.record, cluster.region, index));
  if (unmarked.length > 0) throw new UnmarkedIndices(cluster.region, unmarked);
  assertNoneLeft(
    left.map(({ name }) => name),
    `indices of ${cluster.region} that still take writes`,
    failures,
  );
}

async function block(
  context: StepContext,
  cluster: Cluster,
  indices: readonly IndexState[],
): Promise<readonly string[]> {
  const plain = namesOf(indices, ({ dataStream }) => dataStream === null);
  const backing = namesOf(indices, ({ dataStream }) => dataStream !== null);
  return [
    ...(await inBatches(context, plain, (batch) => cluster.setWriteBlock(batch, true))),
    ...(await inBatches(context, backing, (batch) => cluster.blockBackingIndices(batch))),
  ];
}

/** Lifts the write blocks that the record marks for the region that opens. One of another origin stays. */
export async function liftWriteBlock(context: StepContext, step: StepOf<"lift-write-block">): Promise<PlanStep> {
  const { cluster, record } = context;
  const blocked = async () =>
    namesOf(
      await cluster.indices(),
      (index) => index.open && index.writeBlocked && isMarked(record, cluster.region, index),
    );
  const failures = await inBatches(context, await blocked(), (batch) => cluster.setWriteBlock(batch, false));
  assertNoneLeft(await blocked(), `indices of ${cluster.region} that still refuse writes`, failures);
  return step;
}

/** Lifts the blocks of followers, which came along when they were made; returns their names. */
export async function liftFollowerBlocks(context: StepContext, names: readonly string[]): Promise<readonly string[]> {
  // Most polls of a switchover's write pause name none: then there is nothing to read.
  if (names.length === 0) return [];
  const { cluster } = context;
  const blocked = async () =>
    namesOf(await presentOf(cluster, names), (index) => index.following && index.writeBlocked);
  const found = await blocked();
  if (found.length === 0) return [];
  const failures = await inBatches(context, found, (batch) => cluster.liftFollowerBlocks(batch));
  assertNoneLeft(await blocked(), `followers of ${cluster.region} that still refuse writes`, failures);
  return found;
}

/** Blocks writes to promoted indices, as the users had done in the old region. */
export async function keepBlocks(context: StepContext, step: StepOf<"keep-blocks">): Promise<PlanStep> {
  const { cluster } = context;
  const open = async () => (await presentOf(cluster, step.indices)).filter((one) => one.open && !one.writeBlocked);
  const failures = await block(context, cluster, await open());
  assertNoneLeft(
    (await open()).map(({ name }) => name),
    `indices of ${cluster.region} that take writes although they were write-blocked`,
    failures,
  );
  return step;
}
