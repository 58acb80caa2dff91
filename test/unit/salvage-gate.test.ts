import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Divergence } from "../../watchdog/core/state/divergence.ts";
import { discardIndices } from "../../watchdog/salvage/commands.ts";
import { exportOperations } from "../../watchdog/salvage/export/export.ts";
import { type Discard, type DoomedIndex, type Evidence, isSalvaged, judge } from "../../watchdog/salvage/gate.ts";
import type { VerifiedReceipt } from "../../watchdog/salvage/receipt.ts";
import { ModelRegion } from "./salvage-model.ts";

const divergence: Divergence = {
  epoch: 4,
  oldRegion: "gra",
  newRegion: "bhs",
  promotedAtMs: 1_000,
  checkpoints: [
    { index: "orders", shard: 0, checkpoint: 5 },
    { index: "orders", shard: 1, checkpoint: 2 },
  ],
};

const state: DoomedIndex["state"] = {
  name: "orders",
  uuid: "u1",
  open: true,
  primaries: 2,
  primariesActive: 2,
  aliases: [],
  dataStream: null,
  writeBlocked: true,
  following: false,
};
const at = (shard: number, maxSeqNo: number) => ({ index: "orders", shard, globalCheckpoint: maxSeqNo, maxSeqNo });
const doomed: DoomedIndex = { state, checkpoints: [at(0, 9), at(1, 2)] };

/** As if its file had been read again: what the verification itself finds is shown below, with files. */
const receipt = {
  schemaVersion: 1,
  epoch: 4,
  region: "gra",
  newRegion: "bhs",
  clusterUuid: "c1",
  promotedAt: "1970-01-01T00:00:01.000Z",
  startedAt: "1970-01-01T00:01:00.000Z",
  finishedAt: "1970-01-01T00:02:00.000Z",
  operations: { file: "operations.ndjson.gz", compression: "gzip", count: 3, bytes: 1, sha256: "0".repeat(64) },
  indices: [
    {
      index: "orders",
      uuid: "u1",
      shards: [
        { shard: 0, checkpoint: 5, maxSeqNo: 9, exported: 3, withoutSource: 0, invisible: 1 },
        { shard: 1, checkpoint: 2, maxSeqNo: 2, exported: 0, withoutSource: 0, invisible: 0 },
      ],
    },
  ],
  leftOut: [],
  limits: [],
} as unknown as VerifiedReceipt;

const evidence: Evidence = { divergence, clusterUuid: "c1", receipts: [receipt], discards: [] };
const discard: Discard = {
  at: "1970-01-01T00:03:00.000Z",
  operator: "alice",
  reason: "test data",
  region: "gra",
  clusterUuid: "c1",
  index: "orders",
  uuid: "u1",
};

describe("the gate before deletion", () => {
  test("opens for a write-blocked index whose receipt accounts for every shard as it is now", () => {
    expect(judge([doomed], evidence)).toMatchObject({ salvaged: true, permit: { indices: ["orders"] } });
  });

  test.each<[string, DoomedIndex, Evidence]>([
    ["there is no receipt", doomed, { ...evidence, receipts: [] }],
    ["the write block is gone", { ...doomed, state: { ...state, writeBlocked: false } }, evidence],
    ["a shard has gone on", { ...doomed, checkpoints: [at(0, 10), at(1, 2)] }, evidence],
    ["a shard does not report", { ...doomed, checkpoints: [at(0, 9)] }, evidence],
    ["a shard reports twice", { ...doomed, checkpoints: [at(0, 9), at(0, 9), at(1, 2)] }, evidence],
    ["it is another index of that name", { ...doomed, state: { ...state, uuid: "u2" } }, evidence],
    ["it is another cluster", doomed, { ...evidence, clusterUuid: "c2" }],
    [
      "the receipt began above what the new primary had",
      doomed,
      {
        ...evidence,
        divergence: { ...divergence, checkpoints: [{ index: "orders", shard: 0, checkpoint: 4 }] },
      },
    ],
    [
      "the index has more shards than the receipt",
      { ...doomed, state: { ...state, primaries: 3, primariesActive: 3 } },
      evidence,
    ],
    [
      "the export left it out",
      doomed,
      {
        ...evidence,
        receipts: [{ ...receipt, leftOut: [{ index: "orders", reason: "it is closed" }] }],
      },
    ],
    [
      "an operator discarded an earlier index of that name",
      doomed,
      {
        ...evidence,
        receipts: [],
        discards: [{ ...discard, uuid: "u0" }],
      },
    ],
  ])("stays shut when %s", (_reason, index, given) => {
    const verdict = judge([index], given);
    expect(verdict.salvaged).toBe(false);
    expect(verdict).toMatchObject({ refusals: [{ index: "orders", reason: expect.stringMatching(/\w/) }] });
  });

  test("opens for an index that an operator discarded by name, block or not", () => {
    const open = { ...doomed, state: { ...state, writeBlocked: false } };
    expect(judge([open], { ...evidence, receipts: [], discards: [discard] }).salvaged).toBe(true);
  });

  test("keeps every index when one has no proof", () => {
    const other = { state: { ...state, name: "other", uuid: "u9" }, checkpoints: [] };
    expect(judge([doomed, other], evidence)).toMatchObject({ salvaged: false, refusals: [{ index: "other" }] });
  });

  test("opens only when, shard by shard, the receipt ends where the index ends and begins no later than its checkpoint", () => {
    const small = fc.integer({ min: -1, max: 3 });
    const shard = fc.record({ now: small, proven: small, began: small, replicated: fc.option(small) });
    fc.assert(
      fc.property(fc.array(shard, { minLength: 1, maxLength: 3 }), fc.boolean(), (shards, writeBlocked) => {
        const verdict = judge(
          [
            {
              state: { ...state, primaries: shards.length, primariesActive: shards.length, writeBlocked },
              checkpoints: shards.map(({ now }, number) => at(number, now)),
            },
          ],
          {
            ...evidence,
            divergence: {
              ...divergence,
              checkpoints: shards.flatMap(({ replicated }, number) =>
                replicated === null ? [] : [{ index: "orders", shard: number, checkpoint: replicated }],
              ),
            },
            receipts: [
              {
                ...receipt,
                indices: [
                  {
                    index: "orders",
                    uuid: "u1",
                    shards: shards.map(({ proven, began }, number) => ({
                      shard: number,
                      checkpoint: began,
                      maxSeqNo: proven,
                      exported: 0,
                      withoutSource: 0,
                      invisible: 0,
                    })),
                  },
                ],
              },
            ],
          },
        );
        const isProven = shards.every(
          ({ now, proven, began, replicated }) => now === proven && began <= (replicated ?? -1),
        );
        expect(verdict.salvaged).toBe(writeBlocked && isProven);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the gate with files", () => {
  let root: string;
  let gra: ModelRegion;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), "es-failover-gate-"));
    gra = new ModelRegion("gra");
    gra.create("orders", 1);
    for (let n = 0; n < 20; n += 1) gra.shard("orders", 0).index(`d${n}`, { n });
    gra.set("orders", { writeBlocked: true });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const export_ = () =>
    exportOperations({ root, divergence, oldPrimary: gra, nowMs: () => 5_000, compression: "none" });
  const gate = () => isSalvaged(root, divergence, gra, ["orders"]);

  test("opens after an export, and shuts again when the index goes on", async () => {
    expect((await gate()).salvaged).toBe(false);
    await export_();
    expect((await gate()).salvaged).toBe(true);
    gra.shard("orders", 0).index("late", {});
    expect(await gate()).toMatchObject({ salvaged: false, refusals: [{ reason: expect.stringContaining("20") }] });
    await export_();
    expect((await gate()).salvaged).toBe(true);
  });

  test("stays shut when one byte of the exported file differs, or the file grew, or is gone", async () => {
    const { directory } = await export_();
    const file = path.join(directory, "operations.ndjson");
    const content = await readFile(file, "utf8");
    await writeFile(file, content.replace('"n":7', '"n":8'));
    expect((await gate()).salvaged).toBe(false);
    await writeFile(file, content);
    expect((await gate()).salvaged).toBe(true);
    await appendFile(file, "{}\n");
    expect((await gate()).salvaged).toBe(false);
    await rm(file);
    expect((await gate()).salvaged).toBe(false);
  });

  test("stays shut when the receipt is not readable, or claims other numbers than its shards", async () => {
    const { directory } = await export_();
    const file = path.join(directory, "receipt.json");
    const content = await readFile(file, "utf8");
    await writeFile(file, content.replace('"exported": 14', '"exported": 13'));
    expect((await gate()).salvaged).toBe(false);
    await writeFile(file, content.slice(0, -20));
    expect((await gate()).salvaged).toBe(false);
  });

  test("opens by an operator's word, for this very index, recorded with name and reason", async () => {
    const request = { root, oldPrimary: gra, operator: "alice", reason: "test data", nowMs: () => 5_000 };
    await expect(discardIndices({ ...request, indices: ["ord*"] })).rejects.toThrow(/pattern/);
    await expect(discardIndices({ ...request, indices: [] })).rejects.toThrow(/name the indices/);
    await expect(discardIndices({ ...request, indices: ["orders", "nothing"] })).rejects.toThrow(/nothing/);
    expect((await gate()).salvaged).toBe(false);
    await discardIndices({ ...request, indices: ["orders"] });
    expect((await gate()).salvaged).toBe(true);
    const line = await readFile(path.join(root, "discards.ndjson"), "utf8");
    expect(JSON.parse(line)).toMatchObject({ operator: "alice", reason: "test data", index: "orders" });
    gra.set("orders", { uuid: "made-anew" });
    expect((await gate()).salvaged).toBe(false);
  });

  test("does not take a discard that a crash cut off for one, and the next one is not spoilt by it", async () => {
    const file = path.join(root, "discards.ndjson");
    const request = { root, oldPrimary: gra, operator: "alice", reason: "", nowMs: () => 5_000 };
    await discardIndices({ ...request, indices: ["orders"] });
    const line = await readFile(file, "utf8");
    await writeFile(file, line.slice(0, -5));
    expect((await gate()).salvaged).toBe(false);
    await discardIndices({ ...request, indices: ["orders"] });
    expect((await gate()).salvaged).toBe(true);
  });
});
