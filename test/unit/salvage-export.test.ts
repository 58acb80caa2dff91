import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exportDetailsSchema } from "../../lab/demo/exports.ts";
import { type Divergence, divergenceOf } from "../../watchdog/core/state/divergence.ts";
import { exportOperations } from "../../watchdog/salvage/export/export.ts";
import { planExport } from "../../watchdog/salvage/export/export-plan.ts";
import { nextPageSize } from "../../watchdog/salvage/export/paging.ts";
import type { Room } from "../../watchdog/salvage/export/room.ts";
import { listSalvages, showSalvage } from "../../watchdog/salvage/exports.ts";
import { readLines } from "../../watchdog/salvage/lines.ts";
import { operationFromLine, type SalvagedOperation } from "../../watchdog/salvage/operation.ts";
import { verifyReceipt } from "../../watchdog/salvage/receipt.ts";
import { BYTES_PER_DOCUMENT, endlessRoom, ModelRegion } from "./salvage-model.ts";

const divergence: Divergence = {
  epoch: 4,
  oldRegion: "gra",
  newRegion: "bhs",
  promotedAtMs: 1_000,
  checkpoints: [{ index: "orders", shard: 0, checkpoint: 9 }],
};

let root: string;
let gra: ModelRegion;

beforeEach(async () => {
  root = path.join(await mkdtemp(path.join(tmpdir(), "es-failover-export-")), "salvage");
  gra = new ModelRegion("gra");
  gra.create("orders", 2);
  for (let n = 0; n < 20; n += 1) gra.shard("orders", 0).index(`a${n}`, { n });
  for (let n = 0; n < 7; n += 1) gra.shard("orders", 1).index(`b${n}`, { n }, "eu");
  gra.set("orders", { writeBlocked: true });
});
afterEach(() => rm(path.dirname(root), { recursive: true, force: true }));

const export_ = (compression: "gzip" | "none" = "gzip", room: Room = endlessRoom) =>
  exportOperations({
    ...{ root, divergence, oldPrimary: gra, room, compression, nowMs: () => 5_000 },
    pageBounds: { firstDocuments: 3, maxDocuments: 4, targetBytes: 400 },
    groupBounds: { indices: 1, operations: 1_000 },
  });

/** The export of the one index `orders`. */
async function exportedOrders(compression?: "gzip" | "none") {
  const { directory, receipts } = await export_(compression);
  const receipt = receipts.find(({ index }) => index === "orders");
  if (receipt === undefined) throw new Error("orders was not exported");
  return { directory: path.join(directory, receipt.uuid), receipt };
}

/** An index of its own, with some documents that are nowhere else. */
function addIndex(name: string, documents = 3): void {
  gra.create(name, 1);
  for (let n = 0; n < documents; n += 1) gra.shard(name, 0).index(`${name}-${n}`, { n });
  gra.set(name, { writeBlocked: true });
}

async function exported(directory: string, file: string): Promise<SalvagedOperation[]> {
  const operations: SalvagedOperation[] = [];
  for await (const line of readLines(path.join(directory, file), file.endsWith(".gz") ? "gzip" : "none")) {
    operations.push(operationFromLine(line));
  }
  return operations;
}

describe("an export", () => {
  test.each(["gzip", "none"] as const)(
    "contains, by shard and in order, all operations above the checkpoint (%s)",
    async (how) => {
      const { directory, receipt } = await exportedOrders(how);
      const operations = await exported(directory, receipt.operations.file);
      expect(operations.map(({ id }) => id)).toEqual([
        ...Array.from({ length: 10 }, (_, n) => `a${n + 10}`),
        ...Array.from({ length: 7 }, (_, n) => `b${n}`),
      ]);
      expect(operations.at(-1)).toEqual({
        index: "orders",
        shard: 1,
        id: "b6",
        routing: "eu",
        seqNo: 6,
        primaryTerm: 1,
        version: 1n,
        source: { n: 6 },
      });
      expect(receipt).toMatchObject({
        epoch: 4,
        region: "gra",
        operations: { count: 17 },
        index: "orders",
        shards: [
          { checkpoint: 9, exported: 10 },
          { checkpoint: -1, exported: 7 },
        ],
      });
      expect((await verifyReceipt(directory)).valid).toBe(true);
    },
  );

  test("is readable only by its owner", async () => {
    const { directory, receipt } = await exportedOrders();
    for (const one of [directory, path.dirname(directory)]) expect((await stat(one)).mode & 0o777).toBe(0o700);
    for (const file of [receipt.operations.file, receipt.definition.file, "receipt.json"]) {
      expect((await stat(path.join(directory, file))).mode & 0o777).toBe(0o600);
    }
  });

  test("counts invisible operations: for any history, exported and invisible ones add up to all above the checkpoint", async () => {
    const step = fc.record({ id: fc.nat(6), deletes: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: -1, max: 45 }),
        async (steps, checkpoint) => {
          const region = new ModelRegion("gra");
          region.create("i", 1);
          for (const { id, deletes } of steps) {
            const document = `d${id}`;
            if (deletes) region.shard("i", 0).delete(document);
            else region.shard("i", 0).index(document, { id });
          }
          region.set("i", { writeBlocked: true });
          const { receipts } = await exportOperations({
            root: path.join(root, "property"),
            divergence: { ...divergence, checkpoints: [{ index: "i", shard: 0, checkpoint }] },
            ...{ oldPrimary: region, room: endlessRoom, nowMs: () => 5_000 },
          });
          const receipt = receipts[0];
          const expected = [...region.shard("i", 0).documents.values()].filter(
            ({ seqNo }) => seqNo > checkpoint,
          ).length;
          const account = receipt?.shards[0];
          expect(account?.exported).toBe(expected);
          expect(receipt?.operations.count).toBe(expected);
          expect(account?.invisible).toBe(Math.max(0, steps.length - 1 - checkpoint) - expected);
          expect((receipt?.limits.length ?? 0) > 0).toBe((account?.invisible ?? 0) > 0);
          await rm(path.join(root, "property"), { recursive: true });
        },
      ),
      { numRuns: 40 },
    );
  });

  test("costs an interruption the index under way, and keeps those that were finished", async () => {
    addIndex("archive");
    let pages = 0;
    const read: string[] = [];
    gra.beforeRead = ({ index }) => {
      read.push(index);
      pages += 1;
      if (pages === 3) throw new Error("connection lost");
    };
    await expect(export_()).rejects.toThrow("connection lost");
    expect(read).toEqual(["archive", "orders", "orders"]);
    expect((await listSalvages(root))[0]?.totals).toMatchObject({ operations: 3 });
    read.length = 0;
    pages = 10;
    const { directory, receipts, exportedNow } = await export_();
    expect(exportedNow).toEqual(["orders"]);
    expect(new Set(read)).toEqual(new Set(["orders"]));
    expect(path.basename(directory)).toBe("4-gra");
    expect(receipts.reduce((sum, { operations }) => sum + operations.count, 0)).toBe(20);
    expect((await readdir(path.join(directory, "gra-orders-0"))).sort()).toEqual([
      "definition.json",
      "operations.ndjson.gz",
      "receipt.json",
    ]);
  });

  test("is repeated for an index that changed, that is new, or whose file was damaged, and for no other", async () => {
    addIndex("archive");
    expect((await export_()).exportedNow).toEqual(["archive", "orders"]);
    expect((await export_()).exportedNow).toEqual([]);
    gra.shard("orders", 0).index("late", {});
    const second = await export_();
    expect(second.exportedNow).toEqual(["orders"]);
    expect(second.receipts.find(({ index }) => index === "orders")?.operations.count).toBe(18);
    addIndex("brand-new", 1);
    expect((await export_()).exportedNow).toEqual(["brand-new"]);
    await writeFile(path.join(root, "4-gra", "gra-archive-0", "operations.ndjson.gz"), "damaged");
    expect((await export_()).exportedNow).toEqual(["archive"]);
    expect((await verifyReceipt(path.join(root, "4-gra", "gra-orders-0"))).valid).toBe(true);
    expect((await readdir(path.join(root, "4-gra"))).sort()).toEqual([
      ...["gra-archive-0", "gra-archive-0-2", "gra-brand-new-0", "gra-orders-0", "gra-orders-0-2"],
    ]);
    expect((await listSalvages(root))[0]?.totals.operations).toBe(3 + 1 + 18);
  });

  test("has a receipt for every index but one that accepted a write while it was read", async () => {
    addIndex("archive");
    gra.beforeRead = ({ index, afterSeqNo }) => {
      if (index === "orders" && afterSeqNo > 12) gra.shard("orders", 0).index("a19", { sneaked: true });
    };
    await expect(export_()).rejects.toThrow(/orders.*changed while it was read/);
    const { indices } = (await listSalvages(root))[0] ?? { indices: [] };
    const finished = indices.flatMap(({ state }) => (state.kind === "exported" ? [state.receipt.index] : []));
    expect(finished).toEqual(["archive"]);
  });

  test("saves settings, mappings and aliases of each index, also of one without an operation above its checkpoint", async () => {
    addIndex("empty", 0);
    gra.set("empty", { aliases: [{ alias: "all", isWriteIndex: true }] });
    const { directory, receipts } = await export_();
    const receipt = receipts.find(({ index }) => index === "empty");
    const text = await readFile(path.join(directory, "gra-empty-0", receipt?.definition.file ?? ""), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      settings: { index: { number_of_shards: "1" } },
      mappings: {},
      aliases: { all: { is_write_index: true } },
    });
  });

  test("is refused with the numbers when it would leave less room than the reserve, and writes nothing", async () => {
    const free = 17 * BYTES_PER_DOCUMENT + 49;
    const room = { reserveBytes: 50, freeBytes: async () => free };
    await expect(export_("gzip", room)).rejects.toThrow(
      /about 1\.7 KiB to write, 1\.7 KiB free in .*, of which 50 B stay reserved \(salvage\.reserveBytes\)/,
    );
    expect(await readdir(path.join(root, "4-gra"))).toEqual([]);
    expect((await export_("gzip", { ...room, reserveBytes: 49 })).exportedNow).toEqual(["orders"]);
  });

  test("ends before the disk is full, and returns the room that it had taken", async () => {
    let asked = 0;
    const room = {
      reserveBytes: 1_000,
      freeBytes: async () => {
        asked += 1;
        return asked === 1 ? 1_000_000 : 999;
      },
    };
    await expect(export_("none", room)).rejects.toThrow(/no room for the export/);
    expect(await readdir(path.join(root, "4-gra"))).toEqual([]);
  });

  test("leaves out unreadable indices, with the reason, and proves nothing about them", async () => {
    gra.create("closed");
    gra.set("closed", { open: false, writeBlocked: true });
    gra.create("open-to-writes");
    gra.create("broken", 2);
    gra.set("broken", { writeBlocked: true, primariesActive: 1 });
    const { receipts, leftOut } = await export_();
    expect(receipts.map(({ index }) => index)).toEqual(["orders"]);
    expect(leftOut.map(({ index }) => index)).toEqual(["broken", "closed", "open-to-writes"]);
    expect(leftOut.map(({ reason }) => reason).join("\n")).toMatch(/1 of 2 primary.*\n.*closed.*\n.*write block/);
  });

  test("of another version is listed as such", async () => {
    await export_();
    await mkdir(path.join(root, "3-gra"));
    await writeFile(path.join(root, "3-gra", "receipt.json"), '{"schemaVersion":1}');
    expect((await listSalvages(root)).map(({ name, state }) => [name, state])).toEqual([
      ["3-gra", "other version"],
      ["4-gra", "exported"],
    ]);
  });

  test("is empty for a cluster without managed indices", async () => {
    gra = new ModelRegion("gra");
    expect(await export_()).toMatchObject({ receipts: [], leftOut: [], exportedNow: [] });
  });

  test("contains only the id of a document without source, and states so", async () => {
    gra.shard("orders", 1).index("bare", null);
    const { receipt } = await exportedOrders();
    expect(receipt.shards[1]).toMatchObject({ exported: 8, withoutSource: 1 });
    expect(receipt.limits).toEqual([expect.stringContaining("1 documents belong to an index without _source")]);
  });
});

test("reading lines refuses a file that ends within a line or has damaged compression", async () => {
  const { directory } = await exportedOrders();
  const file = path.join(directory, "operations.ndjson.gz");
  const content = await readFile(file);
  await writeFile(file, content.subarray(0, content.length - 12));
  await expect(exported(directory, "operations.ndjson.gz")).rejects.toThrow();
  await writeFile(path.join(directory, "cut.ndjson"), '{"index"');
  await expect(exported(directory, "cut.ndjson")).rejects.toThrow(/middle of a line/);
  await expect(exported(directory, "absent.ndjson")).rejects.toThrow(/ENOENT/);
});

test("reading lines returns one longer than any buffer in full, and closes the file when stopped early", async () => {
  const { directory } = await exportedOrders();
  const long = "x".repeat(3_000_000);
  await writeFile(path.join(directory, "long.ndjson"), `${long}\nsecond\n`);
  const lines: string[] = [];
  for await (const line of readLines(path.join(directory, "long.ndjson"), "none")) {
    lines.push(line);
    if (lines.length === 1) expect(line.length).toBe(long.length);
  }
  expect(lines[1]).toBe("second");
  for await (const _ of readLines(path.join(directory, "long.ndjson"), "none")) break;
});

test("pages shrink at once for large documents, grow at most twofold, and never reach zero", () => {
  const bounds = { firstDocuments: 50, maxDocuments: 2_000, targetBytes: 1_000_000 };
  expect(nextPageSize({ documents: 50, bytes: 50_000_000 }, bounds)).toBe(1);
  expect(nextPageSize({ documents: 50, bytes: 5_000_000 }, bounds)).toBe(10);
  expect(nextPageSize({ documents: 50, bytes: 500 }, bounds)).toBe(100);
  expect(nextPageSize({ documents: 2_000, bytes: 500 }, bounds)).toBe(2_000);
});

test("an export plan includes all operations of a shard that was never followed", async () => {
  const indices = await gra.indices();
  const plan = planExport(divergence, indices, await gra.checkpoints(["orders"]));
  expect(plan.indices[0]?.shards).toEqual([
    { shard: 0, checkpoint: 9, maxSeqNo: 19 },
    { shard: 1, checkpoint: -1, maxSeqNo: 6 },
  ]);
});

test("a record without a failover has no divergence", () => {
  expect(divergenceOf({ epoch: 3, lastFailover: null })).toBeNull();
});

test("`salvage show` prints what the demo reads of it", async () => {
  const { directory } = await export_();
  const shown = await showSalvage(root, path.basename(directory));
  const read = exportDetailsSchema.parse(JSON.parse(JSON.stringify(shown)));
  expect(read.indices).toMatchObject([
    { state: { kind: "exported", receipt: { limits: [] } }, check: { valid: true } },
  ]);
  expect(read.totals.operations).toBe(shown.totals.operations);
});
