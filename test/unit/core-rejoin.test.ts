import { describe, expect, test } from "vitest";
import { divergenceFrom, isFormerPrimary, planRejoin, standbyDuring } from "../../watchdog/core/plans/rejoin.ts";
import { planReplication } from "../../watchdog/core/plans/replication.ts";
import { isOlder } from "../../watchdog/core/rules/preconditions.ts";
import { currentStep, withStep } from "../../watchdog/core/state/plan.ts";
import type { ServingRecord } from "../../watchdog/core/state/record.ts";
import { afterFailover, follower, index, NOW_MS, serving, standbyView } from "./core-fixtures.ts";

const former = (...indices: ReturnType<typeof index>[]) =>
  standbyView({ region: "gra", indices, followers: [], autoFollow: [] });

describe("the divergence of a former primary", () => {
  const checkpoints = (record: ServingRecord, ...indices: ReturnType<typeof index>[]) =>
    divergenceFrom(record, "gra", indices).checkpoints;

  test("starts at the recorded checkpoints, for the indices that were followed then", () => {
    expect(checkpoints(afterFailover(), index("logs-1"))).toEqual([{ index: "logs-1", shard: 0, checkpoint: 100 }]);
  });

  test("is a whole index for a later index of the same name, which was never replicated", () => {
    expect(checkpoints(afterFailover(), index("logs-1", { uuid: "made-later" }))).toEqual([]);
  });

  test("is a whole index once the region had rejoined: what it has of its own is newer", () => {
    const { lastFailover } = afterFailover();
    if (lastFailover === null) throw new Error("no failover");
    const record = afterFailover({ lastFailover: { ...lastFailover, rejoinedAtMs: NOW_MS } });
    expect(isFormerPrimary(record, "gra")).toBe(false);
    expect(checkpoints(record, index("logs-1"))).toEqual([]);
  });

  test("starts where a promotion that was undone had detached it", () => {
    const cut = [{ index: "logs-1", shard: 0, globalCheckpoint: 7, maxSeqNo: 7 }];
    const record = serving({ halfPromoted: { region: "bhs", checkpoints: cut } });
    expect(isFormerPrimary(record, "bhs")).toBe(true);
    expect(divergenceFrom(record, "bhs", [index("logs-1")]).checkpoints).toEqual([
      { index: "logs-1", shard: 0, checkpoint: 7 },
    ]);
  });
});

describe("the policy of a rejoin", () => {
  const clearOf = (record: ServingRecord) => {
    const { steps } = planRejoin(record, former(index("logs-1")), "wait", NOW_MS);
    const step = steps.find(({ kind }) => kind === "clear");
    return step?.kind === "clear" ? step.policy : null;
  };

  test("waits for an operator after a failover, and not after a switchover, whose cost was confirmed", () => {
    const record = afterFailover();
    const { lastFailover } = record;
    if (lastFailover === null) throw new Error("no failover");
    expect(clearOf(record)).toBe("wait");
    expect(clearOf({ ...record, lastFailover: { ...lastFailover, kind: "switchover" } })).toBe("delete");
  });
});

describe("the plan of a rejoin", () => {
  test("fences before anything else, and makes room last", () => {
    const plan = planRejoin(afterFailover(), former(index("logs-1")), "delete", NOW_MS);
    expect(plan.steps.map(({ kind }) => kind)).toEqual(["fence", "pause-auto-follow", "salvage", "clear"]);
  });

  test("fences only indices that are not blocked yet", () => {
    const indices = [index("logs-1"), index("logs-2", { writeBlocked: true }), index("logs-3", { following: true })];
    const [fence] = planRejoin(afterFailover(), former(...indices), "delete", NOW_MS).steps;
    expect(fence).toMatchObject({ kind: "fence", indices: ["logs-1"] });
  });

  test("opens what an undone promotion had closed, and no other closed index", () => {
    const cut = [{ index: "logs-1", shard: 0, globalCheckpoint: 7, maxSeqNo: 7 }];
    const record = serving({ halfPromoted: { region: "gra", checkpoints: cut } });
    const indices = [index("logs-1", { open: false }), index("logs-2", { open: false })];
    const [open] = planRejoin(record, former(...indices), "delete", NOW_MS).steps;
    expect(open).toMatchObject({ kind: "open", indices: ["logs-1"] });
  });

  test("sets the state of the standby: fencing, then salvaging", () => {
    let plan = planRejoin(afterFailover(), former(index("logs-1")), "delete", NOW_MS);
    const states: string[] = [];
    for (let step = currentStep(plan); step !== null; step = currentStep(plan)) {
      states.push(standbyDuring(plan));
      plan = withStep(plan, { ...step, status: "done" });
    }
    expect(states).toEqual(["fencing", "fencing", "salvaging", "salvaging"]);
  });
});

describe("a follower with a fatal error", () => {
  const changesFor = (fatalError: string) =>
    planReplication({
      leader: { region: "gra", indices: [index("logs-1")], definitions: [], health: "healthy", sameCluster: true },
      standby: {
        ...standbyView(),
        followers: [follower("logs-1", { fatalError })],
        copies: new Map(),
        indices: [index("logs-1", { following: true })],
        definitions: [],
        reachesLeader: false,
        neverComplete: new Set(),
      },
      patterns: ["logs-*"],
      exclusions: [],
      dueDeletions: new Set(),
      seenBefore: new Set(),
    }).changes;

  test.each([
    "Operations are no longer available for replicating. Existing retention leases [RetentionLeases{}]; maybe increase",
    "Not all operations between from_seqno [100] and to_seqno [200] found; prematurely terminated last_seen_seqno [-2]",
  ])("is recreated when its leader no longer has the history (%#)", (reason) => {
    expect(changesFor(reason)).toMatchObject([
      { kind: "recreate-follow", cause: "history-lost", follower: { name: "logs-1" }, leader: { region: "gra" } },
    ]);
  });

  test("is restarted for any other reason", () => {
    expect(changesFor("unable to open any connections to remote cluster")).toMatchObject([{ kind: "restart-follow" }]);
  });
});

describe("versions", () => {
  test.each([
    ["9.5.2", "9.5.3", true],
    ["9.5.3", "9.5.3", false],
    ["9.10.0", "9.9.9", false],
    ["8.19.21", "9.0.0", true],
    ["9.5.3-SNAPSHOT", "9.5.3", false],
    ["9.5", "9.5.1", true],
  ])("%s is older than %s: %s", (a, b, older) => {
    expect(isOlder(a, b)).toBe(older);
  });
});
