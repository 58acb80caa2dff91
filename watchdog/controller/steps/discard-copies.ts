import type { IndexState } from "../../core/state/cluster.ts";
import { isUnfinished } from "../../core/state/first-copy.ts";
import type { StepOf } from "../../core/state/plan.ts";
import type { LeftOut } from "../../core/state/record-fields.ts";
import { neverComplete } from "../../core/state/unfinished-copies.ts";
import { messageOf } from "../../util/errors.ts";
import { deleteInBatches } from "./deletion.ts";
import { LateFollowers } from "./followers-changed.ts";
import { followersOf, inBatches, lacksPrimary, presentOf, type StepContext } from "./step.ts";

/**
 * Deletes unfinished first copies, and copies of deleted leaders. It never holds the change up: it takes one request's timeout
 * at most, and what is still there afterwards is named; a repair deletes it later.
 *
 * @throws LateFollowers, where a copy is complete by now
 */
export async function discardCopies(context: StepContext, step: StepOf<"discard-copies">) {
  const { clock, config, signal } = context;
  const timeoutMs = config.elasticsearch.requestTimeoutMs;
  const allFailed = (reason: string) => step.copies.map(({ index }) => ({ index, reason }));
  const over = new AbortController();
  const timedOut = clock
    .sleep(timeoutMs, AbortSignal.any([signal, over.signal]))
    .then(() => allFailed(`no answer within ${timeoutMs} ms`));
  const assertStillController = () => {
    over.signal.throwIfAborted();
    context.assertStillController();
  };
  try {
    const failures = await Promise.race([discard({ ...context, assertStillController }, step), timedOut]);
    signal.throwIfAborted();
    return { ...step, failures };
  } catch (error) {
    if (error instanceof LateFollowers || signal.aborted) throw error;
    return { ...step, failures: allFailed(messageOf(error)) };
  } finally {
    // Nothing is sent from now on, and the time limit need not be awaited.
    over.abort();
    timedOut.catch(() => undefined);
  }
}

/** Returns what is still there, and why. */
async function discard(context: StepContext, step: StepOf<"discard-copies">): Promise<readonly LeftOut[]> {
  const { cluster } = context;
  const present = async () => {
    const indices = await presentOf(cluster, namesOfCopies(step));
    // One of another UUID is another index: nothing of the plan's is left.
    return indices.filter(({ name, uuid }) => step.copies.some((copy) => copy.index === name && copy.uuid === uuid));
  };
  const found = await present();
  const ofDeleted = new Map(
    step.copies.flatMap(({ index, deletedLeader }) => (deletedLeader ? [[index, deletedLeader]] : [])),
  );
  const isOfDeleted = ({ name, following }: IndexState) => following && ofDeleted.has(name);
  const complete = found.filter(
    (index) => index.following && !isOfDeleted(index) && !isUnfinished(index) && !lacksPrimary(index),
  );
  if (complete.length > 0) throw new LateFollowers(complete.map(({ name }) => name));
  const isDeletable = await deletableNow(context, step, found);
  const doomed = found.filter((index) => isDeletable(index) || isOfDeleted(index));
  // Elasticsearch refuses to delete an index with `read_only`, which comes along from its leader.
  const blocked = doomed.filter(({ writeBlocked }) => writeBlocked).map(({ name }) => name);
  const notLifted = await inBatches(context, blocked, (batch) => cluster.liftFollowerBlocks(batch));
  const confirmController = async (): Promise<void> => {
    await assertUnfinished(
      context,
      step,
      doomed.filter((index) => !isOfDeleted(index)),
    );
    await assertOfDeleted(context, doomed.filter(isOfDeleted), ofDeleted);
    await context.confirmController();
  };
  const notDeleted = await deleteInBatches({ ...context, confirmController }, doomed);
  const failure = [...notDeleted, ...notLifted][0] ?? "it is still there after its deletion";
  return (await present())
    .filter(({ following }) => following)
    .map((index) => ({
      index: index.name,
      reason: isDeletable(index) || isOfDeleted(index) ? failure : keptBecause(index),
    }));
}

/** A follower keeps the leader that it was made with: one of another leader is another index. */
async function assertOfDeleted(
  { cluster, other }: StepContext,
  doomed: readonly IndexState[],
  leaders: ReadonlyMap<string, string>,
): Promise<void> {
  if (doomed.length === 0) return;
  const followed = new Map(
    (await followersOf(cluster, other.region)).map(({ index, leaderUuid }) => [index, leaderUuid]),
  );
  const others = doomed.map(({ name }) => name).filter((name) => followed.get(name) !== leaders.get(name));
  if (others.length > 0) throw new Error(`${others.join(", ")} follows another index by now: nothing is deleted`);
}

/** A copy may have ended since it was chosen: what is left of that risk is one round trip. */
async function assertUnfinished(
  context: StepContext,
  step: StepOf<"discard-copies">,
  doomed: readonly IndexState[],
): Promise<void> {
  if (doomed.length === 0) return;
  const now = await presentOf(
    context.cluster,
    doomed.map(({ name }) => name),
  );
  const isDeletable = await deletableNow(context, step, now);
  const complete = now.filter((index) => !isDeletable(index)).map(({ name }) => name);
  if (complete.length > 0) throw new Error(`the first copy of ${complete.join(", ")} has ended: nothing is deleted`);
}

const namesOfCopies = ({ copies }: StepOf<"discard-copies">) => copies.map(({ index }) => index);

/**
 * Which copies may be deleted. A primary that is complete may be the only copy of its documents. A restart of the whole cluster
 * ends first copies, which then look like followers whose node is away: those of the plan were seen unfinished, so that one is
 * deleted once all configured nodes are there and have no copy of it.
 */
async function deletableNow(
  { cluster, config }: StepContext,
  { copies }: StepOf<"discard-copies">,
  indices: readonly IndexState[],
): Promise<(index: IndexState) => boolean> {
  const configured = config.regions[cluster.region];
  const ended =
    configured !== undefined && indices.some(({ noCopy }) => noCopy)
      ? neverComplete({ unfinishedCopies: copies }, await cluster.probe(), configured)
      : new Set<string>();
  return (index) =>
    index.primariesActive === 0 && (isUnfinished(index) || (index.following && index.noCopy && ended.has(index.uuid)));
}

const keptBecause = ({ primaries, primariesActive }: IndexState) =>
  primariesActive === 0
    ? "it has no primary now, which a node that is away may hold: it is kept"
    : `${primariesActive} of ${primaries} primaries are complete, and may be the only copy: it is kept`;
