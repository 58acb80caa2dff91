import type { Cluster } from "../core/ports/cluster.ts";
import type { IndexId } from "../core/state/cluster.ts";

/**
 * The only way to delete indices: each one must still be the index that was meant, by its UUID, and the store must confirm
 * the deletion after that was read. An index that is gone already is left out.
 *
 * @throws Error when an index of the same name has replaced one of them, or `confirm` throws: then none is deleted
 */
export async function deleteConfirmed(
  cluster: Pick<Cluster, "region" | "uuids" | "deleteIndices">,
  indices: readonly IndexId[],
  confirm: () => Promise<void>,
): Promise<void> {
  const found = await cluster.uuids(indices.map(({ name }) => name));
  const present = indices.filter(({ name }) => found.has(name));
  const replaced = present.filter(({ name, uuid }) => found.get(name) !== uuid).map(({ name }) => name);
  if (replaced.length > 0) {
    throw new Error(`${replaced.join(", ")} of ${cluster.region} is another index by now: nothing is deleted`);
  }
  if (present.length === 0) return;
  await confirm();
  await cluster.deleteIndices(present.map(({ name }) => name));
}
