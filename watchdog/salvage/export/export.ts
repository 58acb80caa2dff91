import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Divergence } from "../../core/state/divergence.ts";
import { commitFile, PRIVATE_DIRECTORY } from "../../util/durable.ts";
import { type Compression, writeLines } from "../lines.ts";
import { operationToLine, type SalvagedOperation } from "../operation.ts";
import type { OldPrimary } from "../ports.ts";
import { type Receipt, writeReceipt } from "../receipt.ts";
import { accountFor, Tally } from "./account.ts";
import { createDirectory, findEarlierExport } from "./directory.ts";
import {
  type ExportPlan,
  type IndexToExport,
  type OldPrimaryState,
  planExport,
  type ShardToExport,
} from "./export-plan.ts";
import { defaultPageBounds, nextPageSize, type PageBounds } from "./paging.ts";

export interface ExportOptions {
  /** Directory of all exports: /var/lib/es-failover/salvage. */
  readonly root: string;
  readonly divergence: Divergence;
  readonly oldPrimary: OldPrimary;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Default gzip. */
  readonly compression?: Compression;
  readonly pageBounds?: PageBounds;
  /** Aborts the export at its next page; the next export removes the unfinished files. */
  readonly signal?: AbortSignal;
  /** Called after each shard. */
  readonly onProgress?: (progress: { readonly exported: number }) => void;
}

export interface ExportResult {
  readonly directory: string;
  readonly receipt: Receipt;
  /** False when an earlier export has the same contents. */
  readonly exportedNow: boolean;
}

/**
 * Writes the readable operations of an old primary above the recorded checkpoints to a file, then the receipt. An
 * interrupted export starts over. A complete export that still matches the old primary is returned as it is; one that
 * does not is kept, and a new one is made beside it. Only one export at a time may use a root.
 *
 * @throws ClusterError, or Error when the old primary changed during the export
 */
export async function exportOperations(options: ExportOptions): Promise<ExportResult> {
  const { oldPrimary, divergence, root } = options;
  const before = await readState(oldPrimary, divergence);
  const readable = before.plan.indices.map(({ index }) => index);

  await mkdir(root, { recursive: true, mode: PRIVATE_DIRECTORY });
  const earlier = await findEarlierExport(root, divergence, before);
  if (earlier !== null) return { ...earlier, exportedNow: false };

  const directory = await createDirectory(root, divergence);
  const startedAt = new Date(options.nowMs()).toISOString();
  if (readable.length > 0) await oldPrimary.refresh(readable);
  const compression = options.compression ?? "gzip";
  const file = compression === "gzip" ? "operations.ndjson.gz" : "operations.ndjson";
  const tally = new Tally();
  const partial = path.join(directory, `${file}.partial`);
  const written = await writeLines(partial, exportedLines(options, before.plan, tally), compression);

  assertUnchanged(before, await readState(oldPrimary, divergence));
  await commitFile(partial, path.join(directory, file));
  const receipt: Receipt = {
    ...accountFor(divergence, before, tally, { file, compression, ...written }),
    startedAt,
    finishedAt: new Date(options.nowMs()).toISOString(),
  };
  await writeReceipt(directory, receipt);
  return { directory, receipt, exportedNow: true };
}

async function readState(oldPrimary: OldPrimary, divergence: Divergence): Promise<OldPrimaryState> {
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`cannot salvage ${oldPrimary.region} now: ${probe.error}`);
  const indices = await oldPrimary.indices();
  const open = indices.filter((index) => index.open).map((index) => index.name);
  const checkpoints = open.length === 0 ? [] : await oldPrimary.checkpoints(open);
  return { clusterUuid: probe.clusterUuid, plan: planExport(divergence, indices, checkpoints) };
}

/** The receipt would be wrong if the old primary changed while it was read. */
function assertUnchanged(before: OldPrimaryState, after: OldPrimaryState): void {
  if (JSON.stringify(before) !== JSON.stringify(after)) {
    throw new Error(
      "the old primary changed while it was read (a write was accepted, or a shard moved): check that its indices " +
        "have the write block; the export starts over",
    );
  }
}

async function* exportedLines(options: ExportOptions, plan: ExportPlan, tally: Tally): AsyncGenerator<string> {
  for (const index of plan.indices) {
    for (const shard of index.shards) {
      for await (const operation of shardOperations(options, index, shard)) {
        tally.add(operation);
        yield operationToLine(operation);
      }
      options.onProgress?.({ exported: tally.count });
    }
  }
}

async function* shardOperations(
  options: ExportOptions,
  { index }: IndexToExport,
  { shard, checkpoint, maxSeqNo }: ShardToExport,
): AsyncGenerator<SalvagedOperation> {
  const bounds = options.pageBounds ?? defaultPageBounds;
  let afterSeqNo = checkpoint;
  let limit = bounds.firstDocuments;
  while (afterSeqNo < maxSeqNo) {
    options.signal?.throwIfAborted();
    const { operations, bytes } = await options.oldPrimary.readOperations({ index, shard, afterSeqNo, limit });
    for (const operation of operations) {
      if (operation.seqNo <= afterSeqNo || operation.seqNo > maxSeqNo) {
        throw new Error(
          `${options.oldPrimary.region}: shard ${shard} of ${index} returned operation ${operation.seqNo}, expected one ` +
            `above ${afterSeqNo} and up to ${maxSeqNo}: the index changed while it was read`,
        );
      }
      afterSeqNo = operation.seqNo;
      yield operation;
    }
    if (operations.length < limit) return;
    limit = nextPageSize({ documents: operations.length, bytes }, bounds);
  }
}
