import { describe, expect, test } from "vitest";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { divergenceFrom } from "../../watchdog/core/plans/rejoin.ts";
import { planReplication } from "../../watchdog/core/plans/replication.ts";
import type { ReplicationSnapshot } from "../../watchdog/core/plans/replication-change.ts";
import { planSwitchover } from "../../watchdog/core/plans/switchover.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import type { Follower, IndexState } from "../../watchdog/core/state/cluster.ts";
import { copyStates, unfollowedCopies } from "../../watchdog/core/state/complete-copies.ts";
import { checkpointOf } from "../../watchdog/core/state/divergence.ts";
import { type Plan, stepOf } from "../../watchdog/core/state/plan.ts";
import type { LeaderSnapshot } from "../../watchdog/core/state/record-fields.ts";
import {
  activeView,
  config,
  follower,
  index,
  NOW_MS,
  observations,
  promoting,
  seenHealth,
  serving,
  sight,
  standbyView,
} from "./core-fixtures.ts";

/** logs-1 is written to; logs-2 has been rolled over, with operation 7 as its last. */
const leader: LeaderSnapshot = {
  ...sight,
  shards: [...sight.shards, { index: "logs-2", shard: 0, maxSeqNo: 7 }],
  indexingComplete: [{ index: 1, createdAtMs: index("logs-2").createdAtMs }],
};
const at = (maxSeqNo: number, globalCheckpoint = maxSeqNo) => [
  { index: "logs-2", shard: 0, globalCheckpoint, maxSeqNo },
];
const pausedFollower = follower("logs-2", {}, { status: "paused", shards: [] });
const followed = { following: true } as const;

const standbyWith = (copy: Partial<IndexState> = {}, followers: readonly Follower[] = [], checkpoints = at(7)) =>
  standbyView({
    indices: [index("logs-1", followed), index("logs-2", copy)],
    followers: [follower("logs-1"), ...followers],
    checkpoints,
  });
const stateWith = (...facts: Parameters<typeof standbyWith>) => copyStates(leader, standbyWith(...facts)).get("logs-2");

describe("a copy of an index to which nothing is written any more", () => {
  test.each<[string, Parameters<typeof standbyWith>]>([
    ["unfollowed and open", []],
    ["unfollowed and still closed", [{ open: false }]],
    ["paused", [followed, [pausedFollower]]],
    ["paused and closed", [{ ...followed, open: false }, [pausedFollower]]],
  ])("is complete with the last operation of its leader: %s", (_what, facts) => {
    expect(stateWith(...facts)).toBe("complete");
  });

  test("is taken over as it is, also when it was unfollowed between the reading of its index and of the followers", () => {
    expect(unfollowedCopies(leader, standbyWith({ ...followed, open: false }))).toEqual(["logs-2"]);
    expect(unfollowedCopies(leader, standbyWith({ ...followed, open: false }, [pausedFollower]))).toEqual([]);
  });

  test.each<[string, Parameters<typeof standbyWith>, string]>([
    ["lacks an operation", [{}, [], at(6)], "behind"],
    ["has one that its leader lacks, as someone wrote to it", [{}, [], at(8)], "behind"],
    ["has a gap", [{}, [], at(7, 5)], "behind"],
    ["gives no checkpoint now", [{}, [], []], "unknown"],
    ["gives that of one shard of two", [{ primaries: 2 }, [], at(7)], "unknown"],
  ])("is not complete when it %s", (_what, facts, state) => {
    expect(stateWith(...facts)).toBe(state);
    expect(unfollowedCopies(leader, standbyWith(...facts))).toEqual([]);
  });

  test.each<[string, Parameters<typeof standbyWith>]>([
    ["its leader was created at another time, so it is another index", [{ createdAtMs: 1 }]],
    ["it follows an index that is gone", [followed, [{ ...pausedFollower, leaderUuid: "earlier" }]]],
    ["it still follows", [followed, [follower("logs-2")]]],
    [
      "its first copy runs",
      [{ firstCopy: { state: "running", bytesDone: 0, bytesTotal: 1, startedAtMs: 0, error: null } }],
    ],
  ])("is no such copy when %s", (_what, facts) => {
    expect(stateWith(...facts)).toBeUndefined();
  });

  test("is none while its leader may still be written to", () => {
    expect(copyStates({ ...leader, indexingComplete: [] }, standbyWith()).size).toBe(0);
  });
});

describe("the reconciler", () => {
  const leaders = [index("logs-1"), index("logs-2", { indexingComplete: true })];
  const snapshot = (...facts: Parameters<typeof standbyWith>): ReplicationSnapshot => {
    const standby = standbyWith(...facts);
    return {
      leader: { region: "gra", indices: leaders, definitions: [], health: "healthy", sameCluster: true },
      standby: {
        ...standby,
        copies: copyStates(leader, standby),
        definitions: [],
        reachesLeader: true,
        neverComplete: new Set(),
      },
      patterns: ["logs-*"],
      exclusions: [],
      dueDeletions: new Set(),
      seenBefore: new Set(["logs-2 uuid-logs-2 paused"]),
    };
  };
  const of = (...facts: Parameters<typeof standbyWith>) => planReplication(snapshot(...facts));

  test.each<[string, Parameters<typeof standbyWith>]>([
    ["pauses", [followed, [pausedFollower]]],
    ["closes", [{ ...followed, open: false }, [pausedFollower]]],
    ["closes, while its shards tell nothing", [{ ...followed, open: false }, [pausedFollower], []]],
    ["unfollows", [{ open: false }]],
    ["opens", [{}]],
  ])("does nothing while index lifecycle management %s a complete copy", (_what, facts) => {
    expect(of(...facts)).toMatchObject({ changes: [], problems: [] });
  });

  test("resumes a paused follower that lacks something, and names an unfollowed copy that does", () => {
    expect(of(followed, [pausedFollower], at(6)).changes).toEqual([{ kind: "resume-follow", index: "logs-2" }]);
    const { changes, problems } = of({}, [], at(6));
    expect({ changes, problems }).toEqual({
      changes: [],
      problems: [expect.stringMatching(/^logs-2 in bhs was unfollowed and is not what gra has now/)],
    });
  });
});

describe("an unfollowed complete copy", () => {
  const standby = standbyWith();
  const indicesOf = ({ steps }: Plan) =>
    Object.fromEntries(steps.flatMap((step) => ("indices" in step ? [[step.kind, step.indices]] : [])));
  const both = ["logs-1", "logs-2"];

  test("is promoted as it is: recorded, opened and verified, neither paused nor unfollowed", () => {
    const steps = {
      "pause-follow": ["logs-1"],
      "record-checkpoints": both,
      close: ["logs-1"],
      unfollow: ["logs-1"],
      open: both,
      verify: both,
    };
    expect(indicesOf(planPromotion("gra", standby, leader, config, NOW_MS))).toEqual(steps);
    expect(indicesOf(planSwitchover(activeView(), standby, leader, config, NOW_MS))).toMatchObject(steps);
  });

  test("keeps its alias, and takes its writes where the old region wrote to it", () => {
    const writes = { ...leader, writeAliases: [{ alias: "logs-write", index: "logs-2" }] };
    const plan = planPromotion("gra", standby, writes, config, NOW_MS);
    expect(stepOf(plan, "write-aliases")?.aliases).toEqual([{ alias: "logs-write", index: "logs-2", insteadOf: null }]);
  });

  test("is neither missing nor lost after the promotion, and only what is above its checkpoint is salvaged", () => {
    const plan = planPromotion("gra", standby, leader, config, NOW_MS);
    const loss = { atLeast: 0, atMost: 0, shards: [], unseenMs: 0, explanation: "none" };
    const checkpoints = [{ index: "logs-1", shard: 0, globalCheckpoint: 105, maxSeqNo: 105 }, ...at(7)];
    const steps = plan.steps.map((step) => {
      const done = { ...step, status: "done", attempts: 1 } as const;
      return done.kind === "record-checkpoints" ? { ...done, checkpoints, loss } : done;
    });
    const record = promoting({ plan: { ...plan, steps }, leaderSight: leader });
    const after = decide(record, observations(seenHealth("unhealthy", "healthy")), NOW_MS, config).record;
    if (after?.phase !== "serving") throw new Error("the promotion is not done");
    expect(after.lastFailover).toMatchObject({ missingIndices: [], loss: { atLeast: 0 } });
    const divergence = divergenceFrom(after, "gra", [index("logs-1"), index("logs-2")]);
    expect(checkpointOf(divergence, "logs-2", 0)).toBe(7);
  });

  test("counts as followed: a standby of such copies is not taken for an empty one", () => {
    const names = ["logs-1", "logs-2", "logs-3"];
    const all = {
      ...leader,
      indices: names,
      shards: names.map((name) => ({ index: name, shard: 0, maxSeqNo: 7 })),
      indexingComplete: [1, 2].map((n) => ({ index: n, createdAtMs: index("logs-2").createdAtMs })),
    };
    const archive = standbyView({
      indices: [index("logs-1", followed), index("logs-2"), index("logs-3")],
      checkpoints: ["logs-2", "logs-3"].map((name) => ({ index: name, shard: 0, globalCheckpoint: 7, maxSeqNo: 7 })),
    });
    const lost = { ...seenHealth("unhealthy", "healthy"), standby: archive };
    expect(decide(serving(), observations({ ...lost, leaderSight: all }), NOW_MS, config).rule).toBe("failover");
    const unmarked = { ...all, indexingComplete: [] };
    expect(decide(serving(), observations({ ...lost, leaderSight: unmarked }), NOW_MS, config).rule).toBe(
      "refuse-not-in-sync",
    );
  });

  test("does not keep a region from becoming the standby; an index of its own does", () => {
    const joins = (view: typeof standby) =>
      decide(serving({ standby: "absent" }), observations({ leaderSight: leader, standby: view }), NOW_MS, config).rule;
    expect(joins(standby)).toBe("standby-joins");
    expect(joins(standbyWith({}, [], at(8)))).toBe("standby-waits");
  });
});
