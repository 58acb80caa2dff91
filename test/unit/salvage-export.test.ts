import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Divergence, divergenceOf } from "../../watchdog/core/state/divergence.ts";
import { listSalvages } from "../../watchdog/salvage/commands.ts";
import { exportOperations } from "../../watchdog/salvage/export/export.ts";
import { planExport } from "../../watchdog/salvage/export/export-plan.ts";
import { nextPageSize } from "../../watchdog/salvage/export/paging.ts";
import { readLines } from "../../watchdog/salvage/lines.ts";
import { operationFromLine, type SalvagedOperation } from "../../watchdog/salvage/operation.ts";
import { verifyReceipt } from "../../watchdog/salvage/receipt.ts";
import { ModelRegion } from "./salvage-model.ts";

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

const export_ = (compression: "gzip" | "none" = "gzip") =>
  exportOperations({
    root,
    divergence,
    oldPrimary: gra,
    nowMs: () => 5_000,
    compression,
    pageBounds: { firstDocuments: 3, maxDocuments: 4, targetBytes: 10_000 },
  });

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
      const { directory, receipt } = await export_(how);
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
        version: 1,
        source: { n: 6 },
      });
      expect(receipt).toMatchObject({
        epoch: 4,
        region: "gra",
        operations: { count: 17 },
        indices: [
          {
            index: "orders",
            shards: [
              { checkpoint: 9, exported: 10 },
              { checkpoint: -1, exported: 7 },
            ],
          },
        ],
      });
      expect((await verifyReceipt(directory)).valid).toBe(true);
    },
  );

  test("is readable only by its owner", async () => {
    const { directory, receipt } = await export_();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const file of [receipt.operations.file, "receipt.json"]) {
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
          const { receipt } = await exportOperations({
            root: path.join(root, "property"),
            divergence: { ...divergence, checkpoints: [{ index: "i", shard: 0, checkpoint }] },
            oldPrimary: region,
            nowMs: () => 5_000,
          });
          const expected = [...region.shard("i", 0).documents.values()].filter(
            ({ seqNo }) => seqNo > checkpoint,
          ).length;
          const account = receipt.indices[0]?.shards[0];
          expect(account?.exported).toBe(expected);
          expect(receipt.operations.count).toBe(expected);
          expect(account?.invisible).toBe(Math.max(0, steps.length - 1 - checkpoint) - expected);
          expect(receipt.limits.length > 0).toBe((account?.invisible ?? 0) > 0);
          await rm(path.join(root, "property"), { recursive: true });
        },
      ),
      { numRuns: 40 },
    );
  });

  test("starts over after an interruption, with the same result", async () => {
    let pages = 0;
    gra.beforeRead = () => {
      pages += 1;
      if (pages === 3) throw new Error("connection lost");
    };
    await expect(export_()).rejects.toThrow("connection lost");
    expect((await listSalvages(root)).map(({ state }) => state.kind)).toEqual(["unfinished"]);
    gra.beforeRead = () => {};
    const { directory, receipt, exportedNow } = await export_();
    expect(exportedNow).toBe(true);
    expect(path.basename(directory)).toBe("4-gra");
    expect(receipt.operations.count).toBe(17);
    expect((await readdir(directory)).sort()).toEqual(["operations.ndjson.gz", "receipt.json"]);
  });

  test("is reused for the same state, and a new one is made beside it after the state or the file changed", async () => {
    const first = await export_();
    expect(await export_()).toMatchObject({ directory: first.directory, exportedNow: false });
    gra.shard("orders", 0).index("late", {});
    const second = await export_();
    expect(path.basename(second.directory)).toBe("4-gra-2");
    expect(second.receipt.operations.count).toBe(18);
    await writeFile(path.join(second.directory, second.receipt.operations.file), "damaged");
    expect(path.basename((await export_()).directory)).toBe("4-gra-3");
    expect((await verifyReceipt(first.directory)).valid).toBe(true);
  });

  test("has no receipt if a write was accepted while it was read", async () => {
    let pages = 0;
    gra.beforeRead = () => {
      pages += 1;
      if (pages === 5) gra.shard("orders", 0).index("a19", { sneaked: true });
    };
    await expect(export_()).rejects.toThrow(/changed while it was read/);
    expect((await listSalvages(root)).map(({ state }) => state.kind)).toEqual(["unfinished"]);
  });

  test("leaves out unreadable indices, with the reason, and proves nothing about them", async () => {
    gra.create("closed");
    gra.set("closed", { open: false, writeBlocked: true });
    gra.create("open-to-writes");
    gra.create("broken", 2);
    gra.set("broken", { writeBlocked: true, primariesActive: 1 });
    const { receipt } = await export_();
    expect(receipt.indices.map(({ index }) => index)).toEqual(["orders"]);
    expect(receipt.leftOut.map(({ index }) => index)).toEqual(["broken", "closed", "open-to-writes"]);
    expect(receipt.leftOut.map(({ reason }) => reason).join("\n")).toMatch(
      /1 of 2 primary.*\n.*closed.*\n.*write block/,
    );
  });

  test("is empty for a cluster without managed indices", async () => {
    const { receipt, directory } = await exportOperations({
      root,
      divergence,
      oldPrimary: new ModelRegion("gra"),
      nowMs: () => 5_000,
    });
    expect(receipt).toMatchObject({ operations: { count: 0 }, indices: [] });
    expect((await verifyReceipt(directory)).valid).toBe(true);
  });

  test("contains only the id of a document without source, and states so", async () => {
    gra.shard("orders", 1).index("bare", null);
    const { receipt } = await export_();
    expect(receipt.indices[0]?.shards[1]).toMatchObject({ exported: 8, withoutSource: 1 });
    expect(receipt.limits).toEqual([expect.stringContaining("1 documents belong to an index without _source")]);
  });
});

test("reading lines refuses a file that ends within a line or has damaged compression", async () => {
  const { directory } = await export_();
  const file = path.join(directory, "operations.ndjson.gz");
  const content = await readFile(file);
  await writeFile(file, content.subarray(0, content.length - 12));
  await expect(exported(directory, "operations.ndjson.gz")).rejects.toThrow();
  await writeFile(path.join(directory, "cut.ndjson"), '{"index"');
  await expect(exported(directory, "cut.ndjson")).rejects.toThrow(/middle of a line/);
  await expect(exported(directory, "absent.ndjson")).rejects.toThrow(/ENOENT/);
});

test("reading lines returns one longer than any buffer in full, and closes the file when stopped early", async () => {
  const { directory } = await export_();
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
