import { describe, expect, test } from "vitest";
import { exceptionsOf } from "../../watchdog/core/plans/describe-step.ts";
import { withFollowersChanged } from "../../watchdog/core/plans/left-out.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { divergenceFrom } from "../../watchdog/core/plans/rejoin.ts";
import { planRepair, repairNeedOf } from "../../watchdog/core/plans/repair.ts";
import { planSwitchover } from "../../watchdog/core/plans/switchover.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import { switchoverBlockers } from "../../watchdog/core/rules/preconditions.ts";
import type { IndexState } from "../../watchdog/core/state/cluster.ts";
import { checkpointOf } from "../../watchdog/core/state/divergence.ts";
import { currentStep, type Plan, stepOf, withStep } from "../../watchdog/core/state/plan.ts";
import type { PromotingRecord } from "../../watchdog/core/state/record.ts";
import {
  activeView,
  config,
  copying,
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

/** bhs follows logs-1, and logs-2 is in its first copy. */
const halfCopied = standbyView({
  indices: [index("logs-1", { following: true }), copying("logs-2")],
  followers: [follower("logs-1"), follower("logs-2", {}, { status: "paused", shards: [] })],
});
const known = { leader: sight, indices: halfCopied.indices, managed: config.replication };

const promotion = (standby = halfCopied, leader = sight) => planPromotion("gra", standby, leader, config, NOW_MS);
const indicesOf = ({ steps }: Plan) =>
  steps.flatMap((step) => ("indices" in step ? [[step.kind, step.indices] as const] : []));

/** A plan with every step done; logs-1 had been copied up to operation 100. */
function done(plan: Plan): Plan {
  const checkpoints = [{ index: "logs-1", shard: 0, globalCheckpoint: 100, maxSeqNo: 100 }];
  const loss = { atLeast: 5, atMost: 605, shards: [], unseenMs: 29_000, explanation: "between 5 and 605 operations" };
  const steps = plan.steps.map((step) => {
    const ended = { ...step, status: "done", attempts: 1 } as const;
    return ended.kind === "record-checkpoints" ? { ...ended, checkpoints, loss } : ended;
  });
  return { ...plan, steps };
}

describe("a follower whose leader was deleted and made again", () => {
  const names = ["logs-1", "logs-2", "logs-3"];
  const inSync = standbyView({
    indices: names.map((name) => index(name, { following: true })),
    followers: names.map((name) => follower(name)),
  });
  const leaderOf = (again: readonly string[]) => ({
    ...sight,
    indices: names,
    uuids: names.map((name) => ({ index: name, uuid: `uuid-${name}${again.includes(name) ? "-again" : ""}` })),
    shards: names.map((name) => ({ index: name, shard: 0, maxSeqNo: 9 })),
  });
  const plan = promotion(inSync, leaderOf(["logs-2"]));
  const copy = {
    index: "logs-2",
    uuid: "uuid-logs-2",
    reason: "its leader was deleted and made again",
    deletedLeader: "uuid-logs-2",
  };

  test("is in no step of a promotion but the one that deletes it: it has what the users deleted", () => {
    for (const [, indices] of indicesOf(plan)) expect(indices).toEqual(["logs-1", "logs-3"]);
    expect(stepOf(plan, "discard-copies")?.copies).toEqual([copy]);
    expect(exceptionsOf(plan)).toEqual(["left out: logs-2 (its leader was deleted and made again)"]);
  });

  test("is promoted like the others where that is so for more than half of them: they may be the only copies", () => {
    const rebuilt = promotion(inSync, leaderOf(["logs-2", "logs-3"]));
    for (const [, indices] of indicesOf(rebuilt)) expect(indices).toEqual(names);
    expect(stepOf(rebuilt, "discard-copies")).toBeNull();
  });

  test("is missing as a whole, and deleted by a repair where the promotion could not", () => {
    const promoted = promoting({ plan: done(plan), leaderSight: leaderOf(["logs-2"]) });
    const { record } = decide(promoted, observations(seenHealth("unhealthy", "healthy")), NOW_MS, config);
    if (record?.phase !== "serving") throw new Error("bhs does not serve");
    expect(record.lastFailover).toMatchObject({ missingIndices: ["logs-2"], loss: { atLeast: 5 + 10 } });

    const indices = [index("logs-1"), index("logs-2", { following: true })];
    const need = repairNeedOf(record, activeView({ region: "bhs", indices, strays: ["logs-2"] }));
    expect(need).toMatchObject({ strays: [], copies: [copy], joining: [] });
    expect(stepOf(planRepair(need, NOW_MS), "open")?.indices).toEqual([]);
  });
});

describe("a promotion in the middle of first copies", () => {
  test("has an unfinished copy in no step but the one that deletes it, after the data streams", () => {
    const plan = promotion();
    for (const [, indices] of indicesOf(plan)) expect(indices).toEqual(["logs-1"]);
    const kinds = plan.steps.map(({ kind }) => kind);
    expect(kinds.slice(kinds.indexOf("unfollow"), kinds.indexOf("verify"))).toEqual([
      "unfollow",
      "open",
      "write-aliases",
      "data-streams",
      "discard-copies",
    ]);
    expect(stepOf(plan, "discard-copies")?.copies).toEqual([
      { index: "logs-2", uuid: "uuid-logs-2", reason: "its first copy was at 37 %" },
    ]);
  });

  test("has the reason of a copy that failed", () => {
    const failed = copying("logs-2", { state: "failed", error: "no seed node left" });
    const plan = promotion({ ...halfCopied, indices: [index("logs-1", { following: true }), failed] });
    expect(exceptionsOf(plan)).toEqual(["left out: logs-2 (its first copy had failed: no seed node left)"]);
  });

  test("names the index in the record, as missing and in the loss, with all that the old region was seen to have", () => {
    const shards = [...sight.shards, { index: "logs-2", shard: 0, maxSeqNo: 999_999 }];
    const record: PromotingRecord = promoting({ plan: done(promotion()), leaderSight: { ...sight, shards } });
    const ruling = decide(record, observations(seenHealth("unhealthy", "healthy")), NOW_MS, config);
    expect(ruling.rule).toBe("promotion-done");
    expect(ruling.explanation).toContain("left out: logs-2 (its first copy was at 37 %)");
    expect(ruling.record?.lastFailover).toMatchObject({
      missingIndices: ["logs-2"],
      leftOut: [{ index: "logs-2", reason: "its first copy was at 37 %" }],
      loss: { atLeast: 1_000_005, atMost: 1_000_605 },
    });
    expect(ruling.record?.lastFailover?.loss.explanation).toBe(
      "between 5 and 605 operations; besides, missing as a whole, with at least 1000000 operations: " +
        "logs-2 (its first copy was at 37 %)",
    );
  });

  test("leaves the whole index to salvage: the new region has no operation of it", () => {
    const record = promoting({ plan: done(promotion()) });
    const after = decide(record, observations(seenHealth("unhealthy", "healthy")), NOW_MS, config).record;
    if (after?.phase !== "serving") throw new Error("the promotion is not done");
    const divergence = divergenceFrom(after, "gra", [index("logs-1"), index("logs-2")]);
    expect(checkpointOf(divergence, "logs-1", 0)).toBe(100);
    expect(checkpointOf(divergence, "logs-2", 0)).toBe(-1);
  });

  test("that an operator forces, or that is automatic, is not refused for it; a switchover is, with the time left", () => {
    const seen = observations({ standby: { ...halfCopied, observedAtMs: NOW_MS } });
    const situation = { record: serving(), seen, nowMs: NOW_MS, config };
    expect(switchoverBlockers(situation)).toEqual([
      "the switchover would leave out logs-2: its first copy is at 37 %, about 2 min left",
    ]);
    const lost = observations({ ...seenHealth("unhealthy", "healthy"), standby: halfCopied });
    expect(decide(serving(), lost, NOW_MS, config).rule).toBe("failover");
    const request = { kind: "failover", to: "bhs", force: true, by: "ana", reason: null } as const;
    const asked = serving({
      standby: "following",
      request: { ...request, atMs: NOW_MS, validUntilMs: NOW_MS + 60_000 },
    });
    expect(decide(asked, seen, NOW_MS, config).rule).toBe("operator-failover");
  });

  test("is not automatic when most indices are unfinished: the new region would be all but empty", () => {
    const standby = standbyView({
      indices: [index("logs-1", { following: true }), copying("logs-2"), copying("logs-3")],
      followers: ["logs-1", "logs-2", "logs-3"].map((name) => follower(name)),
    });
    const leaderSight = { ...sight, indices: ["logs-1", "logs-2", "logs-3"] };
    const ruling = decide(
      serving(),
      observations({ ...seenHealth("unhealthy", "healthy"), standby, leaderSight }),
      NOW_MS,
      config,
    );
    expect(ruling.rule).toBe("refuse-not-in-sync");
    expect(ruling.explanation).toContain("bhs follows only 1 of 3 indices of gra");
  });
});

describe("a promotion under way", () => {
  test("promotes an index whose copy is complete by now with the others, and deletes it no more", () => {
    const plan = withFollowersChanged(done(promotion()), { late: ["logs-2"], unfinished: [] }, known);
    expect(stepOf(plan, "discard-copies")).toBeNull();
    expect(currentStep(plan)?.kind).toBe("pause-follow");
    for (const [, indices] of indicesOf(plan)) expect(indices).toEqual(["logs-1", "logs-2"]);
  });

  test("leaves out an index that was found in its first copy, with its checkpoint of before", () => {
    const everything = standbyView({
      indices: [index("logs-1", { following: true }), index("logs-2", { following: true })],
      followers: [follower("logs-1"), follower("logs-2")],
    });
    const before = done(promotion(everything));
    const recorded = stepOf(before, "record-checkpoints");
    const checkpoints = ["logs-1", "logs-2"].map((name) => ({
      ...{ index: name, shard: 0, globalCheckpoint: 100, maxSeqNo: 100 },
    }));
    const with2 = recorded === null ? before : withStep(before, { ...recorded, checkpoints });
    const plan = withFollowersChanged(with2, { late: [], unfinished: [copying("logs-2")] }, known);
    for (const [, indices] of indicesOf(plan)) expect(indices).toEqual(["logs-1"]);
    expect(stepOf(plan, "record-checkpoints")?.checkpoints?.map((entry) => entry.index)).toEqual(["logs-1"]);
    expect(stepOf(plan, "discard-copies")?.copies.map((copy) => copy.index)).toEqual(["logs-2"]);
  });

  test("chooses write indices again, for an alias whose index came late and for one whose index is left out", () => {
    const leader = { ...sight, writeAliases: [{ alias: "logs-write", index: "logs-2" }] };
    const withAlias = { ...known, leader };
    const plan = promotion(halfCopied, leader);
    expect(stepOf(plan, "write-aliases")).toMatchObject({ aliases: [], unset: ["logs-write"] });
    const late = withFollowersChanged(done(plan), { late: ["logs-2"], unfinished: [] }, withAlias);
    expect(stepOf(late, "write-aliases")).toMatchObject({
      status: "pending",
      aliases: [{ alias: "logs-write", index: "logs-2" }],
      unset: [],
    });
  });
});

describe("a switchover", () => {
  test("waits in its catch-up for a copy that began after it was granted, rather than to leave it out", () => {
    const plan = planSwitchover(activeView(), halfCopied, sight, config, NOW_MS);
    expect(stepOf(plan, "catch-up")?.status).toBe("pending");
    for (const [kind, indices] of indicesOf(plan)) if (kind !== "block-writes") expect(indices).toEqual(["logs-1"]);
  });
});

describe("an unfinished copy in the region that serves", () => {
  const need = (changes: Parameters<typeof copying>[2] = {}) =>
    repairNeedOf(
      serving(),
      activeView({ indices: [index("logs-1"), copying("logs-2", {}, changes)], strays: ["logs-2"] }),
    );

  test("is deleted by a repair, and not detached", () => {
    const plan = planRepair(need(), NOW_MS);
    expect(stepOf(plan, "discard-copies")?.copies.map((copy) => copy.index)).toEqual(["logs-2"]);
    for (const [, indices] of indicesOf(plan)) expect(indices).toEqual([]);
  });

  test("is kept when one of its primaries is complete", () => {
    expect(need({ primaries: 2, primariesActive: 1 })).toEqual({ strays: [], copies: [], blocked: [], joining: [] });
  });

  test("is deleted by a repair also once a restart has ended it, as the promotion had noted, and detached by none", () => {
    const failures = [{ index: "logs-2", reason: "no answer" }];
    const plan = done(promotion());
    const left = {
      ...plan,
      steps: plan.steps.map((step) => (step.kind === "discard-copies" ? { ...step, failures } : step)),
    };
    const promoted = (made: Plan) => {
      const { record } = decide(
        promoting({ plan: made }),
        observations(seenHealth("unhealthy", "healthy")),
        NOW_MS,
        config,
      );
      if (record?.phase !== "serving") throw new Error("bhs does not serve");
      return record;
    };
    const needOf = (made: Plan, changes: Partial<IndexState>) => {
      const indices = [index("logs-1"), index("logs-2", { following: true, ...changes })];
      return repairNeedOf(promoted(made), activeView({ region: "bhs", indices, strays: ["logs-2"] }));
    };
    const ended = { primariesActive: 0, noCopy: true };
    expect(promoted(left).unfinishedCopies).toEqual([{ index: "logs-2", uuid: "uuid-logs-2" }]);
    expect(needOf(left, ended)).toMatchObject({ strays: [], copies: [{ index: "logs-2", uuid: "uuid-logs-2" }] });
    expect(needOf(left, { ...ended, uuid: "made-again" })).toMatchObject({ strays: ["logs-2"], copies: [] });
    expect(needOf(left, {})).toMatchObject({ strays: ["logs-2"], copies: [] });
    expect(promoted(plan).unfinishedCopies).toEqual([]);
  });

  test("is tried again a minute after it could not be deleted, and holds neither a rejoin nor another change up", () => {
    const active = activeView({ indices: [index("logs-1"), copying("logs-2")], strays: ["logs-2"] });
    const seen = observations({ active });
    const begun = decide(serving(), seen, NOW_MS, config);
    expect(begun.rule).toBe("repair-begins");
    if (begun.record?.phase !== "serving" || begun.record.plan === null) throw new Error("no repair began");
    const plan = done(begun.record.plan);
    const discard = stepOf(plan, "discard-copies");
    if (discard === null) throw new Error("the repair discards nothing");
    const failures = [{ index: "logs-2", reason: "it is being snapshotted" }];
    const ended = decide(
      { ...begun.record, plan: withStep(plan, { ...discard, failures }) },
      seen,
      NOW_MS + 1_000,
      config,
    );
    expect(ended).toMatchObject({ rule: "repair-done", record: { plan: null, discardTriedAtMs: NOW_MS + 1_000 } });
    expect(ended.explanation).toContain("still there: logs-2 (it is being snapshotted)");
    const ruleAt = (afterMs: number) => {
      const nowMs = NOW_MS + afterMs;
      const fresh = { ...seen, active: { ...active, observedAtMs: nowMs } };
      return decide(ended.record, fresh, nowMs, config).rule;
    };
    expect(ruleAt(2_000)).not.toBe("repair-begins");
    expect(ruleAt(62_000)).toBe("repair-begins");
  });
});
