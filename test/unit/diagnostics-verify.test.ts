import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judgeDocument, pairIndices, positionOf } from "../../watchdog/diagnostics/verify/compare.ts";
import { sampleSeqNos } from "../../watchdog/diagnostics/verify/sample.ts";
import { verifyRegions } from "../../watchdog/diagnostics/verify/verify.ts";
import { ModelRegion } from "./salvage-model.ts";

describe("a sample", () => {
  test("is the same for the same seed, sorted, unique, in range, and of the requested size or all there are", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: -1, max: 5_000 }),
        fc.integer({ min: 1, max: 200 }),
        (seed, upTo, size) => {
          const sample = sampleSeqNos(seed, upTo, size);
          expect(sampleSeqNos(seed, upTo, size)).toEqual(sample);
          expect(sample.length).toBe(Math.min(size, upTo + 1));
          expect([...new Set(sample)].sort((a, b) => a - b)).toEqual(sample);
          expect(sample.every((seqNo) => Number.isInteger(seqNo) && seqNo >= 0 && seqNo <= upTo)).toBe(true);
        },
      ),
    );
  });

  test("covers every part of a shard, and differs for another seed", () => {
    const quarters = new Set(sampleSeqNos("a", 9_999, 100).map((seqNo) => Math.floor(seqNo / 2_500)));
    expect(quarters.size).toBe(4);
    expect(sampleSeqNos("a", 9_999, 100)).not.toEqual(sampleSeqNos("b", 9_999, 100));
    expect(Math.max(...sampleSeqNos("a", 2 ** 50, 100))).toBeGreaterThan(2 ** 45);
  });
});

describe("judging a document", () => {
  const copy = (seqNo: number, contentHash: string | null = "a") => ({
    seqNo,
    primaryTerm: 1,
    version: 1n,
    contentHash,
  });
  const moving = { sharedUpTo: 5, atRest: false };
  const resting = { sharedUpTo: 5, atRest: true };

  test("finds a difference if the leader's copy is from the shared history and the follower's differs", () => {
    expect(judgeDocument(null, copy(5), moving)).toBe("missing-on-follower");
    expect(judgeDocument(copy(3, "b"), copy(5), moving)).toBe("different");
  });

  test("is inconclusive while replication may still deliver the document, and decides once both are at rest", () => {
    expect(judgeDocument(null, copy(6), moving)).toBe("inconclusive");
    expect(judgeDocument(copy(3, "b"), copy(6), moving)).toBe("inconclusive");
    expect(judgeDocument(copy(3), null, moving)).toBe("inconclusive");
    expect(judgeDocument(copy(3), null, resting)).toBe("extra-on-follower");
    expect(judgeDocument(copy(3, "b"), copy(6), resting)).toBe("different");
  });

  test("compares versions without content to compare", () => {
    expect(judgeDocument(copy(3, null), copy(3, null), resting)).toBe("equal");
    expect(judgeDocument(copy(2, null), copy(3, null), resting)).toBe("different");
  });
});

describe("a comparison of two regions", () => {
  function replicated(): { bhs: ModelRegion; gra: ModelRegion } {
    const bhs = new ModelRegion("bhs");
    bhs.create("i", 1);
    for (let n = 0; n < 50; n += 1) bhs.shard("i", 0).index(`d${n % 40}`, { n });
    bhs.shard("i", 0).delete("d5");
    const gra = new ModelRegion("gra");
    gra.follow(bhs, "i", [50]);
    return { bhs, gra };
  }
  const verify = (leader: ModelRegion, follower: ModelRegion) => verifyRegions({ leader, follower, seed: "s" });

  test("finds a complete follower equal", async () => {
    const { bhs, gra } = replicated();
    const report = await verify(bhs, gra);
    expect(report).toMatchObject({
      verdict: "equal",
      indices: [{ counts: "equal", documents: { leader: 39, follower: 39 } }],
    });
    expect(report.indices[0]?.shards[0]).toMatchObject({ documents: 39, lag: 0, inconclusive: 0, differences: [] });
  });

  test("finds a follower behind that only lacks the last operations", async () => {
    const { bhs, gra } = replicated();
    bhs.shard("i", 0).index("d1", { n: 99 });
    bhs.shard("i", 0).delete("d2");
    expect(await verify(bhs, gra)).toMatchObject({
      verdict: "behind",
      indices: [{ counts: "unknown", shards: [{ lag: 2, differences: [] }] }],
    });
  });

  test.each<[string, (gra: ModelRegion) => void, string]>([
    [
      "altered",
      (gra) => gra.shard("i", 0).documents.set("d7", { ...document(gra, "d7"), source: { n: "other" } }),
      "different",
    ],
    ["lost", (gra) => gra.shard("i", 0).documents.delete("d7"), "missing-on-follower"],
    ["added", (gra) => gra.shard("i", 0).documents.set("x", { ...document(gra, "d7"), id: "x" }), "extra-on-follower"],
  ])("finds a document that was %s on the follower", async (_what, damage, kind) => {
    const { bhs, gra } = replicated();
    damage(gra);
    const report = await verify(bhs, gra);
    expect(report.verdict).toBe("different");
    expect(report.indices[0]?.shards[0]?.differences).toMatchObject([{ kind }]);
  });

  test("lists indices that only one region has, and those that cannot be compared", async () => {
    const { bhs, gra } = replicated();
    bhs.create("new");
    expect(await verify(bhs, gra)).toMatchObject({ verdict: "behind", onlyOnLeader: ["new"] });
    gra.create("ghost");
    gra.create("new", 2);
    expect(await verify(bhs, gra)).toMatchObject({
      verdict: "different",
      onlyOnFollower: ["ghost"],
      incomparable: [{ index: "new", reason: "1 shards on the leader, 2 on the follower" }],
    });
  });

  test("does not report a shard at rest that changed during the comparison", () => {
    const at = (maxSeqNo: number) => ({ index: "i", shard: 0, globalCheckpoint: maxSeqNo, maxSeqNo });
    const before = { leader: at(9), follower: at(9) };
    expect(positionOf({ before, after: before })).toEqual({ sharedUpTo: 9, atRest: true });
    expect(positionOf({ before, after: { leader: at(10), follower: at(10) } }).atRest).toBe(false);
    expect(positionOf({ before: { leader: at(9), follower: at(7) }, after: before })).toEqual({
      sharedUpTo: 7,
      atRest: false,
    });
  });

  test("does not compare an index that is closed or lacks a primary", async () => {
    const { bhs, gra } = replicated();
    gra.set("i", { primariesActive: 0 });
    expect(pairIndices(await bhs.indices(), await gra.indices()).incomparable).toHaveLength(1);
    gra.set("i", { primariesActive: 1, open: false });
    expect(pairIndices(await bhs.indices(), await gra.indices()).incomparable).toHaveLength(1);
  });
});

function document(region: ModelRegion, id: string) {
  const found = region.shard("i", 0).documents.get(id);
  if (found === undefined) throw new Error(`no document ${id}`);
  return found;
}
