import { describe, expect, test } from "vitest";
import { type LagMemory, noLagMemory, observeLag } from "../../watchdog/core/state/lag-time.ts";
import { follower } from "./core-fixtures.ts";

/** Observations every 10 s: the leader's highest sequence number, and the follower's checkpoint a second later. */
function lagsOf(seen: readonly (readonly [led: number, reached: number | "paused"])[]): readonly (number | null)[] {
  let memory: LagMemory = noLagMemory;
  return seen.map(([led, reached], n) => {
    const atMs = n * 10_000;
    const one =
      reached === "paused"
        ? follower("logs-1", {}, { status: "paused", shards: [] })
        : follower("logs-1", { followerCheckpoint: reached });
    const leader = { atMs, shards: [{ index: "logs-1", shard: 0, maxSeqNo: led }] };
    memory = observeLag(memory, { leader, followers: [one], atMs: atMs + 1_000 });
    return memory.lagMs;
  });
}

describe("the lag of the standby in time", () => {
  test("is none while the follower has what its leader was seen to have", () => {
    expect(lagsOf([[100, 100], [500, 510], [510, 510]])).toEqual([0, 0, 0]); // biome-ignore format: a table
  });

  test("counts from when the follower last had all, and falls as it reaches what its leader had", () => {
    const seen = [[100, 100], [200, 100], [300, 150], [400, 200], [500, 390], [600, 410], [600, 600]] as const; // biome-ignore format: a table
    expect(lagsOf(seen)).toEqual([0, 11_000, 21_000, 21_000, 31_000, 21_000, 0]);
  });

  test("grows while the follower is paused, also without writes", () => {
    expect(lagsOf([[100, 100], [100, "paused"], [100, "paused"], [100, 100]])).toEqual([0, 11_000, 21_000, 0]); // biome-ignore format: a table
  });

  test("is that of the shard that lags most, and unknown without a follower", () => {
    const leader = {
      atMs: 0,
      shards: ["a", "b"].map((index) => ({ index, shard: 0, maxSeqNo: 5 })),
    };
    const followers = [follower("a", { followerCheckpoint: 5 }), follower("b", { followerCheckpoint: 4 })];
    expect(observeLag(noLagMemory, { leader, followers, atMs: 700 }).lagMs).toBe(700);
    expect(observeLag(noLagMemory, { leader, followers: [], atMs: 700 }).lagMs).toBeNull();
  });

  test("begins again for a leader that was created again under its name", () => {
    const leader = { atMs: 0, shards: [{ index: "a", shard: 0, maxSeqNo: 5 }] };
    const behind = follower("a", { followerCheckpoint: 4 });
    const before = observeLag(noLagMemory, { leader, followers: [behind], atMs: 0 });
    const again = {
      leader: { ...leader, atMs: 60_000 },
      followers: [{ ...behind, leaderUuid: "other" }],
      atMs: 61_000,
    };
    expect(observeLag(before, again).lagMs).toBe(1_000);
  });
});
