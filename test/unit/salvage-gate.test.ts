import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Divergence } from "../../watchdog/core/state/divergence.ts";
import { type Discard, discardIndices } from "../../watchdog/salvage/discards.ts";
import { exportOperations } from "../../watchdog/salvage/export/export.ts";
import { authorizeDeletion, type DeletionCandidate, type Evidence, judge } from "../../watchdog/salvage/gate.ts";
import type { VerifiedReceipt } from "../../watchdog/salvage/receipt.ts";
import { copyOnMountedDisk, type SecondCopy } from "../../watchdog/salvage/second-copy.ts";
import { ReceiptVerifier } from "../../watchdog/salvage/verifier.ts";
import { endlessRoom, ModelRegion } from "./salvage-model.ts";

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

const state: DeletionCandidate["state"] = {
  name: "orders",
  uuid: "u1",
  createdAtMs: 0,
  open: true,
  primaries: 2,
  primariesActive: 2,
  aliases: [],
  dataStream: null,
  writeBlocked: true,
  following: false,
  firstCopy: null,
  noCopy: false,
  indexingComplete: false,
  searchableSnapshot: false,
};
const at = (shard: number, maxSeqNo: number) => ({ index: "orders", shard, globalCheckpoint: maxSeqNo, maxSeqNo });
const candidate: DeletionCandidate = { state, checkpoints: [at(0, 9), at(1, 2)] };

/** As if it had been verified; verification itself is tested below, with files. */
const receipt = {
  schemaVersion: 2,
  epoch: 4,
  region: "gra",
  newRegion: "bhs",
  clusterUuid: "c1",
  promotedAt: "1970-01-01T00:00:01.000Z",
  startedAt: "1970-01-01T00:01:00.000Z",
  finishedAt: "1970-01-01T00:02:00.000Z",
  operations: { file: "operations.ndjson.gz", compression: "gzip", count: 3, bytes: 1, sha256: "0".repeat(64) },
  definition: { file: "definition.json", bytes: 1, sha256: "0".repeat(64) },
  index: "orders",
  uuid: "u1",
  shards: [
    { shard: 0, checkpoint: 5, maxSeqNo: 9, exported: 3, withoutSource: 0, invisible: 1 },
    { shard: 1, checkpoint: 2, maxSeqNo: 2, exported: 0, withoutSource: 0, invisible: 0 },
  ],
  limits: [],
} as unknown as VerifiedReceipt;

const evidence: Evidence = { divergence, clusterUuid: "c1", receipts: [receipt], problems: new Map(), discards: [] };
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
  test("authorizes a write-blocked index whose receipt accounts for the current state of every shard", () => {
    expect(judge([candidate], evidence)).toEqual({ authorized: [{ name: "orders", uuid: "u1" }] });
  });

  test.each<[string, DeletionCandidate, Evidence]>([
    ["there is no receipt", candidate, { ...evidence, receipts: [] }],
    ["the write block is gone", { ...candidate, state: { ...state, writeBlocked: false } }, evidence],
    ["a shard has newer operations", { ...candidate, checkpoints: [at(0, 10), at(1, 2)] }, evidence],
    ["a shard does not report", { ...candidate, checkpoints: [at(0, 9)] }, evidence],
    ["a shard reports twice", { ...candidate, checkpoints: [at(0, 9), at(0, 9), at(1, 2)] }, evidence],
    ["another index has that name", { ...candidate, state: { ...state, uuid: "u2" } }, evidence],
    ["another cluster answers", candidate, { ...evidence, clusterUuid: "c2" }],
    [
      "the export started above the checkpoint of the new primary",
      candidate,
      {
        ...evidence,
        divergence: { ...divergence, checkpoints: [{ index: "orders", shard: 0, checkpoint: 4 }] },
      },
    ],
    [
      "the index has more shards than the receipt",
      { ...candidate, state: { ...state, primaries: 3, primariesActive: 3 } },
      evidence,
    ],
    ["it is closed", { ...candidate, state: { ...state, open: false } }, evidence],
    ["a primary shard is missing", { ...candidate, state: { ...state, primariesActive: 1 } }, evidence],
    ["the receipt is for another region", candidate, { ...evidence, receipts: [{ ...receipt, region: "bhs" }] }],
    [
      "an operator discarded an earlier index of that name",
      candidate,
      {
        ...evidence,
        receipts: [],
        discards: [{ ...discard, uuid: "u0" }],
      },
    ],
  ])("refuses when %s", (_reason, index, given) => {
    expect(judge([index], given)).toEqual({ refusals: [{ index: "orders", reason: expect.stringMatching(/\w/) }] });
  });

  test("authorizes an index that an operator discarded by name, with or without a write block", () => {
    const open = { ...candidate, state: { ...state, writeBlocked: false } };
    expect(judge([open], { ...evidence, receipts: [], discards: [discard] })).toEqual({
      authorized: [{ name: "orders", uuid: "u1" }],
    });
  });

  test("refuses all when one index has no proof", () => {
    const other = { state: { ...state, name: "other", uuid: "u9" }, checkpoints: [] };
    expect(judge([candidate, other], evidence)).toEqual({
      refusals: [{ index: "other", reason: expect.stringMatching(/\w/) }],
    });
  });

  test("authorizes only if the receipt of each shard ends at its last operation and starts at or below its checkpoint", () => {
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
        );
        const isProven = shards.every(
          ({ now, proven, began, replicated }) => now === proven && began <= (replicated ?? -1),
        );
        expect("authorized" in verdict).toBe(writeBlocked && isProven);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the gate with files", () => {
  let root: string;
  let gra: ModelRegion;
  let verifier: ReceiptVerifier;
  let second: SecondCopy | null;

  beforeEach(async () => {
    verifier = new ReceiptVerifier();
    second = null;
    root = await mkdtemp(path.join(tmpdir(), "es-failover-gate-"));
    gra = new ModelRegion("gra");
    gra.create("orders", 1);
    for (let n = 0; n < 20; n += 1) gra.shard("orders", 0).index(`d${n}`, { n });
    gra.set("orders", { writeBlocked: true });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const export_ = () =>
    exportOperations({
      ...{ root, divergence, oldPrimary: gra, verifier, room: endlessRoom, nowMs: () => 5_000 },
      compression: "none",
    });
  const gate = (...indices: readonly string[]) =>
    authorizeDeletion({
      ...{ root, second, verifier, divergence, oldPrimary: gra },
      indices: indices.length === 0 ? ["orders"] : indices,
    });
  /** Where the export of the only index is. */
  const directory = () => path.join(root, "4-gra", "gra-orders-0");
  const authorized = { authorized: [{ name: "orders", uuid: "gra-orders-0" }] };
  const refused = { refusals: [{ index: "orders", reason: expect.stringMatching(/\w/) }] };

  test("authorizes after an export, and refuses again after a newer operation", async () => {
    expect(await gate()).toEqual(refused);
    await export_();
    expect(await gate()).toEqual(authorized);
    gra.shard("orders", 0).index("late", {});
    expect(await gate()).toEqual({ refusals: [{ index: "orders", reason: expect.stringContaining("20") }] });
    await export_();
    expect(await gate()).toEqual(authorized);
  });

  test("refuses when a byte of the exported file differs, or the file grew or is missing", async () => {
    await export_();
    const file = path.join(directory(), "operations.ndjson");
    const content = await readFile(file, "utf8");
    await writeFile(file, content.replace('"n":7', '"n":8'));
    expect(await gate()).toEqual(refused);
    await writeFile(file, content);
    expect(await gate()).toEqual(authorized);
    await appendFile(file, "{}\n");
    expect(await gate()).toEqual(refused);
    await rm(file);
    expect(await gate()).toEqual(refused);
  });

  test("refuses when the definition of the index differs from the receipt", async () => {
    await export_();
    expect(await gate()).toEqual(authorized);
    await appendFile(path.join(directory(), "definition.json"), " ");
    expect(await gate()).toEqual(refused);
  });

  test("reads exported files in full once, and again only when they have changed", async () => {
    gra.create("more", 1);
    gra.set("more", { writeBlocked: true });
    await export_();
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await gate("orders", "more")).toHaveProperty("authorized");
    expect(verifier.filesRead).toBe(2);
    await export_();
    expect(verifier.filesRead).toBe(2);
    await appendFile(path.join(directory(), "operations.ndjson"), "{}\n");
    expect(await gate("orders", "more")).toHaveProperty("refusals");
    expect(verifier.filesRead).toBe(3);
  });

  describe("that requires a second copy", () => {
    /** As if the second place were a disk of its own. */
    const elsewhere = (deviceOf = async (file: string) => (file.includes("elsewhere") ? 2 : 1)) =>
      copyOnMountedDisk({ root: path.join(root, "elsewhere"), deviceOf });
    const proceed = () => {};

    test("authorizes only once the copy of the export is complete and has been read back", async () => {
      const copies = elsewhere();
      second = copies;
      await export_();
      expect(await gate()).toEqual({
        refusals: [{ index: "orders", reason: expect.stringMatching(/second copy is not confirmed.*no receipt/) }],
      });
      await copies.copy(root, proceed);
      expect(await gate()).toEqual(authorized);
      const copy = path.join(root, "elsewhere", "4-gra", "gra-orders-0", "operations.ndjson");
      await appendFile(copy, "{}\n");
      expect(await gate()).toEqual({
        refusals: [{ index: "orders", reason: expect.stringMatching(/second copy is not confirmed/) }],
      });
    });

    test("copies again what changed, and finishes a copy that was interrupted", async () => {
      const copies = elsewhere();
      second = copies;
      await export_();
      await copies.copy(root, proceed);
      await rm(path.join(root, "elsewhere", "4-gra", "gra-orders-0", "receipt.json"));
      expect(await gate()).toEqual(refused);
      await copies.copy(root, proceed);
      expect(await gate()).toEqual(authorized);
      gra.shard("orders", 0).index("late", {});
      await export_();
      expect(await gate()).toEqual(refused);
      await copies.copy(root, proceed);
      expect(await gate()).toEqual(authorized);
    });

    test("copies nothing to the disk of the exports, as it is while nothing is mounted there", async () => {
      await export_();
      const unmounted = elsewhere(async () => 1);
      await expect(unmounted.copy(root, proceed)).rejects.toThrow(/on the same disk.*salvage.copyTo/);
      expect(await readdir(path.join(root, "elsewhere"))).toEqual([]);
    });
  });

  test("reads nothing of the exports of other indices", async () => {
    gra.create("more", 1);
    gra.set("more", { writeBlocked: true });
    await export_();
    expect(await gate("more")).toHaveProperty("authorized");
    expect(verifier.filesRead).toBe(1);
  });

  test("refuses when the receipt is damaged, or its count differs from the sum of its shards", async () => {
    await export_();
    const file = path.join(directory(), "receipt.json");
    const content = await readFile(file, "utf8");
    await writeFile(file, content.replace('"exported": 14', '"exported": 13'));
    expect(await gate()).toEqual(refused);
    await writeFile(file, content.slice(0, -20));
    expect(await gate()).toEqual(refused);
  });

  test("authorizes by an operator's decision for exactly this index, recorded with name and reason", async () => {
    const request = { root, oldPrimary: gra, operator: "alice", reason: "test data", nowMs: () => 5_000 };
    await expect(discardIndices({ ...request, indices: ["ord*"] })).rejects.toThrow(/pattern/);
    await expect(discardIndices({ ...request, indices: [] })).rejects.toThrow(/name the indices/);
    await expect(discardIndices({ ...request, indices: ["orders", "nothing"] })).rejects.toThrow(/nothing/);
    expect(await gate()).toEqual(refused);
    await discardIndices({ ...request, indices: ["orders"] });
    expect(await gate()).toEqual(authorized);
    const line = await readFile(path.join(root, "discards.ndjson"), "utf8");
    expect(JSON.parse(line)).toMatchObject({ operator: "alice", reason: "test data", index: "orders" });
    gra.set("orders", { uuid: "recreated" });
    expect(await gate()).toEqual(refused);
  });

  test("ignores a discard that a crash cut off, and reads the next one", async () => {
    const file = path.join(root, "discards.ndjson");
    const request = { root, oldPrimary: gra, operator: "alice", reason: "", nowMs: () => 5_000 };
    await discardIndices({ ...request, indices: ["orders"] });
    const line = await readFile(file, "utf8");
    await writeFile(file, line.slice(0, -5));
    expect(await gate()).toEqual(refused);
    await discardIndices({ ...request, indices: ["orders"] });
    expect(await gate()).toEqual(authorized);
  });
});
