import { describe, expect, test } from "vitest";
import { exceptionsOf } from "../../watchdog/core/plans/describe-step.ts";
import { withStuckLeftOut } from "../../watchdog/core/plans/left-out.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { planRejoin } from "../../watchdog/core/plans/rejoin.ts";
import { planSwitchover } from "../../watchdog/core/plans/switchover.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import { switchoverBlockers } from "../../watchdog/core/rules/preconditions.ts";
import { currentStep, type Plan, type PlanStep, stepOf } from "../../watchdog/core/state/plan.ts";
import { parseStateRecord, type ServingRecord } from "../../watchdog/core/state/record.ts";
import { leavesOut } from "../../watchdog/core/state/stuck.ts";
import { servedOf } from "../../watchdog/core/state/to-join.ts";
import {
  activeView,
  config,
  dataStream,
  follower,
  health,
  index,
  NOW_MS,
  observations,
  promoting,
  seenHealth,
  serving,
  sight,
  standbyView,
} from "./core-fixtures.ts";

const lost = seenHealth("unhealthy", "healthy");
const stuck = [{ index: "logs-2", reason: "it could not be closed: it is being snapshotted" }];
const both = standbyView({
  indices: [index("logs-1", { following: true }), index("logs-2", { following: true })],
  followers: [follower("logs-1"), follower("logs-2")],
});
const leader = { ...sight, writeAliases: [{ alias: "logs-write", index: "logs-2" }] };
const known = { leader, indices: both.indices, managed: config.replication };
const promotion = () => planPromotion("gra", both, leader, config, NOW_MS);
const indicesOf = ({ steps }: Plan) => steps.flatMap((step) => ("indices" in step ? [step.indices] : []));

/** The steps before this one are done; both indices had been copied up to operation 100. */
function upTo(plan: Plan, kind: PlanStep["kind"] | null): Plan {
  const at = kind === null ? plan.steps.length : plan.steps.findIndex((step) => step.kind === kind);
  const checkpoint = { shard: 0, globalCheckpoint: 100, maxSeqNo: 100 };
  const loss = { atLeast: 5, atMost: 605, shards: [], unseenMs: 29_000, explanation: "between 5 and 605 operations" };
  const steps = plan.steps.map((step, n): PlanStep => {
    if (n > at) return step;
    if (n === at) return { ...step, status: "failed", attempts: 4, error: "refused" };
    const done = { ...step, status: "done", attempts: 1 } as const;
    const checkpoints = ["logs-1", "logs-2"].map((name) => ({ index: name, ...checkpoint }));
    return done.kind === "record-checkpoints" ? { ...done, checkpoints, loss } : done;
  });
  return { ...plan, steps };
}

describe("indices for which a step fails are left out", () => {
  const failure = { step: { attempts: 3 }, others: 1, closedForMs: 57_000, retryInMs: 4_000 };

  test("once no further attempt fits into the bound, and not after a first failure", () => {
    expect(leavesOut(promoting(), failure, config)).toBe(true);
    expect(leavesOut(promoting(), { ...failure, closedForMs: 50_000 }, config)).toBe(false);
    expect(leavesOut(promoting(), { ...failure, step: { attempts: 2 } }, config)).toBe(false);
  });

  test("never where the step succeeded for none: the cluster is at fault then", () => {
    expect(leavesOut(promoting(), { ...failure, others: 0 }, config)).toBe(false);
  });

  test("by a switchover only once it cannot turn back without a new copy, or has not in time, and by no way back", () => {
    const plan = planSwitchover(activeView(), both, leader, config, NOW_MS);
    const at = (kind: PlanStep["kind"]) => promoting({ change: "switchover", plan: upTo(plan, kind) });
    const young = { ...failure, closedForMs: 48_000, retryInMs: 16_000 };
    expect(leavesOut(at("close"), young, config)).toBe(false);
    expect(leavesOut(at("open"), young, config)).toBe(true);
    expect(leavesOut(at("close"), failure, config)).toBe(true);
    const undo = { ...plan, kind: "undo" } as const;
    expect(leavesOut(promoting({ change: "switchover", plan: undo }), failure, config)).toBe(false);
  });

  test("by a repair after three attempts, whatever else succeeds", () => {
    const repair = { ...serving(), plan: { ...promotion(), kind: "repair" as const } };
    expect(leavesOut(repair, { ...failure, others: 0 }, config)).toBe(true);
    expect(leavesOut({ ...repair, plan: { ...promotion(), kind: "rejoin" } }, failure, config)).toBe(false);
  });
});

describe("a plan that leaves a complete copy out", () => {
  const plan = withStuckLeftOut(upTo(promotion(), "close"), stuck, known);

  test("has it in no step, keeps its checkpoint, and tries the failed step again at once", () => {
    for (const indices of indicesOf(plan)) expect(indices).toEqual(["logs-1"]);
    expect(stepOf(plan, "record-checkpoints")).toMatchObject({ status: "done" });
    expect(stepOf(plan, "record-checkpoints")?.checkpoints?.map((entry) => entry.index)).toEqual(["logs-1", "logs-2"]);
    expect(currentStep(plan)).toMatchObject({ kind: "close", status: "pending", attempts: 4, error: null });
  });

  test("deletes nothing, and names it with the reason", () => {
    expect(stepOf(plan, "discard-copies")).toBeNull();
    expect(exceptionsOf(plan)).toContain(`left out: logs-2 (${stuck[0]?.reason})`);
  });

  test("chooses write indices again, also when they had been set", () => {
    const late = withStuckLeftOut(upTo(promotion(), "verify"), stuck, known);
    expect(stepOf(late, "write-aliases")).toMatchObject({ status: "pending", unset: ["logs-write"] });
  });

  test("gives up an alias or a data stream whose step keeps failing, while its indices serve", () => {
    const streams = { ...both, dataStreams: [dataStream("logs-app", ["logs-2"], { replicated: true })] };
    const at = upTo(planPromotion("gra", streams, leader, config, NOW_MS), "data-streams");
    const failures = [{ index: "logs-app", reason: "no matching index template" }];
    const given = withStuckLeftOut(at, failures, known);
    expect(stepOf(given, "data-streams")).toMatchObject({ status: "done", failures });
    expect(stepOf(given, "verify")?.indices).toEqual(["logs-1", "logs-2"]);
    expect(exceptionsOf(given)).toContain("given up: logs-app (no matching index template)");
    const ended = decide(promoting({ plan: upTo(given, null) }), observations(lost), NOW_MS, config).record;
    expect(ended?.lastFailover).toMatchObject({ missingIndices: [], leftOut: failures });
    expect(ended?.lastFailover).not.toHaveProperty("toJoin");
  });

  const promoted = () => {
    const { record } = decide(promoting({ plan: upTo(plan, null) }), observations(lost), NOW_MS, config);
    if (record?.phase !== "serving") throw new Error("the promotion is not done");
    return record;
  };

  test("ends with a record that names it, counts its lack and not all of it as lost, and keeps it to join", () => {
    const { lastFailover } = promoted();
    expect(lastFailover).toMatchObject({
      missingIndices: ["logs-2"],
      leftOut: [...stuck, { index: "logs-write", reason: "it has no write index: none of its indices was promoted" }],
      toJoin: { indices: ["logs-2"], attempts: 0, triedAtMs: null },
      loss: { atLeast: 5, atMost: 605 },
    });
    expect(lastFailover?.loss.explanation).toBe(
      `between 5 and 605 operations; besides, not served until they join: logs-2 (${stuck[0]?.reason})`,
    );
    expect(() => parseStateRecord(structuredClone(promoted()))).not.toThrow();
  });
});

describe("a complete copy that was left out", () => {
  const plan = upTo(withStuckLeftOut(upTo(promotion(), "close"), stuck, known), null);
  const after = decide(promoting({ plan }), observations(lost), NOW_MS, config).record as ServingRecord;
  const held = (changes: Parameters<typeof index>[1] = {}) =>
    index("logs-2", { following: true, aliases: [{ alias: "logs-write", isWriteIndex: false }], ...changes });
  const seenAt = (nowMs: number) =>
    observations({
      ...lost,
      health: { gra: health("unhealthy"), bhs: { ...health("healthy"), lastGoodAtMs: nowMs, lastProbeAtMs: nowMs } },
      active: activeView({
        region: "bhs",
        observedAtMs: nowMs,
        indices: [index("logs-1"), held()],
        strays: ["logs-2"],
      }),
      standby: null,
      standbyError: "gone",
    });
  const decideAt = (record: ServingRecord, afterMs: number) =>
    decide(record, seenAt(NOW_MS + afterMs), NOW_MS + afterMs, config);
  /** The repair that begins then, with its end: it succeeded, or left the copy out again. */
  const repaired = (record: ServingRecord, afterMs: number, joins: boolean): ServingRecord => {
    const begun = decideAt(record, afterMs).record as ServingRecord;
    if (begun.plan === null) throw new Error("no repair began");
    const failing = joins ? begun.plan : withStuckLeftOut(upTo(begun.plan, "close"), stuck, known);
    return decideAt({ ...begun, plan: upTo(failing, null) }, afterMs + 4_000).record as ServingRecord;
  };

  test("is tried again with growing pauses", () => {
    expect(decideAt(after, 14_000).rule).not.toBe("repair-begins");
    const begun = decideAt(after, 15_000);
    expect([begun.rule, begun.explanation]).toEqual([
      "repair-begins",
      "a repair of bhs begins: logs-2 was left out, and is tried again",
    ]);
    const once = repaired(after, 15_000, false);
    expect(once.lastFailover?.toJoin).toEqual({ indices: ["logs-2"], attempts: 1, triedAtMs: NOW_MS + 19_000 });
    expect(decideAt(once, 48_000).rule).not.toBe("repair-begins");
    expect(decideAt(once, 49_000).rule).toBe("repair-begins");
    const often = { ...once.lastFailover, toJoin: { indices: ["logs-2"], attempts: 50, triedAtMs: NOW_MS } };
    expect(decideAt({ ...once, lastFailover: often as ServingRecord["lastFailover"] }, 120_000).rule).toBe(
      "repair-begins",
    );
  });

  test("waits for a rejoin that gets on, and not for one that waits itself", () => {
    const former = standbyView({ region: "gra", indices: [index("logs-1")], followers: [], autoFollow: [] });
    const rejoining = { ...after, standby: "fencing" as const, plan: planRejoin(after, former, "delete", NOW_MS) };
    expect(decideAt(rejoining, 15_000).rule).toBe("repair-begins");
    const well = observations({ ...seenAt(NOW_MS + 15_000), ...seenHealth("healthy", "healthy") });
    expect(decide(rejoining, well, NOW_MS + 15_000, config).rule).toBe("rejoin-goes-on");
  });

  test("joins with a word in the history, is missing no more, and gives its alias a write index again", () => {
    const begun = decideAt(after, 15_000).record as ServingRecord;
    const ended = decideAt({ ...begun, plan: begun.plan && upTo(begun.plan, null) }, 16_000);
    expect(ended).toMatchObject({ rule: "repair-done", record: { lastFailover: { missingIndices: [], leftOut: [] } } });
    expect(ended.explanation).toMatch(/every index accepts writes; logs-2 has joined$/);
    expect(ended.record?.lastFailover).not.toHaveProperty("toJoin");
  });

  test("joins no more once it was deleted: it stays missing, and the former primary is salvaged as a whole", () => {
    const begun = decideAt(after, 15_000).record as ServingRecord;
    const seen = seenAt(NOW_MS + 16_000);
    const without = { ...seen, active: seen.active && { ...seen.active, indices: [index("logs-1")], strays: [] } };
    const plan = begun.plan && upTo(begun.plan, null);
    const ended = decide({ ...begun, standby: "following", plan }, without, NOW_MS + 16_000, config);
    expect(ended.explanation).toMatch(/every index accepts writes; logs-2 was deleted in bhs, and joins no more$/);
    expect(ended.record).toMatchObject({ standby: "absent", lastFailover: { missingIndices: ["logs-2"] } });
    expect(ended.record?.lastFailover).not.toHaveProperty("toJoin");
    expect(ended.record?.lastFailover?.checkpoints.map((entry) => entry.index)).toEqual(["logs-1"]);
  });

  test("gets the alias of which it is the only index, and no alias that writes elsewhere by now", () => {
    const member = (alias: string, isWriteIndex: boolean) => ({ alias, isWriteIndex });
    const indices = [
      index("logs-1", { aliases: [member("logs-write", true), member("logs-read", false)] }),
      held({ aliases: [member("logs-write", false), member("logs-read", false), member("logs-own", false)] }),
    ];
    const seen = seenAt(NOW_MS + 15_000);
    const active = seen.active && { ...seen.active, indices };
    const { record } = decide(after, { ...seen, active }, NOW_MS + 15_000, config);
    const step = record?.phase === "serving" && record.plan !== null ? stepOf(record.plan, "write-aliases") : null;
    expect(step?.aliases).toEqual([{ alias: "logs-own", index: "logs-2", insteadOf: null }]);
  });

  test("is followed by the standby only once it has joined, and refuses a switchover until then", () => {
    const indices = [index("logs-1"), held()];
    expect(servedOf(after, indices).map(({ name }) => name)).toEqual(["logs-1"]);
    // Detached already, but it could not be opened.
    expect(servedOf(after, [index("logs-1"), index("logs-2")]).map(({ name }) => name)).toEqual(["logs-1"]);
    const situation = { record: after, seen: seenAt(NOW_MS), nowMs: NOW_MS, config };
    expect(switchoverBlockers(situation)).toContain("left out in bhs, and not joined yet: logs-2");
  });

  test("makes the former primary rejoin once more when it has joined", () => {
    const former = standbyView({ region: "gra", indices: [index("logs-2")], followers: [], autoFollow: [] });
    const rejoining = { ...after, plan: upTo(planRejoin(after, former, "delete", NOW_MS), null) };
    const seen = observations({ ...seenHealth("healthy", "healthy"), active: activeView({ region: "bhs" }) });
    const followed = decide(rejoining, seen, NOW_MS, config);
    expect(followed.rule).toBe("rejoin-done");
    expect(followed.explanation).toMatch(/no indices of its own left but logs-2, kept until bhs serves them/);
    expect(followed.record).toMatchObject({ standby: "following", lastFailover: { rejoinedAtMs: null } });
    expect(followed.record?.lastFailover?.checkpoints.map((entry) => entry.index)).toContain("logs-2");
    expect(repaired(followed.record as ServingRecord, 15_000, false).standby).toBe("following");
    expect(repaired(followed.record as ServingRecord, 15_000, true)).toMatchObject({ standby: "absent" });
  });
});
