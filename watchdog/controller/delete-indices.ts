import type { Cluster } from "../core/ports/cluster.ts";
import type { DataStreamState, DoomedIndex, IndexId } from "../core/state/cluster.ts";

type DeletingCluster = Pick<Cluster, "region" | "uuids" | "deleteIndices" | "dataStreams" | "deleteDataStream">;

/**
 * The only way to delete indices: each one must still be the index that was meant, by its UUID, and the store must confirm
 * the deletion after that was read. An index that is gone already is left out. A data stream whose indices are all meant is
 * deleted as a whole, because Elasticsearch does not delete its write index alone.
 *
 * @throws Error when an index of the same name has replaced one of them, or `confirm` throws: then none is deleted; when a
 *   write index has to stay: then the others are deleted
 */
export async function deleteConfirmed(
  cluster: DeletingCluster,
  indices: readonly DoomedIndex[],
  confirm: () => Promise<void>,
): Promise<void> {
  const present = await presentOf(cluster, indices);
  if (present.length === 0) return;
  const isOfStream = present.some(({ dataStream }) => dataStream !== null);
  const { streams, kept, others } = byStream(present, isOfStream ? await cluster.dataStreams() : []);
  await confirm();
  for (const { name } of streams) await cluster.deleteDataStream(name);
  if (others.length > 0) await cluster.deleteIndices(others.map(({ name }) => name));
  if (kept.length > 0) throw new Error(kept.map(({ reason }) => reason).join("; "));
}

/** Ends what would refuse the deletion of a follower, or outlive it: a block, and the task of an active one. */
export async function quietFollower(
  cluster: Pick<Cluster, "liftFollowerBlocks" | "pauseFollow">,
  name: string,
  { isBlocked, isActive }: { readonly isBlocked: boolean; readonly isActive: boolean },
): Promise<void> {
  // The block would refuse the pause, too.
  if (isBlocked) await cluster.liftFollowerBlocks([name]);
  if (isActive) await cluster.pauseFollow(name);
}

/** Closes an index under the same conditions, so that it is replaced in its place: see `recreateFollower`. */
export async function closeConfirmed(
  cluster: Pick<Cluster, "region" | "uuids" | "closeIndices">,
  index: IndexId,
  confirm: () => Promise<void>,
): Promise<void> {
  const present = await presentOf(cluster, [index]);
  if (present.length === 0) return;
  await confirm();
  await cluster.closeIndices([index.name]);
}

async function presentOf<T extends IndexId>(
  cluster: Pick<Cluster, "region" | "uuids">,
  indices: readonly T[],
): Promise<readonly T[]> {
  const found = await cluster.uuids(indices.map(({ name }) => name));
  const present = indices.filter(({ name }) => found.has(name));
  const replaced = present.filter(({ name, uuid }) => found.get(name) !== uuid).map(({ name }) => name);
  if (replaced.length > 0) {
    throw new Error(`${replaced.join(", ")} of ${cluster.region} is another index by now: nothing is deleted`);
  }
  return present;
}

interface Deletions {
  readonly streams: readonly DataStreamState[];
  /** Write indices of streams that have to stay. */
  readonly kept: readonly { readonly index: string; readonly reason: string }[];
  /** Indices that are deleted one by one. */
  readonly others: readonly IndexId[];
}

function byStream(indices: readonly IndexId[], all: readonly DataStreamState[]): Deletions {
  const meant = new Set(indices.map(({ uuid }) => uuid));
  const names = new Set(indices.map(({ name }) => name));
  const concerned = all.filter(({ writeIndex }) => names.has(writeIndex));
  const kept = concerned.flatMap((stream) => {
    const reason = keptBecause(stream, meant);
    return reason === null ? [] : [{ index: stream.writeIndex, reason }];
  });
  const streams = concerned.filter(({ writeIndex }) => !kept.some(({ index }) => index === writeIndex));
  const spared = new Set([
    ...streams.flatMap((stream) => stream.indices.map(({ name }) => name)),
    ...kept.map(({ index }) => index),
  ]);
  return { streams, kept, others: indices.filter(({ name }) => !spared.has(name)) };
}

/** Why a stream cannot be deleted; null when it can. */
function keptBecause({ name, indices, failureIndices }: DataStreamState, meant: ReadonlySet<string>): string | null {
  const others = indices.filter(({ uuid }) => !meant.has(uuid));
  if (others.length > 0) {
    return `data stream ${name} is kept, and with it its write index: ${others.map((index) => index.name).join(", ")} is not to be deleted`;
  }
  if (failureIndices.length === 0) return null;
  return (
    `data stream ${name} is kept: nothing but this region has what is in its failure store. Copy what you need of ` +
    `${failureIndices.join(", ")}, then delete the data stream there`
  );
}
