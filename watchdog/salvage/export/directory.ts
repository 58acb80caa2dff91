import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Divergence } from "../../core/state/divergence.ts";
import { PRIVATE_DIRECTORY } from "../../util/durable.ts";
import { syncDirectory } from "../../util/files.ts";
import { exportDirectories, type Receipt, readReceipt, verifyReceipt } from "../receipt.ts";
import type { OldPrimaryState } from "./export-plan.ts";

/** A valid export with exactly the contents that a new one would have; null: none. */
export async function findEarlierExport(
  root: string,
  divergence: Divergence,
  current: OldPrimaryState,
): Promise<{ readonly directory: string; readonly receipt: Receipt } | null> {
  for (const name of await exportDirectories(root)) {
    const directory = path.join(root, name);
    const receipt = await readReceipt(directory).catch(() => null);
    if (receipt === null || !hasSameContents(receipt, divergence, current)) continue;
    if ((await verifyReceipt(directory)).valid) return { directory, receipt };
  }
  return null;
}

function hasSameContents(receipt: Receipt, divergence: Divergence, current: OldPrimaryState): boolean {
  const exported = receipt.indices.map(({ index, uuid, shards }) => ({
    index,
    uuid,
    shards: shards.map(({ shard, maxSeqNo, checkpoint }) => ({ shard, maxSeqNo, checkpoint })),
  }));
  return (
    receipt.region === divergence.oldRegion &&
    receipt.clusterUuid === current.clusterUuid &&
    JSON.stringify({ indices: exported, leftOut: receipt.leftOut }) === JSON.stringify(current.plan)
  );
}

/** `<epoch>-<region>`, with a number appended if there is a finished export already. Removes an unfinished one. */
export async function createDirectory(root: string, { epoch, oldRegion }: Divergence): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const directory = path.join(root, attempt === 1 ? `${epoch}-${oldRegion}` : `${epoch}-${oldRegion}-${attempt}`);
    const isFinished = await readReceipt(directory).then(
      (receipt) => receipt !== null,
      () => true,
    );
    if (isFinished) continue;
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: PRIVATE_DIRECTORY });
    await syncDirectory(root);
    return directory;
  }
}
