import { statfs } from "node:fs/promises";
import { size } from "../../util/text.ts";
import type { IndexSize } from "../ports.ts";
import { type IndexToExport, operationsAbove } from "./export-plan.ts";

/** Room on the disk that holds the exports. A router beside the watchdog needs some of it to stay open. */
export interface Room {
  /** Stays free whatever is exported. */
  readonly reserveBytes: number;
  readonly freeBytes: (directory: string) => Promise<number>;
}

/** Free space for unprivileged users. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** Uncompressed bytes between two looks at the disk: an export grows by at most as much meanwhile. */
const CHECK_EVERY_BYTES = 16 * 1024 * 1024;

/**
 * Bytes that an export takes, by what its documents take in the old primary. That counts every indexed field too, so that
 * the compressed file is smaller as a rule.
 */
export function estimatedBytes(indices: readonly IndexToExport[], sizes: ReadonlyMap<string, IndexSize>): number {
  return indices.reduce((sum, { index, shards }) => {
    const { bytes, documents } = sizes.get(index) ?? { bytes: 0, documents: 0 };
    const above = shards.reduce((n, shard) => n + operationsAbove(shard), 0);
    return documents === 0 ? sum : sum + (bytes / documents) * Math.min(above, documents);
  }, 0);
}

/** @throws Error with the numbers when an export of this size would leave less than the reserve */
export async function assertRoomFor(
  bytes: number,
  directory: string,
  { reserveBytes, freeBytes }: Room,
): Promise<void> {
  const free = await freeBytes(directory);
  if (free - bytes >= reserveBytes) return;
  throw new Error(
    `no room for the export: about ${size(bytes)} to write, ${size(free)} free in ${directory}, of which ` +
      `${size(reserveBytes)} stay reserved (salvage.reserveBytes): free some of the disk, or discard indices by name`,
  );
}

/** Passes lines on, and ends before the disk is full. */
export async function* withinRoom(lines: AsyncIterable<string>, directory: string, room: Room): AsyncGenerator<string> {
  let sinceCheck = CHECK_EVERY_BYTES;
  for await (const line of lines) {
    sinceCheck += Buffer.byteLength(line);
    if (sinceCheck >= CHECK_EVERY_BYTES) {
      sinceCheck = 0;
      await assertRoomFor(0, directory, room);
    }
    yield line;
  }
}
