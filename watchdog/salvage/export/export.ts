import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Divergence } from "../../core/state/divergence.ts";
import { commitFile, PRIVATE_DIRECTORY } from "../../util/durable.ts";
import { syncDirectory } from "../../util/files.ts";
import { type Compression, type WrittenFile, writeLines } from "../lines.ts";
import { operationToLine, type SalvagedOperation } from "../operation.ts";
import type { OldPrimary } from "../ports.ts";
import {
  type ExportedShard,
  exportDirectories,
  type Receipt,
  readReceipt,
  verifyReceipt,
  writeReceipt,
} from "../receipt.ts";
import { type ExportPlan, type IndexToExport, planExport, type ShardToExport } from "./export-plan.ts";
import { defaultPageBounds, nextPageSize, type PageBounds } from "./paging.ts";

export interface ExportOptions {
  /** Where exports live, one directory each: /var/lib/es-failover/salvage. */
  readonly root: string;
  readonly divergence: Divergence;
  readonly oldPrimary: OldPrimary;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Default gzip. */
  readonly compression?: Compression;
  readonly pageBounds?: PageBounds;
  /** Ends the export at the next page; what was written is removed by the next one. */
  readonly signal?: AbortSignal;
  /** Told after each page. */
  readonly onProgress?: (progress: { readonly exported: number }) => void;
}

export interface ExportResult {
  readonly directory: string;
  readonly receipt: Receipt;
  /** False when an earlier export already holds all of this, so that nothing had to be read. */
  readonly exportedNow: boolean;
}

/**
 * Writes all that can be read of an old primary's operations above the recorded checkpoints to a file, and the receipt
 * for it. An interrupted export starts over; one that is complete and still agrees with the old primary is returned as
 * it is; one that no longer does is kept, and a new one is made beside it. One export at a time per root.
 *
 * @throws ClusterError, or Error when the old primary changed while it was read
 */
export async function exportOperations(options: ExportOptions): Promise<ExportResult> {
  const { oldPrimary, divergence, root } = options;
  const before = await observe(oldPrimary, divergence);
  const readable = before.plan.indices.map(({ index }) => index);

  await mkdir(root, { recursive: true, mode: PRIVATE_DIRECTORY });
  const earlier = await earlierExport(root, divergence, before);
  if (earlier !== null) return earlier;

  const directory = await freshDirectory(root, divergence);
  const startedAt = new Date(options.nowMs()).toISOString();
  if (readable.length > 0) await oldPrimary.refresh(readable);
  const compression = options.compression ?? "gzip";
  const file = compression === "gzip" ? "operations.ndjson.gz" : "operations.ndjson";
  const tally = new Tally();
  const partial = path.join(directory, `${file}.partial`);
  const written = await writeLines(partial, exportedLines(options, before.plan, tally), compression);

  assertUnchanged(before, await observe(oldPrimary, divergence));
  await commitFile(partial, path.join(directory, file));
  const receipt: Receipt = {
    ...describe(divergence, before, tally, { file, compression, ...written }),
    startedAt,
    finishedAt: new Date(options.nowMs()).toISOString(),
  };
  await writeReceipt(directory, receipt);
  return { directory, receipt, exportedNow: true };
}

interface Observation {
  readonly clusterUuid: string;
  readonly plan: ExportPlan;
}

async function observe(oldPrimary: OldPrimary, divergence: Divergence): Promise<Observation> {
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`${oldPrimary.region} cannot be salvaged now: ${probe.error}`);
  const indices = await oldPrimary.indices();
  const open = indices.filter((index) => index.open).map((index) => index.name);
  const checkpoints = open.length === 0 ? [] : await oldPrimary.checkpoints(open);
  return { clusterUuid: probe.clusterUuid, plan: planExport(divergence, indices, checkpoints) };
}

/** What the old primary holds may not move while it is read, or the receipt would speak of something else. */
function assertUnchanged(before: Observation, after: Observation): void {
  if (JSON.stringify(before) !== JSON.stringify(after)) {
    throw new Error(
      "the old primary changed while it was read (a write got through, or a shard moved): " +
        "make sure its indices have the write block; the export starts over",
    );
  }
}

class Tally {
  count = 0;
  readonly #shards = new Map<string, { exported: number; withoutSource: number }>();

  add(operation: SalvagedOperation): void {
    const shard = this.of(operation.index, operation.shard);
    this.count += 1;
    shard.exported += 1;
    if (operation.source === null) shard.withoutSource += 1;
    this.#shards.set(`${operation.shard}:${operation.index}`, shard);
  }

  of(index: string, shard: number): { exported: number; withoutSource: number } {
    return this.#shards.get(`${shard}:${index}`) ?? { exported: 0, withoutSource: 0 };
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
          `${options.oldPrimary.region}: shard ${shard} of ${index} returned operation ${operation.seqNo}, ` +
            `expected one above ${afterSeqNo} and up to ${maxSeqNo}: the index changes while it is read`,
        );
      }
      afterSeqNo = operation.seqNo;
      yield operation;
    }
    if (operations.length < limit) return;
    limit = nextPageSize({ documents: operations.length, bytes }, bounds);
  }
}

async function earlierExport(root: string, divergence: Divergence, now: Observation): Promise<ExportResult | null> {
  for (const name of await exportDirectories(root)) {
    const directory = path.join(root, name);
    const receipt = await readReceipt(directory).catch(() => null);
    if (receipt === null || !saysTheSame(receipt, divergence, now)) continue;
    if ((await verifyReceipt(directory)).valid) return { directory, receipt, exportedNow: false };
  }
  return null;
}

function saysTheSame(receipt: Receipt, divergence: Divergence, now: Observation): boolean {
  const exported = receipt.indices.map(({ index, uuid, shards }) => ({
    index,
    uuid,
    shards: shards.map(({ shard, maxSeqNo, checkpoint }) => ({ shard, maxSeqNo, checkpoint })),
  }));
  return (
    receipt.region === divergence.oldRegion &&
    receipt.clusterUuid === now.clusterUuid &&
    JSON.stringify({ indices: exported, leftOut: receipt.leftOut }) === JSON.stringify(now.plan)
  );
}

/** `<epoch>-<region>`, with a number behind it when a finished export is there already. Leftovers are cleared. */
async function freshDirectory(root: string, { epoch, oldRegion }: Divergence): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const directory = path.join(root, attempt === 1 ? `${epoch}-${oldRegion}` : `${epoch}-${oldRegion}-${attempt}`);
    const finished = await readReceipt(directory).then(
      (receipt) => receipt !== null,
      () => true,
    );
    if (finished) continue;
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: PRIVATE_DIRECTORY });
    await syncDirectory(root);
    return directory;
  }
}

function describe(
  divergence: Divergence,
  { clusterUuid, plan }: Observation,
  tally: Tally,
  file: WrittenFile & { file: string; compression: Compression },
): Omit<Receipt, "startedAt" | "finishedAt"> {
  const indices = plan.indices.map(({ index, uuid, shards }) => ({
    index,
    uuid,
    shards: shards.map((shard) => accountFor(shard, tally.of(index, shard.shard))),
  }));
  return {
    schemaVersion: 1,
    epoch: divergence.epoch,
    region: divergence.oldRegion,
    newRegion: divergence.newRegion,
    clusterUuid,
    promotedAt: new Date(divergence.promotedAtMs).toISOString(),
    operations: { ...file, count: tally.count },
    indices,
    leftOut: [...plan.leftOut],
    limits: limitsOf(indices.flatMap(({ shards }) => shards)),
  };
}

function accountFor(shard: ShardToExport, seen: { exported: number; withoutSource: number }): ExportedShard {
  // A checkpoint above the highest sequence number: the old primary itself lost what it had not flushed.
  const above = Math.max(0, shard.maxSeqNo - shard.checkpoint);
  return { ...shard, ...seen, invisible: above - seen.exported };
}

function limitsOf(shards: readonly ExportedShard[]): string[] {
  const invisible = shards.reduce((sum, shard) => sum + shard.invisible, 0);
  const withoutSource = shards.reduce((sum, shard) => sum + shard.withoutSource, 0);
  const limits: string[] = [];
  if (invisible > 0) {
    limits.push(
      `${invisible} operations above the checkpoints cannot be read and are not in the file: deletes, versions that a ` +
        "later operation on the same document replaced (the last one is in the file), and failed writes",
    );
  }
  if (withoutSource > 0) {
    limits.push(
      `${withoutSource} documents belong to an index without _source: their ids are in the file, nothing else`,
    );
  }
  return limits;
}
