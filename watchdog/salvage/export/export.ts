import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Divergence } from "../../core/state/divergence.ts";
import { commitFile, PRIVATE_DIRECTORY } from "../../util/durable.ts";
import { listed } from "../../util/text.ts";
import { type IndexDefinition, writeDefinition } from "../definition.ts";
import { createIndexDirectory } from "../directories.ts";
import { type Compression, writeLines } from "../lines.ts";
import { operationToLine, type SalvagedOperation } from "../operation.ts";
import type { OldPrimary } from "../ports.ts";
import { type Receipt, writeReceipt } from "../receipt.ts";
import { ReceiptVerifier } from "../verifier.ts";
import { receiptFor, Tally, type WrittenExport } from "./account.ts";
import { earlierExports } from "./earlier.ts";
import { type IndexToExport, type LeftOut, type OldPrimaryState, operationsAbove, planExport } from "./export-plan.ts";
import { defaultPageBounds, type PageBounds } from "./paging.ts";
import { indexOperations } from "./read-index.ts";
import { assertRoomFor, estimatedBytes, type Room, withinRoom } from "./room.ts";

export interface ExportOptions {
  /** Directory of all exports: /var/lib/es-failover/salvage. */
  readonly root: string;
  readonly divergence: Divergence;
  readonly oldPrimary: OldPrimary;
  readonly room: Room;
  /** Default: one without memory, which reads every earlier export again. */
  readonly verifier?: ReceiptVerifier;
  /** Wall clock, milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Default gzip. */
  readonly compression?: Compression;
  readonly pageBounds?: PageBounds;
  readonly groupBounds?: GroupBounds;
  /** Aborts the export at its next page; the next export removes the unfinished files. */
  readonly signal?: AbortSignal;
}

/** Bounds of the indices that get their receipts together, after one more look at the old primary. */
export interface GroupBounds {
  readonly indices: number;
  readonly operations: number;
}

const defaultGroupBounds: GroupBounds = { indices: 100, operations: 100_000 };

export interface ExportResult {
  /** Of the exports under this epoch. */
  readonly directory: string;
  /** One for each index of the old primary that could be read. */
  readonly receipts: readonly Receipt[];
  readonly leftOut: readonly LeftOut[];
  /** Indices that no earlier export accounts for. */
  readonly exportedNow: readonly string[];
}

/**
 * Writes the readable operations of an old primary above the recorded checkpoints, index by index: the operations and the
 * definition of each into files of its own, then its receipt. An export that still accounts for its index is kept, so that
 * an interruption, a changed index or a new one costs no more than the indices concerned. Only one export at a time may
 * use a root.
 *
 * @throws ClusterError, or Error when there is no room, or an index changed while it was read
 */
export async function exportOperations(options: ExportOptions): Promise<ExportResult> {
  const { oldPrimary, divergence, root, room, verifier = new ReceiptVerifier() } = options;
  const before = await readState(oldPrimary, divergence);
  const directory = path.join(root, `${divergence.epoch}-${divergence.oldRegion}`);
  await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY });

  const earlier = await earlierExports(root, verifier, divergence, before);
  const pending = before.plan.indices.filter(({ uuid }) => !earlier.has(uuid));
  const names = pending.map(({ index }) => index);
  if (pending.length > 0) {
    await oldPrimary.refresh(names);
    await assertRoomFor(estimatedBytes(pending, await oldPrimary.sizes(names)), directory, room);
  }
  const receipts: Receipt[] = [...earlier.values()];
  for (const group of groupsOf(pending, options.groupBounds ?? defaultGroupBounds)) {
    receipts.push(...(await exportGroup(options, { before, directory, group })));
  }
  return { directory, receipts, leftOut: before.plan.leftOut, exportedNow: names };
}

/** @param only names of the indices to look at; default: all */
async function readState(
  oldPrimary: OldPrimary,
  divergence: Divergence,
  only?: ReadonlySet<string>,
): Promise<OldPrimaryState> {
  const probe = await oldPrimary.probe();
  if (!probe.reachable) throw new Error(`cannot salvage ${oldPrimary.region} now: ${probe.error}`);
  const indices = (await oldPrimary.indices()).filter(({ name }) => only?.has(name) ?? true);
  const open = indices.filter((index) => index.open).map((index) => index.name);
  const checkpoints = open.length === 0 ? [] : await oldPrimary.checkpoints(open);
  return { clusterUuid: probe.clusterUuid, plan: planExport(divergence, indices, checkpoints) };
}

/** Indices with many operations end a group. */
function groupsOf(indices: readonly IndexToExport[], bounds: GroupBounds): readonly (readonly IndexToExport[])[] {
  const groups: IndexToExport[][] = [[]];
  let operations = 0;
  for (const index of indices) {
    if ((groups.at(-1)?.length ?? 0) >= bounds.indices || operations >= bounds.operations) {
      groups.push([]);
      operations = 0;
    }
    groups.at(-1)?.push(index);
    operations += index.shards.reduce((sum, shard) => sum + operationsAbove(shard), 0);
  }
  return groups.filter((group) => group.length > 0);
}

interface Group {
  readonly before: OldPrimaryState;
  readonly directory: string;
  readonly group: readonly IndexToExport[];
}

async function exportGroup(options: ExportOptions, { before, directory, group }: Group): Promise<readonly Receipt[]> {
  const { oldPrimary, divergence, nowMs } = options;
  const definitions = await oldPrimary.definitionsOf(group.map(({ index }) => index));
  const written: { readonly directory: string; readonly export: WrittenExport }[] = [];
  for (const index of group) {
    const own = await createIndexDirectory(directory, index.uuid);
    const definition = definitions.get(index.index);
    if (definition === undefined) throw changed([index.index]);
    try {
      const files = await writeIndex(options, { directory: own, index, definition });
      written.push({ directory: own, export: { ...files, clusterUuid: before.clusterUuid } });
    } catch (error) {
      // A disk that filled up has to get its room back.
      await rm(own, { recursive: true, force: true });
      throw error;
    }
  }
  const names = new Set(group.map(({ index }) => index));
  const isSame = sameAs(await readState(oldPrimary, divergence, names), before);
  const receipts: Receipt[] = [];
  for (const each of written.filter(({ export: { index } }) => isSame(index))) {
    const receipt = receiptFor(divergence, each.export, new Date(nowMs()).toISOString());
    await writeReceipt(each.directory, receipt);
    receipts.push(receipt);
  }
  const others = group.filter((index) => !isSame(index)).map(({ index }) => index);
  if (others.length > 0) throw changed(others);
  return receipts;
}

interface IndexExport {
  readonly directory: string;
  readonly index: IndexToExport;
  readonly definition: IndexDefinition;
}

async function writeIndex(
  { oldPrimary, room, nowMs, compression = "gzip", pageBounds = defaultPageBounds, signal }: ExportOptions,
  { directory, index, definition }: IndexExport,
): Promise<Omit<WrittenExport, "clusterUuid">> {
  const startedAt = new Date(nowMs()).toISOString();
  const described = await writeDefinition(directory, definition);
  const file = compression === "gzip" ? "operations.ndjson.gz" : "operations.ndjson";
  const partial = path.join(directory, `${file}.partial`);
  const tally = new Tally();
  const lines = linesOf(indexOperations({ oldPrimary, pageBounds, signal }, index), tally);
  const written = await writeLines(partial, withinRoom(lines, directory, room), compression);
  await commitFile(partial, path.join(directory, file));
  const operations = { file, compression, count: tally.count, ...written };
  return { index, startedAt, tally, operations, definition: described };
}

async function* linesOf(operations: AsyncIterable<SalvagedOperation>, tally: Tally): AsyncGenerator<string> {
  for await (const operation of operations) {
    tally.add(operation);
    yield operationToLine(operation);
  }
}

/** A receipt would be wrong if its index changed while it was read. */
function sameAs(after: OldPrimaryState, before: OldPrimaryState): (index: IndexToExport) => boolean {
  if (after.clusterUuid !== before.clusterUuid) return () => false;
  const now = new Map(after.plan.indices.map((index) => [index.uuid, JSON.stringify(index)]));
  return (index) => now.get(index.uuid) === JSON.stringify(index);
}

const changed = (indices: readonly string[]) =>
  new Error(
    `${listed(indices, 3)} of the old primary ` +
      "changed while it was read (a write was accepted, or a shard moved): check that its indices have the write block; " +
      "their export starts over",
  );
