import type { RegionName } from "../../config/address.ts";
import type { IndexState } from "./cluster.ts";
import type { StateRecord, WriteBlock } from "./record.ts";

/**
 * The record marks each index that the watchdog write-blocks, before the request is sent: a step that is cut off has
 * blocked no index without a mark. Every opening of a region (the end of a promotion, a switchover that turns back, a
 * repair) lifts the blocks that are marked for it. A mark is removed once the block is seen to be lifted and no request
 * for it can be under way, or once the index is given up by a rejoin.
 */

type Marks = StateRecord["writeBlocks"];
type Index = Pick<IndexState, "name" | "uuid">;

const blocksOf = ({ writeBlocks }: Pick<StateRecord, "writeBlocks">, region: RegionName) =>
  (writeBlocks ?? []).filter((block) => block.region === region);

/** Names of the indices of a region that are marked. */
export function markedIndices(record: Pick<StateRecord, "writeBlocks">, region: RegionName): readonly string[] {
  return [...new Set(blocksOf(record, region).map(({ index }) => index))].toSorted();
}

/** By UUID: an index that was created again under the same name has no block of the watchdog. */
export function isMarked(record: Pick<StateRecord, "writeBlocks">, region: RegionName, { name, uuid }: Index): boolean {
  return blocksOf(record, region).some((block) => block.index === name && (block.uuid ?? uuid) === uuid);
}

/** The marks of a record with those of further indices. */
export function withMarks(
  record: Pick<StateRecord, "writeBlocks">,
  region: RegionName,
  indices: readonly Index[],
): Marks {
  const added = indices
    .filter((index) => !isMarked(record, region, index))
    .map(({ name, uuid }): WriteBlock => ({ region, index: name, uuid }));
  return added.length === 0 ? record.writeBlocks : [...(record.writeBlocks ?? []), ...added];
}

/** The marks of a record without those of one region; null when none is left. */
export function withoutMarks({ writeBlocks }: Pick<StateRecord, "writeBlocks">, region: RegionName): Marks {
  const left = (writeBlocks ?? []).filter((block) => block.region !== region);
  return left.length === 0 ? null : left;
}
