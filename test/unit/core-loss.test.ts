import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { estimateLoss, missingIndices } from "../../watchdog/core/state/loss.ts";
import { NOW_MS, sight } from "./core-fixtures.ts";

const checkpoint = (globalCheckpoint: number) => ({
  index: "logs-1",
  shard: 0,
  globalCheckpoint,
  maxSeqNo: globalCheckpoint,
});

test("an index that cannot be followed is missing for that reason, as is one that only serves a managed alias", () => {
  const reason = "cannot be followed: it is a searchable snapshot";
  const shrunk = { index: "shrink-ab12-logs-1", reason: "serves logs-1 and is not followed" };
  const leader = { ...sight, unfollowable: [{ index: 1, reason }], unmatched: [shrunk] };
  expect(missingIndices(leader, ["logs-1"], [])).toEqual([{ index: "logs-2", reason }, shrunk]);
});

describe("the loss estimate", () => {
  test("counts what the old region was seen to have, and what may have been written unobserved", () => {
    const loss = estimateLoss({
      leader: sight,
      leaderCheckpoints: [],
      checkpoints: [checkpoint(100)],
      leaders: [],
      closedAtMs: NOW_MS,
    });
    // 105 seen, 100 replicated; 31 s unobserved at up to 10 operations/s, counted twice.
    expect(loss).toMatchObject({ atLeast: 5, atMost: 625, unseenMs: 31_000 });
    expect(loss.explanation).toBe(
      "between 5 and 625 operations: the routers closed 31.0 s after the last snapshot of the old region, " +
        "which took up to 10.0 operations/s (counted 2 times); seen there and not here: 5 of logs-1",
    );
  });

  test("uses the followers' checkpoints where they are newer than the last snapshot", () => {
    const leaderCheckpoints = [{ index: "logs-1", shard: 0, checkpoint: 120 }];
    expect(
      estimateLoss({
        leader: sight,
        leaderCheckpoints,
        checkpoints: [checkpoint(100)],
        leaders: [],
        closedAtMs: NOW_MS,
      }).atLeast,
    ).toBe(20);
  });

  test("is at least 0 for a follower ahead of the last snapshot", () => {
    expect(
      estimateLoss({
        leader: sight,
        leaderCheckpoints: [],
        checkpoints: [checkpoint(300)],
        leaders: [],
        closedAtMs: NOW_MS,
      }).atLeast,
    ).toBe(0);
  });

  test("counts all of an index that was created again since it was followed", () => {
    const [first] = sight.uuids;
    if (first === undefined) throw new Error("no UUIDs");
    const loss = (uuid: string) =>
      estimateLoss({
        leader: sight,
        leaderCheckpoints: [{ index: "logs-1", shard: 0, checkpoint: 900 }],
        checkpoints: [checkpoint(900)],
        leaders: [{ index: "logs-1", uuid }],
        closedAtMs: NOW_MS,
      }).atLeast;
    expect(loss(first.uuid)).toBe(0);
    expect(loss("an-earlier-one")).toBe(106);
  });

  test.each([
    ["never observed", null],
    ["observed once", { ...sight, peakOperationsPerSecond: null }],
  ])("claims no upper bound when the old region was %s", (_what, known) => {
    const loss = estimateLoss({
      leader: known,
      leaderCheckpoints: [],
      checkpoints: [checkpoint(100)],
      leaders: [],
      closedAtMs: NOW_MS,
    });
    expect(loss.atMost).toBeNull();
    expect(loss.explanation).toContain("no upper bound");
  });

  test("is a range over its shards, for any observations", () => {
    const n = fc.integer({ min: -1, max: 1_000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(n, n, n), { maxLength: 5 }), (shards) => {
        const loss = estimateLoss({
          leader: { ...sight, shards: shards.map(([maxSeqNo], shard) => ({ index: "logs-1", shard, maxSeqNo })) },
          leaderCheckpoints: shards.map(([, known], shard) => ({ index: "logs-1", shard, checkpoint: known })),
          checkpoints: shards.map(([, , at], shard) => ({
            index: "logs-1",
            shard,
            globalCheckpoint: at,
            maxSeqNo: at,
          })),
          leaders: [],
          closedAtMs: NOW_MS,
        });
        expect(loss.atLeast).toBe(loss.shards.reduce((sum, { atLeast }) => sum + atLeast, 0));
        expect(loss.atMost ?? 0).toBeGreaterThanOrEqual(loss.atLeast);
        shards.forEach(([seen, known, at], shard) => {
          expect(loss.shards[shard]?.atLeast).toBe(Math.max(0, Math.max(seen, known) - at));
        });
      }),
    );
  });

  test("names the indices that only the old region had", () => {
    const names = (...args: Parameters<typeof missingIndices>) => missingIndices(...args).map(({ index }) => index);
    expect(names(sight, ["logs-1"], [])).toEqual(["logs-2"]);
    expect(names(null, ["logs-1"], [])).toEqual([]);
    expect(names(null, ["logs-1"], [{ index: "logs-9", reason: "its first copy was at 37 %" }])).toEqual(["logs-9"]);
  });
});
