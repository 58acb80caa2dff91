import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FirstCopy, Follower, IndexState } from "../../watchdog/core/state/cluster.ts";
import type { CopyState } from "../../watchdog/core/state/complete-copies.ts";
import {
  type Comparison,
  judgeSync,
  newSinceMs,
  noSyncMemory,
  type SyncMemory,
} from "../../watchdog/core/state/sync.ts";
import { follower, index, NOW_MS, serving } from "./core-fixtures.ts";

const limits = { maxLagOperations: 50, maxReadAgeMs: 1_000, intervalMs: 100, required: ["*"] };
const autoFollow = {
  name: "es-failover-from-gra",
  remoteCluster: "gra",
  patterns: ["logs-*"],
  exclusions: [],
  active: true,
};

interface Facts {
  readonly leaders?: readonly IndexState[];
  readonly indices?: readonly IndexState[];
  readonly followers?: readonly Follower[];
  readonly leader?: Partial<Comparison["leader"]>;
  readonly pattern?: Comparison["standby"]["autoFollow"];
  readonly newSinceMs?: number | null;
  readonly atMs?: number;
  readonly required?: readonly string[];
  readonly copies?: Readonly<Record<string, CopyState>>;
}

function comparison(facts: Facts): Comparison {
  const leaders = facts.leaders ?? [index("logs-1")];
  const followers = facts.followers ?? leaders.map(({ name }) => follower(name));
  return {
    leader: { region: "gra", indices: leaders, unmatched: [], shards: [], healthy: true, ...facts.leader },
    standby: {
      indices: facts.indices ?? followers.map((each) => index(each.index, { following: true })),
      followers,
      copies: new Map(Object.entries(facts.copies ?? {})),
      autoFollow: "pattern" in facts ? facts.pattern : autoFollow,
    },
    newSinceMs: facts.newSinceMs ?? null,
    atMs: facts.atMs ?? NOW_MS,
    limits: { ...limits, required: [...(facts.required ?? limits.required)] },
  };
}

const judge = (facts: Facts, memory: SyncMemory = noSyncMemory) => judgeSync(comparison(facts), memory).judgement;
const remembered = (facts: Facts, memory: SyncMemory = noSyncMemory) => judgeSync(comparison(facts), memory).memory;

const paused = (name: string) => follower(name, {}, { status: "paused", shards: [] });
const copy = (changes: Partial<FirstCopy> = {}): FirstCopy => ({
  state: "running",
  bytesDone: 1,
  bytesTotal: 10,
  startedAtMs: NOW_MS,
  error: null,
  ...changes,
});
const copied = (name: string, changes: Partial<FirstCopy> = {}) =>
  index(name, { following: true, primariesActive: 0, firstCopy: copy(changes) });

describe("in sync", () => {
  test("when every open leader index is followed, without lag or errors", () => {
    expect(judge({})).toEqual({ inSync: true, reasons: [], unprotected: [], lagOperations: 0, readAgeMs: 500 });
  });

  test("a small lag is allowed, and counted", () => {
    const facts = { followers: [follower("logs-1", { followerCheckpoint: 60 })] };
    expect(judge(facts)).toMatchObject({ inSync: true, unprotected: [], lagOperations: 40 });
  });

  test.each<[string, Partial<Comparison["leader"]>, string]>([
    ["it is closed", { indices: [index("logs-1", { open: false })] }, "logs-1 cannot be followed: it is closed"],
    [
      "it is a searchable snapshot",
      { indices: [index("logs-1", { searchableSnapshot: true })] },
      "logs-1 cannot be followed: it is a searchable snapshot",
    ],
    [
      "it serves an alias under a name that no pattern matches",
      { indices: [], unmatched: [{ name: "shrink-ab12-logs-1", aliases: ["logs-1"], searchableSnapshot: false }] },
      "shrink-ab12-logs-1 serves logs-1 and is not followed: replication.patterns has no pattern for its own name",
    ],
    [
      "it is mounted and serves an alias",
      { indices: [], unmatched: [{ name: "partial-logs-1", aliases: ["logs-1"], searchableSnapshot: true }] },
      "partial-logs-1 serves logs-1 and cannot be followed: it is a searchable snapshot",
    ],
  ])("is not in question where an index cannot be followed, which is named: %s", (_what, leader, reason) => {
    const judgement = judge({ leader, followers: [] });
    expect(judgement).toMatchObject({ inSync: true, reasons: [] });
    expect(judgement.unprotected).toMatchObject([{ state: "unfollowable", reason, required: false, sinceMs: NOW_MS }]);
    const later = judge({ leader, followers: [], atMs: NOW_MS + 5_000 }, remembered({ leader, followers: [] }));
    expect(later.unprotected).toMatchObject([{ sinceMs: NOW_MS }]);
  });

  test("a closed leader index that was followed before is not named: its follower has what it holds", () => {
    const leaders = [index("logs-1", { open: false })];
    expect(judge({ leaders })).toMatchObject({ inSync: true, unprotected: [] });
  });

  test("not with a larger lag over all followers", () => {
    const { inSync, reasons } = judge({ followers: [follower("logs-1", { followerCheckpoint: 40 })] });
    expect({ inSync, reasons }).toEqual({ inSync: false, reasons: ["60 operations behind (at most 50 allowed)"] });
  });

  test.each<[string, Follower | null, string, RegExp]>([
    ["missing", null, "not-followed", /^logs-1 is not followed$/],
    ["following elsewhere", follower("logs-1", {}, { remoteCluster: "old" }), "not-followed", /is not followed/],
    [
      "not reading",
      follower("logs-1", { millisSinceLastRead: 1_001 }),
      "behind",
      /last read from its leader 1001 ms ago/,
    ],
    [
      "failing to read",
      follower("logs-1", { readErrors: ["no seed node left"] }),
      "behind",
      /cannot read from its leader: no seed node left/,
    ],
    ["stopped", follower("logs-1", { fatalError: "unable to open" }), "behind", /stopped following: unable to open/],
    ["paused", paused("logs-1"), "behind", /following is paused/],
    ["being copied", follower("logs-1", { followerCheckpoint: -1 }), "behind", /still being copied/],
    ["without a shard", follower("logs-1", {}, { shards: [] }), "behind", /reports no shard yet/],
    ["of a recreated leader", follower("logs-1", {}, { leaderUuid: "earlier" }), "behind", /its leader was recreated/],
  ])("not when a follower is %s", (_what, one, state, reason) => {
    const judgement = judge({ followers: one === null ? [] : [one] });
    expect(judgement.inSync).toBe(false);
    expect(judgement.unprotected).toMatchObject([{ index: "logs-1", state, established: true, copy: null }]);
    expect(judgement.reasons.join()).toMatch(reason);
  });

  test("not while a follower's first copy runs, or after it failed; both have the copy", () => {
    const followers = [paused("logs-1")];
    const running = judge({ followers, indices: [copied("logs-1")] });
    expect(running.unprotected).toMatchObject([{ state: "copying", copy: { state: "running", bytesTotal: 10 } }]);
    const failed = judge({ followers, indices: [copied("logs-1", { state: "failed", error: "no disk" })] });
    expect(failed.unprotected).toMatchObject([{ state: "copy-failed", reason: "logs-1 could not be copied: no disk" }]);
    expect([running.inSync, failed.inSync]).toEqual([false, false]);
  });

  test("not when a follower has a block that its leader lacks; a block of both is none", () => {
    const indices = [index("logs-1", { following: true, writeBlocked: true })];
    expect(judge({ indices }).reasons).toEqual(["logs-1 refuses writes: it has a block that its leader lacks"]);
    expect(judge({ indices, leaders: [index("logs-1", { writeBlocked: true })] }).inSync).toBe(true);
  });

  test("not before the first read, unless the follower has what its leader was seen to have", () => {
    const started = (followerCheckpoint: number) => [
      follower("logs-1", { reads: 0, followerCheckpoint, leaderCheckpointLastKnown: followerCheckpoint }),
    ];
    const leader = { shards: [{ index: "logs-1", shard: 0, maxSeqNo: 100 }] };
    const unread = judge({ followers: started(90), leader });
    expect(unread.reasons).toEqual(["logs-1 has not read from its leader yet"]);
    expect(judge({ followers: started(100), leader }).inSync).toBe(true);
    expect(judge({ followers: [follower("logs-1", { followerCheckpoint: 90 })], leader }).inSync).toBe(true);
  });

  test("shows a short list of reasons for many indices, and all of them as unprotected", () => {
    const leaders = Array.from({ length: 300 }, (_, n) => index(`logs-${n}`));
    const { reasons, unprotected } = judge({ leaders, followers: [] });
    expect(reasons).toHaveLength(6);
    expect(reasons.at(-1)).toBe("and 295 more");
    expect(unprotected).toHaveLength(300);
  });
});

describe("a copy that follows no more, of an index to which nothing is written any more", () => {
  const leaders = [index("logs-1", { indexingComplete: true })];
  const indices = [index("logs-1")];

  test("is protected while it is complete, and not once it lacks something", () => {
    expect(judge({ leaders, indices, followers: [], copies: { "logs-1": "complete" } })).toMatchObject({
      inSync: true,
      unprotected: [],
    });
    const behind = judge({ leaders, indices, followers: [], copies: { "logs-1": "behind" } });
    expect(behind.reasons).toEqual(["logs-1 is not followed any more, and is not what its leader has now"]);
    expect(judge({ leaders, indices, followers: [] }).reasons).toEqual(["logs-1 is not followed"]);
  });

  test("is protected while it is paused or closed, as index lifecycle management unfollows it", () => {
    const closed = [index("logs-1", { following: true, open: false })];
    const facts = { leaders, indices: closed, followers: [paused("logs-1")] };
    expect(judge({ ...facts, copies: { "logs-1": "complete" } }).inSync).toBe(true);
    expect(judge(facts).inSync).toBe(false);
  });
});

describe("writes to a follower that fail", () => {
  const stuck = (failedWrites: number, followerCheckpoint = 90) => ({
    followers: [follower("logs-1", { followerCheckpoint, failedWrites })],
  });

  test("take it out of sync while it does not advance, however seldom they are counted", () => {
    let memory = remembered(stuck(3));
    expect(judge(stuck(3), memory).inSync).toBe(true);
    memory = remembered(stuck(4), memory);
    for (const failed of [4, 4, 4, 5]) {
      expect(judge(stuck(failed), memory).reasons).toEqual([
        `logs-1 does not advance: ${failed - 3} writes to it failed`,
      ]);
      memory = remembered(stuck(failed), memory);
    }
    expect(judge(stuck(5, 91), memory).inSync).toBe(true);
  });

  test("count from 0 when its task began again", () => {
    const memory = remembered(stuck(7));
    expect(judge(stuck(2), memory).inSync).toBe(false);
  });

  test("do not matter once it lacks nothing", () => {
    const memory = remembered(stuck(0, 100));
    expect(judge(stuck(9, 100), memory).inSync).toBe(true);
  });
});

describe("an index created while the standby is in sync", () => {
  const since = { newSinceMs: NOW_MS - 1_000 };
  const fresh = index("logs-2", { createdAtMs: NOW_MS - 500 });
  const leaders = [index("logs-1"), fresh];
  const copying = {
    leaders,
    ...since,
    followers: [follower("logs-1"), paused("logs-2")],
    indices: [index("logs-1", { following: true }), copied("logs-2")],
  };

  test("is shown as unprotected and does not suspend the protection of the others", () => {
    for (const facts of [copying, { leaders, ...since, followers: [follower("logs-1")] }]) {
      const judgement = judge(facts);
      expect(judgement).toMatchObject({ inSync: true, reasons: [] });
      expect(judgement.unprotected).toMatchObject([{ index: "logs-2", established: false }]);
    }
  });

  test("counts once it was protected, and as long as the standby is not in sync", () => {
    const memory = remembered({ leaders, ...since });
    expect(judge({ leaders, ...since, followers: [follower("logs-1")] }, memory).inSync).toBe(false);
    expect(judge({ ...copying, newSinceMs: null }).inSync).toBe(false);
  });

  test("counts as soon as its complete follower fails, also for a watchdog that has just started", () => {
    const broken = follower("logs-2", { fatalError: "history is gone" });
    expect(judge({ leaders, ...since, followers: [follower("logs-1"), broken] }).inSync).toBe(false);
  });

  test("counts for a watchdog that has just started, once the record has that all were protected after it was created", () => {
    const inSyncSinceMs = NOW_MS - 7 * 24 * 3_600_000;
    const createdAtMs = NOW_MS - 3_600_000;
    const snapshotAgeMs = 10_000;
    const at = (allProtectedAtMs: number | null) => ({
      ...copying,
      leaders: [index("logs-1"), index("logs-2", { createdAtMs })],
      newSinceMs: newSinceMs(serving({ inSyncSinceMs, allProtectedAtMs }), snapshotAgeMs),
    });
    for (const never of [null, createdAtMs - 1_000, createdAtMs + snapshotAgeMs + 59_000]) {
      expect(judge(at(never)).inSync).toBe(true);
    }
    expect(judge(at(createdAtMs + snapshotAgeMs + 60_000)).reasons).toEqual(["logs-2 is still being copied"]);
  });

  test("is only new while the record has the standby in sync", () => {
    const allProtectedAtMs = NOW_MS - 3_600_000;
    expect(newSinceMs(serving({ allProtectedAtMs: null, inSyncSinceMs: NOW_MS - 5_000 }), 0)).toBe(NOW_MS - 5_000);
    expect(newSinceMs(serving({ standby: "following", inSyncSinceMs: null, allProtectedAtMs }), 0)).toBe(null);
    expect(newSinceMs(null, 0)).toBe(null);
  });

  test("has been unprotected since it was first seen so", () => {
    const memory = remembered({ ...copying, atMs: NOW_MS });
    const later = judge({ ...copying, atMs: NOW_MS + 5_000 }, memory);
    expect(later.unprotected).toMatchObject([{ sinceMs: NOW_MS }]);
    const protectedMeanwhile = remembered({ leaders, ...since, atMs: NOW_MS + 6_000 }, memory);
    expect(judge({ ...copying, atMs: NOW_MS + 7_000 }, protectedMeanwhile).unprotected).toMatchObject([
      { sinceMs: NOW_MS + 7_000 },
    ]);
  });
});

describe("indices that are required", () => {
  const leaders = [index("orders-1"), index("logs-1")];
  const required = ["orders-*"];

  test.each<[string, readonly Follower[], RegExp]>([
    ["is not followed", [], /^logs-1 is not followed$/],
    ["does not read", [follower("logs-1", { readErrors: ["gone"] })], /cannot read from its leader: gone/],
    ["lags", [follower("logs-1", { followerCheckpoint: 40 })], /^logs-1 is 60 operations behind$/],
  ])("stay protected while another one %s, which is named", (_what, others, reason) => {
    const judgement = judge({ leaders, required, followers: [follower("orders-1"), ...others] });
    expect(judgement).toMatchObject({ inSync: true, reasons: [] });
    expect(judgement.unprotected).toMatchObject([{ index: "logs-1", required: false, established: true }]);
    expect(judgement.unprotected[0]?.reason).toMatch(reason);
  });

  test("take the standby out of sync, alone or by their lag", () => {
    const missing = judge({ leaders, required, followers: [follower("logs-1")] });
    expect(missing).toMatchObject({ inSync: false, reasons: ["orders-1 is not followed"] });
    const followers = [follower("orders-1", { followerCheckpoint: 40 }), follower("logs-1")];
    expect(judge({ leaders, required, followers }).reasons).toEqual(["60 operations behind (at most 50 allowed)"]);
  });

  test("are named by the data stream that they back, too", () => {
    const backing = index(".ds-orders-eu-2026.01.01-000001");
    expect(judge({ leaders: [backing, index("logs-1")], required, followers: [follower("logs-1")] }).inSync).toBe(
      false,
    );
  });

  test("are all indices where the patterns match none: an empty standby is never in sync", () => {
    expect(judge({ leaders, required: ["order-*"], followers: [] }).reasons).toHaveLength(2);
  });
});

describe("a paused auto-follow pattern", () => {
  const pattern = { ...autoFollow, active: false };

  test("takes the standby out of sync only when it stays paused although the active region is healthy", () => {
    const unwell = remembered({ pattern, leader: { healthy: false } });
    expect(judge({ pattern }, unwell).inSync).toBe(true);
    const memory = remembered({ pattern }, unwell);
    expect(judge({ pattern, atMs: NOW_MS + 300 }, memory).inSync).toBe(true);
    expect(judge({ pattern, atMs: NOW_MS + 301 }, memory).reasons.join()).toMatch(/auto-follow pattern is paused/);
    expect(judge({ pattern, atMs: NOW_MS + 301 }, remembered({}, memory)).inSync).toBe(true);
  });

  test("is another thing than none, which leaves new indices behind at once", () => {
    expect(judge({ pattern: undefined }).reasons.join()).toMatch(/no auto-follow pattern/);
  });
});

test("the standby is in sync exactly when no established index is unprotected and the lag is within its limit", () => {
  const shard = fc.record({
    followerCheckpoint: fc.integer({ min: -1, max: 100 }),
    reads: fc.integer({ min: 0, max: 1 }),
    millisSinceLastRead: fc.integer({ min: -1, max: 1_100 }),
    fatalError: fc.option(fc.constant("fatal")),
    failedWrites: fc.integer({ min: 0, max: 2 }),
  });
  const one = fc.record({
    createdAtMs: fc.integer({ min: NOW_MS - 20, max: NOW_MS + 20 }),
    writeBlocked: fc.boolean(),
    shard: fc.option(shard),
    copying: fc.boolean(),
    leaderUuid: fc.constantFrom("same", "other", null),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }), fc.boolean(), (ones, inSync) => {
      const leaders = ones.map(({ createdAtMs }, n) => index(`logs-${n}`, { createdAtMs }));
      const followers = ones.flatMap(({ shard: progress, copying, leaderUuid }, n) => {
        const uuid = leaderUuid === "same" ? `uuid-logs-${n}` : leaderUuid;
        if (progress === null) return copying ? [paused(`logs-${n}`)] : [];
        return [follower(`logs-${n}`, progress, { leaderUuid: uuid })];
      });
      const indices = ones.map(({ writeBlocked, copying, shard: progress }, n) =>
        copying && progress === null ? copied(`logs-${n}`) : index(`logs-${n}`, { following: true, writeBlocked }),
      );
      const judgement = judge({ leaders, followers, indices, newSinceMs: inSync ? NOW_MS : null });
      const established = judgement.unprotected.filter((each) => each.established);
      expect(judgement.inSync).toBe(established.length === 0 && judgement.lagOperations <= 50);
      if (!inSync) expect(established).toEqual(judgement.unprotected);
    }),
  );
});
