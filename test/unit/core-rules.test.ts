import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stepRunners } from "../../watchdog/controller/steps/runner.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { planRejoin } from "../../watchdog/core/plans/rejoin.ts";
import { planRepair } from "../../watchdog/core/plans/repair.ts";
import { planSwitchover, planUndo } from "../../watchdog/core/plans/switchover.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import { explain } from "../../watchdog/core/rules/explain.ts";
import type { RuleId } from "../../watchdog/core/rules/table.ts";
import { rules } from "../../watchdog/core/rules/table.ts";
import type { ClusterLicence, ClusterProbe } from "../../watchdog/core/state/cluster.ts";
import type { HealthState } from "../../watchdog/core/state/health.ts";
import { memberOf } from "../../watchdog/core/state/members.ts";
import type { Observations } from "../../watchdog/core/state/observations.ts";
import type { Plan, PlanStep, StepKind } from "../../watchdog/core/state/plan.ts";
import type { AbortRequest, ChangeRequest, PromotingRecord, StateRecord } from "../../watchdog/core/state/record.ts";
import { parseStateRecord } from "../../watchdog/core/state/record.ts";
import {
  activeView,
  afterFailover,
  closing,
  config,
  copying,
  etcd,
  failsafe,
  follower,
  goodProbe,
  health,
  index,
  NOW_MS,
  observations,
  promotedUpTo,
  promoting,
  seenHealth,
  serving,
  sight,
  standbyView,
} from "./core-fixtures.ts";
import { hooked, ranAfter, ranBefore } from "./core-hook-fixtures.ts";

interface Case {
  readonly record: StateRecord | null;
  readonly seen: Observations;
  /** What the next record must have, or "unchanged". */
  readonly next: "unchanged" | Partial<{ phase: string; epoch: number; active: string; standby: string }>;
  readonly actions?: readonly string[];
  readonly says: RegExp;
  /** Default: the configuration of the fixtures. */
  readonly config?: typeof config;
}

const lost = seenHealth("unhealthy", "healthy");
/** gra has answered the watchdogs with 401 for three checks and more. */
const refusing = {
  ...seenHealth("unknown", "healthy"),
  health: {
    gra: {
      ...health("healthy"),
      state: "unknown",
      inconclusiveInARow: 5,
      reason: "refuses this watchdog's user or password: 401 (whether it serves is not known)",
    },
    bhs: health("healthy"),
  },
} satisfies Partial<Observations>;
const licenceOfBhs = (changes: Partial<ClusterLicence>, seen: Partial<Observations> = lost) => {
  const { readiness } = standbyView();
  const licence = { ...readiness.licence, ...changes };
  return observations({ ...seen, standby: standbyView({ readiness: { ...readiness, licence } }) });
};
const sync = (inSync: boolean, ...reasons: string[]) =>
  standbyView({ sync: { inSync, reasons, unprotected: [], lagOperations: 0, readAgeMs: 0 } });

const requestOf = (changes: Partial<ChangeRequest>): ChangeRequest => ({
  kind: "switchover",
  to: "bhs",
  force: false,
  by: "alice",
  reason: "drill",
  atMs: NOW_MS - 500,
  validUntilMs: NOW_MS + 60_000,
  ...changes,
});

const allDone = (plan: Plan): Plan => ({
  ...plan,
  steps: plan.steps.map((step) => ({ ...step, status: "done", attempts: 1 })),
});

function switchingOver(how: "undone" | "catch-up failed"): PromotingRecord {
  const plan = planSwitchover(activeView(), standbyView(), sight, config, NOW_MS - 2_000);
  const change = { change: "switchover", automatic: false, startedAtMs: NOW_MS - 2_000 } as const;
  if (how === "undone") return promoting({ ...change, plan: allDone(planUndo(promoting(change), NOW_MS)) });
  const failure = { status: "failed", attempts: 1, error: "shard 0 of logs-1 is at 5" } as const;
  const steps = plan.steps.map((step): PlanStep => {
    if (step.kind === "block-writes") return { ...step, status: "done", attempts: 1 };
    return step.kind === "catch-up" ? { ...step, ...failure } : step;
  });
  return promoting({ ...change, plan: { ...plan, steps } });
}

const abortOf = (changes: Partial<AbortRequest>): AbortRequest => ({
  by: "alice",
  reason: "gra is back",
  atMs: NOW_MS - 500,
  validUntilMs: NOW_MS + 60_000,
  ...changes,
});

/** A promotion whose step of that kind has failed again and again until its bound. */
function stuckAt(kind: StepKind, failed: Partial<PlanStep> = {}): PromotingRecord {
  const record = promotedUpTo(kind);
  const failure = { status: "failed", attempts: 5, error: "refused", ...failed } as const;
  const steps = record.plan.steps.map((step) => (step.kind === kind ? ({ ...step, ...failure } as PlanStep) : step));
  return { ...record, startedAtMs: NOW_MS - 61_000, plan: { ...record.plan, steps } };
}

const formerPrimary = () =>
  standbyView({
    region: "gra",
    indices: [index("logs-1", { uuid: "uuid-logs-1" }), index("logs-2")],
    followers: [],
    autoFollow: [],
  });

const steadily = (state: HealthState) => ({ ...health(state), successesInARow: 100 });

const formerPrimarySeen = (changes: Partial<Observations> = {}) =>
  observations({
    ...seenHealth("healthy", "healthy"),
    health: { gra: steadily("healthy"), bhs: steadily("healthy") },
    standby: formerPrimary(),
    active: activeView({ region: "bhs" }),
    inSyncSeenAtMs: NOW_MS - 1_000,
    ...changes,
  });

const failback = { automatic: true, quietPeriodMs: 3_600_000 };
const failingBack = {
  record: afterFailover({ standby: "in-sync", inSyncSinceMs: NOW_MS - 3_600_000, inSyncAtMs: NOW_MS - 1_000 }),
  seen: formerPrimarySeen({
    standby: standbyView({ region: "gra", followers: [follower("logs-1", {}, { remoteCluster: "bhs" })] }),
  }),
};

const rejoinPlan = () => planRejoin(afterFailover(), formerPrimary(), "delete", NOW_MS);

/** One situation for every rule in which it decides: the type makes a rule without one a compile error. */
const cases: Readonly<Record<RuleId, Case>> = {
  "store-unreachable": {
    record: serving(),
    seen: observations({ ...lost, store: { reachable: false, error: "input/output error" } }),
    next: "unchanged",
    says: /store does not answer \(input\/output error\)/,
  },
  "newer-version": {
    record: serving(),
    seen: observations({ ...lost, newerVersion: "the record is of a newer version: upgrade this watchdog" }),
    next: "unchanged",
    says: /closes and acknowledges, and decides nothing: the record is of a newer version: upgrade this watchdog/,
  },
  "self-doubt": {
    record: serving(),
    seen: observations({ ...lost, selfDoubt: ["the process stood still for 9000 ms"] }),
    next: "unchanged",
    says: /takes no action until its self-check passes: the process stood still/,
  },
  "not-leading": {
    record: serving(),
    seen: observations({ ...lost, leadership: { leading: false, leader: "gra-haproxy-1", error: null } }),
    next: "unchanged",
    says: /gra-haproxy-1 is the controller; this watchdog observes/,
  },
  "filled-store-settles": {
    record: closing({ filledAtMs: NOW_MS - 99_000 }),
    seen: observations({ ...lost, filledKnownForMs: config.leases.ttlMs }),
    next: { phase: "closing", epoch: 2 },
    says: /every ticket from before the store was filled has expired/,
  },
  "fill-store-from-copy": {
    record: null,
    seen: observations({ newestCopy: serving({ epoch: 3, active: "bhs" }) }),
    next: { phase: "serving", epoch: 3, active: "bhs" },
    says: /empty: it is filled from a copy of epoch 3/,
  },
  "first-primary": {
    record: null,
    seen: observations({ firstLooks: [{ region: "gra", following: [] }] }),
    next: { phase: "serving", epoch: 1, active: "gra", standby: "absent" },
    says: /gra becomes active/,
  },
  "no-record": {
    record: null,
    seen: observations({ firstLooks: [{ region: "gra", following: ["logs-1"] }] }),
    next: "unchanged",
    says: /gra has followers \(logs-1\)/,
  },
  "promotion-done": {
    record: promotedUpTo(null),
    seen: observations(lost),
    next: { phase: "serving", epoch: 3, active: "bhs", standby: "absent" },
    says: /bhs is promoted and verified/,
  },
  "promotion-undone": {
    record: promotedUpTo("unfollow"),
    seen: observations(seenHealth("healthy", "unhealthy")),
    next: { phase: "serving", epoch: 3, active: "gra", standby: "following" },
    says: /promotion of bhs undone: .*connection refused.*; gra is healthy, routers open to it under epoch 3/,
  },
  "promotion-given-up": {
    record: stuckAt("close"),
    seen: observations(),
    next: { phase: "serving", epoch: 3, active: "gra", standby: "following" },
    says: /promotion of bhs given up after 61 s of at most 60 s, step 5 of 10: close 1 index; last attempt failed: refused; gra is healthy, routers open to it under epoch 3/,
  },
  "change-aborted": {
    record: { ...promotedUpTo("close"), abort: abortOf({}) },
    seen: observations(lost),
    next: { phase: "serving", epoch: 3, active: "gra", standby: "following" },
    says: /failover to bhs aborted: alice asked to abort \(gra is back\); routers open to gra under epoch 3; gra is unhealthy, so a failover may begin again at once/,
  },
  "refuse-abort": {
    record: { ...promotedUpTo("open"), abort: abortOf({}) },
    seen: observations(lost),
    next: { phase: "promoting", epoch: 2 },
    says: /is refused: gra is not healthy: .*; followers of bhs are detached already.*or abort once gra is healthy/,
  },
  "promotion-waits": {
    record: promotedUpTo("open"),
    seen: observations(seenHealth("unhealthy", "unhealthy")),
    next: "unchanged",
    says: /promotion of bhs waits until bhs answers: no node answers/,
  },
  "promotion-goes-on": {
    record: promotedUpTo("close"),
    seen: observations(lost),
    next: "unchanged",
    actions: ["carry-out-plan"],
    says: /promoting bhs, step 5 of 10: close 1 index/,
  },
  "closing-called-off": {
    record: closing(),
    seen: observations(),
    next: { phase: "serving", epoch: 3, active: "gra" },
    says: /gra is healthy again and nothing was promoted; routers open to gra under epoch 3/,
  },
  "begin-promotion": {
    record: closing(),
    seen: observations({ ...lost, routers: [{ router: "bhs-haproxy-1", acknowledgedEpoch: 2 }] }),
    next: { phase: "promoting", epoch: 2 },
    actions: ["carry-out-plan"],
    says: /every router has closed: the promotion of bhs begins, with 10 steps/,
  },
  "closing-waits": {
    record: closing(),
    seen: observations(lost),
    next: "unchanged",
    says: /bhs-haproxy-1 has not acknowledged epoch 2 and still holds a lease/,
  },
  failover: {
    record: serving(),
    seen: observations(lost),
    next: { phase: "closing", epoch: 2 },
    says: /gra is unhealthy.*bhs takes over/,
  },
  "refuse-paused": {
    record: serving({ paused: { sinceMs: NOW_MS, by: "alice", reason: "upgrade of bhs" } }),
    seen: observations(lost),
    next: "unchanged",
    says: /no failover: alice paused automatic changes: upgrade of bhs/,
  },
  "refuse-both-unhealthy": {
    record: serving(),
    seen: observations(seenHealth("unhealthy", "unhealthy")),
    next: "unchanged",
    says: /no failover: bhs is not healthy/,
  },
  "refuse-several-routers": {
    record: serving(),
    seen: observations({ ...lost, routers: [{ router: "gra-haproxy-1", acknowledgedEpoch: 1 }] }),
    next: "unchanged",
    says: /file store serves one router, but gra-haproxy-1 holds a lease too/,
  },
  "refuse-not-promotable": {
    record: serving(),
    seen: licenceOfBhs({ type: "basic", allowsCcr: false }),
    next: "unchanged",
    says: /basic licence of bhs does not include cross-cluster replication/,
  },
  "refuse-not-in-sync": {
    record: serving({ standby: "following" }),
    seen: observations(lost),
    next: "unchanged",
    says: /bhs is not in sync \(following\)/,
  },
  "refuse-block-period": {
    record: serving({ blockedUntilMs: NOW_MS + 60_000 }),
    seen: observations(lost),
    next: "unchanged",
    says: /block period of the last failover ends at 2030-01-01T12:01:00/,
  },
  "operator-hooks": {
    record: serving({ request: requestOf({}) }),
    seen: observations(),
    config: hooked,
    next: { phase: "serving", epoch: 1 },
    actions: ["keep-replication", "run-hooks"],
    says: /alice asked for a switchover \(drill\): 1 hook before closing run first, while routers are open to gra/,
  },
  "failover-hooks": {
    record: serving(),
    seen: observations(lost),
    config: hooked,
    next: "unchanged",
    actions: ["run-hooks"],
    says: /gra is unhealthy.*1 hook before closing run first/,
  },
  "refuse-hook": {
    record: serving(),
    seen: observations({ ...lost, hooks: ranBefore("stopped", "2 failover bhs automatic") }),
    config: hooked,
    next: "unchanged",
    says: /no failover: a hook refuses it: \/h ended with status 1: backup; the hooks run again at 2030-01-01T12:00:59/,
  },
  "failback-hooks": {
    ...failingBack,
    config: { ...hooked, failback },
    next: "unchanged",
    actions: ["keep-replication", "run-hooks"],
    says: /automatic failback to gra.*1 hook before closing run first/,
  },
  "opening-hooks-ended": {
    record: serving({ openingHooks: { change: "failover", from: "bhs", to: "gra", reason: "drill" } }),
    seen: observations({ hooks: ranAfter("done", "1") }),
    config: hooked,
    next: { phase: "serving", epoch: 1 },
    says: /the hooks after the opening under epoch 1 have ended/,
  },
  "register-watchdog": {
    record: serving({ watchdogs: [] }),
    seen: observations(),
    next: { phase: "serving", epoch: 1 },
    says: /bhs-haproxy-1 of bhs is registered/,
  },
  "forget-watchdog": {
    record: serving({ watchdogs: [memberOf(config), { ...memberOf(config), name: "gra-haproxy-2", site: "gra" }] }),
    seen: observations({ silence: { "gra-haproxy-2": 86_400_000 } }),
    config: { ...config, failsafe },
    next: { phase: "serving", epoch: 1 },
    says: /gra-haproxy-2 of gra has been silent for 24 h and is forgotten/,
  },
  "standby-joins": {
    record: serving({ standby: "absent" }),
    seen: observations(),
    next: { standby: "following" },
    actions: ["keep-replication"],
    says: /bhs becomes the standby/,
  },
  "standby-in-sync": {
    record: serving({ standby: "following" }),
    seen: observations(),
    next: { standby: "in-sync" },
    actions: ["keep-replication"],
    says: /in sync with gra/,
  },
  "standby-behind": {
    record: serving({ inSyncAtMs: NOW_MS - 500_000 }),
    seen: observations({ inSyncSeenAtMs: null, standby: sync(false, "logs-1 is paused") }),
    next: { standby: "following" },
    actions: ["keep-replication"],
    says: /bhs is no longer in sync.*logs-1 is paused/,
  },
  "in-sync-noted": {
    record: serving({ inSyncAtMs: NOW_MS - 100_000 }),
    seen: observations({ inSyncSeenAtMs: NOW_MS - 1_000 }),
    next: { standby: "in-sync" },
    actions: ["keep-replication"],
    says: /in sync/,
  },
  "active-unknown": {
    record: serving(),
    seen: observations(refusing),
    next: "unchanged",
    actions: ["keep-replication"],
    says: /gra refuses this watchdog's user.*no automatic failover; .*failover --to bhs --force/,
  },
  "standby-waits": {
    record: serving({ standby: "absent" }),
    seen: observations({ standby: standbyView({ indices: [index("logs-9")] }) }),
    next: "unchanged",
    actions: [],
    says: /bhs has 1 managed indices of its own \(logs-9\)/,
  },
  steady: {
    record: serving(),
    seen: observations(),
    next: "unchanged",
    actions: ["keep-replication"],
    says: /gra serves, bhs is in-sync/,
  },
  "switchover-undone": {
    record: switchingOver("undone"),
    seen: observations(),
    next: { phase: "serving", epoch: 3, active: "gra", standby: "in-sync" },
    says: /switchover to bhs undone: no write was lost; gra accepts writes again/,
  },
  "switchover-given-up": {
    record: switchingOver("catch-up failed"),
    seen: observations(),
    next: { phase: "promoting", epoch: 2 },
    actions: ["carry-out-plan"],
    says: /turns back to gra: writes have been stopped for 2 s of at most 45 s; shard 0 of logs-1 is at 5/,
  },
  "switchover-called-off": {
    record: closing({ change: "switchover", automatic: false }),
    seen: observations(lost),
    next: { phase: "serving", epoch: 3, active: "gra", standby: "in-sync" },
    says: /called off: gra is unhealthy/,
  },
  "operator-failover": {
    record: serving({ request: requestOf({ kind: "failover", force: true }) }),
    seen: observations(),
    next: { phase: "closing", epoch: 2 },
    says: /alice asked for a failover \(drill\): bhs takes over from gra, routers close under epoch 2/,
  },
  switchover: {
    record: serving({ request: requestOf({}) }),
    seen: observations(),
    next: { phase: "closing", epoch: 2 },
    says: /alice asked for a switchover \(drill\): bhs takes over from gra, routers close under epoch 2/,
  },
  "refuse-request": {
    record: serving({ standby: "following", request: requestOf({}) }),
    seen: observations({ standby: sync(false, "logs-1 is paused") }),
    next: { phase: "serving", epoch: 1, standby: "following" },
    says: /refused: bhs is not in sync \(following\); logs-1 is paused/,
  },
  "first-copies-noted": {
    record: serving(),
    seen: observations({
      standby: standbyView({ indices: [index("logs-1", { following: true }), copying("logs-2")] }),
    }),
    next: { phase: "serving", epoch: 1, standby: "in-sync" },
    actions: ["keep-replication"],
    says: /bhs has 1 unfinished first copy/,
  },
  "deleted-leaders-noted": {
    record: serving(),
    seen: observations({
      deletedLeaders: [{ index: "logs-9", uuid: "u9" }],
      sites: [{ site: "bhs", regions: { gra: "healthy", bhs: "healthy" }, deletedLeaders: ["u9"] }],
    }),
    config: {
      ...config,
      replication: { ...config.replication, deletedLeaders: { policy: "delete", deleteAfterMs: 3_600_000 } },
    },
    next: { phase: "serving", epoch: 1, standby: "in-sync" },
    actions: ["keep-replication"],
    says: /logs-9 was deleted in gra: unless it comes back, its follower is deleted 60 min after it was first seen so/,
  },
  "repair-begins": {
    record: serving(),
    seen: observations({ active: activeView({ strays: ["logs-9"] }) }),
    next: { phase: "serving", epoch: 1 },
    actions: ["carry-out-plan"],
    says: /a repair of gra begins: logs-9 became a follower/,
  },
  "repair-goes-on": {
    record: serving({ plan: planRepair({ strays: ["logs-9"], copies: [], blocked: [], joining: [] }, NOW_MS) }),
    seen: observations(),
    next: "unchanged",
    actions: ["carry-out-plan"],
    says: /repairing gra, step 1 of 6: pause 0 auto-follow patterns/,
  },
  "repair-done": {
    record: serving({
      plan: allDone(planRepair({ strays: ["logs-9"], copies: [], blocked: [], joining: [] }, NOW_MS)),
    }),
    seen: observations(),
    next: { phase: "serving", epoch: 1 },
    says: /repair of gra is done: every index accepts writes/,
  },
  "rejoin-begins": {
    record: afterFailover(),
    seen: formerPrimarySeen(),
    next: { phase: "serving", epoch: 3, active: "bhs", standby: "fencing" },
    actions: ["carry-out-plan"],
    says: /gra is healthy again and rejoins: it is fenced/,
  },
  "rejoin-goes-on": {
    record: afterFailover({ standby: "fencing", plan: rejoinPlan() }),
    seen: formerPrimarySeen(),
    next: "unchanged",
    actions: ["carry-out-plan"],
    says: /gra rejoins, step 1 of 4: block writes to every managed index/,
  },
  "rejoin-waits": {
    record: afterFailover({ standby: "fencing", plan: rejoinPlan() }),
    seen: observations({ ...formerPrimarySeen(), ...seenHealth("healthy", "suspect") }),
    next: "unchanged",
    actions: [],
    says: /the rejoin of gra waits: the last probe of bhs failed/,
  },
  "rejoin-done": {
    record: afterFailover({ standby: "salvaging", plan: allDone(rejoinPlan()) }),
    seen: formerPrimarySeen(),
    next: { phase: "serving", epoch: 3, standby: "following" },
    actions: ["keep-replication"],
    says: /gra has no indices of its own left: it follows bhs/,
  },
  "write-blocks-forgotten": {
    record: serving({ writeBlocks: [{ region: "gra", index: "logs-1", uuid: "uuid-logs-1" }] }),
    seen: observations(),
    next: { phase: "serving", epoch: 1 },
    says: /every write block that the watchdog set in gra is lifted/,
  },
  "automatic-failback": {
    ...failingBack,
    config: { ...config, failback },
    next: { phase: "closing", epoch: 4 },
    says: /automatic failback to gra, which has been in sync for the quiet period of 3600 s: routers close/,
  },
};

describe("the table of rules", () => {
  test.each(Object.entries(cases))(
    "%s decides in its situation",
    (rule, { record, seen, next, actions, says, ...own }) => {
      const ruling = decide(record, seen, NOW_MS, own.config ?? config);
      expect(ruling.rule).toBe(rule);
      expect(ruling.explanation).toMatch(says);
      if (next === "unchanged") expect(ruling.record).toBe(record);
      else expect(ruling.record).toMatchObject(next);
      if (actions !== undefined) expect(ruling.actions.map(({ kind }) => kind)).toEqual(actions);
    },
  );

  test("no two rules share an id, and each has a situation in which it decides", () => {
    const ids = rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(Object.keys(cases).toSorted());
  });

  test("every step that the executor can carry out is in one of the plans", () => {
    const plans = [
      promoting().plan,
      planSwitchover(activeView(), standbyView(), sight, config, NOW_MS, ["logs-1"]),
      planPromotion("gra", standbyView({ indices: [copying("logs-1")] }), sight, config, NOW_MS),
      planPromotion("gra", standbyView(), { ...sight, writeBlocked: ["logs-1"] }, config, NOW_MS),
      rejoinPlan(),
    ];
    const kinds = new Set(plans.flatMap(({ steps }) => steps.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(Object.keys(stepRunners).sort());
  });

  test("every action is an outcome of some rule", () => {
    const asked = Object.values(cases).flatMap(
      ({ record, seen, config: own = config }) => decide(record, seen, NOW_MS, own).actions,
    );
    expect(new Set(asked.map(({ kind }) => kind))).toEqual(
      new Set(["keep-replication", "carry-out-plan", "run-hooks"]),
    );
  });

  test("a failover keeps the last snapshot of the lost region and begins a block period", () => {
    const { record } = decide(serving(), observations(lost), NOW_MS, config);
    expect(record).toMatchObject({
      phase: "closing",
      from: "gra",
      to: "bhs",
      leaderSight: { indices: ["logs-1", "logs-2"] },
      blockedUntilMs: NOW_MS + config.promotion.blockPeriodMs,
    });
  });

  test("a finished promotion records checkpoints, loss, and indices that the new region lacks", () => {
    const { record } = decide(promotedUpTo(null), observations(lost), NOW_MS, config);
    expect(record?.lastFailover).toMatchObject({
      from: "gra",
      to: "bhs",
      checkpoints: [{ index: "logs-1", globalCheckpoint: 100 }],
      loss: { atLeast: 5, atMost: 605 },
      missingIndices: ["logs-2"],
    });
  });

  test("an operator's failover from a region that refuses the watchdogs needs --force, and then begins", () => {
    const asked = (force: boolean) =>
      decide(serving({ request: requestOf({ kind: "failover", force }) }), observations(refusing), NOW_MS, config);
    expect(asked(false)).toMatchObject({ rule: "refuse-request" });
    expect(asked(false).explanation).toMatch(
      /whether gra serves is not known \(refuses this watchdog's user.*--force$/,
    );
    expect(asked(true)).toMatchObject({ rule: "operator-failover", record: { phase: "closing", from: "gra" } });
  });

  test("a region that one site alone is refused by is not unknown", () => {
    const others = ["gra", "witness"].map((site) => ({ site, regions: { gra: "healthy", bhs: "healthy" } as const }));
    const store = { ...config, store: etcd };
    const seen = observations({ ...refusing, sites: [...refusing.sites, ...others] });
    expect(decide(serving({ watchdogs: [] }), seen, NOW_MS, store).rule).not.toBe("active-unknown");
  });

  test("a lapsed licence of the standby blocks an automatic failover and an operator's, but no forced one", () => {
    const lapsed = licenceOfBhs({ active: false, allowsCcr: false, expiresAtMs: NOW_MS - 3_600_000 });
    const reason =
      /the trial licence of bhs is not active: it lapsed on 2030-01-01 11:00:00 UTC; a failover with --force/;
    const automatic = decide(serving(), lapsed, NOW_MS, config);
    expect(automatic.rule).toBe("refuse-not-promotable");
    expect(automatic.explanation).toMatch(reason);
    const asked = (force: boolean) =>
      decide(serving({ request: requestOf({ kind: "failover", force }) }), lapsed, NOW_MS, config);
    expect(asked(false).explanation).toMatch(reason);
    expect(asked(true).rule).toBe("operator-failover");
  });

  test("a standby with an index without a primary is not promoted, although it is healthy", () => {
    const probe = { ...health("healthy").lastProbe, status: "red", managedIndices: 8, redIndices: ["logs-8"] };
    const bhs = { ...health("healthy"), lastProbe: probe as ClusterProbe };
    const seen = observations({ ...lost, health: { ...lost.health, bhs } });
    const ruling = decide(serving(), seen, NOW_MS, config);
    expect(ruling.rule).toBe("refuse-not-promotable");
    expect(ruling.explanation).toMatch(/bhs has managed indices without a primary: logs-8$/);
  });

  test("a failover that was called off leaves no block period", () => {
    const { record } = decide(closing({ blockedUntilMs: NOW_MS + 1 }), observations(), NOW_MS, config);
    expect(record?.blockedUntilMs).toBeNull();
  });

  describe("a change that does not get on", () => {
    const well = observations();
    const ruleOf = (record: StateRecord, seen: Observations) => decide(record, seen, NOW_MS, config).rule;

    test("goes back to a healthy region after its bound, whoever asked for it, and not before", () => {
      const waiting = { automatic: false, startedAtMs: NOW_MS - 59_000 };
      expect(ruleOf(closing(waiting), well)).toBe("closing-waits");
      const overdue = closing({ ...waiting, startedAtMs: NOW_MS - 61_000 });
      const ruling = decide(overdue, well, NOW_MS, config);
      expect(ruling).toMatchObject({ rule: "closing-called-off", record: { active: "gra", epoch: 3 } });
      expect(ruling.explanation).toMatch(/called off after 61 s of at most 60 s: bhs-haproxy-1 has not acknowledged/);
      expect(ruleOf(overdue, observations(lost))).toBe("closing-waits");
    });

    test("is one whose step keeps failing: one that takes long, or has failed once, continues", () => {
      expect(ruleOf(stuckAt("close", { error: null, status: "running" }), well)).toBe("promotion-goes-on");
      expect(ruleOf(stuckAt("close", { attempts: 2 }), well)).toBe("promotion-goes-on");
      expect(ruleOf({ ...stuckAt("close"), startedAtMs: NOW_MS - 59_000 }, well)).toBe("promotion-goes-on");
      expect(ruleOf(stuckAt("close"), observations(lost))).toBe("promotion-goes-on");
    });

    test("goes back after followers were detached, too: the new region then rejoins", () => {
      const { record, rule } = decide(stuckAt("open"), well, NOW_MS, config);
      expect(rule).toBe("promotion-given-up");
      expect(record).toMatchObject({ active: "gra", standby: "absent", halfPromoted: { region: "bhs" } });
    });

    test("is given up in time although the clock was set back since it began", () => {
      const record = { ...stuckAt("close"), startedAtMs: NOW_MS + 3_540_000 };
      expect(ruleOf(record, observations({ changeKnownForMs: 59_000 }))).toBe("promotion-goes-on");
      expect(ruleOf(record, observations({ changeKnownForMs: 61_000 }))).toBe("promotion-given-up");
    });

    test("is not given up during an attempt, which may still take effect", () => {
      const record = stuckAt("close");
      const steps = record.plan.steps.map((step) =>
        step.kind === "close" ? { ...step, status: "running" as const } : step,
      );
      expect(ruleOf({ ...record, plan: { ...record.plan, steps } }, observations())).toBe("promotion-goes-on");
    });

    test("does not go back to a region that was built again and is empty", () => {
      const emptied = { ...health("healthy"), lastProbe: { ...goodProbe, managedIndices: 0 } };
      const seen = observations({ ...seenHealth("healthy", "healthy"), health: { ...well.health, gra: emptied } });
      expect(ruleOf(stuckAt("close"), seen)).toBe("promotion-goes-on");
      expect(ruleOf(closing(), seen)).toBe("closing-waits");
      const refused = decide({ ...promotedUpTo("close"), abort: abortOf({}) }, seen, NOW_MS, config);
      expect(refused.rule).toBe("refuse-abort");
      expect(refused.explanation).toMatch(
        /gra has only 0 of the 2 indices.*would lose acknowledged writes; restore gra/,
      );
    });

    test("ends when it is a switchover that turns back and cannot lift a write block", () => {
      const undo = planUndo(promoting({ change: "switchover" }), NOW_MS);
      const failure = { status: "failed", attempts: 3, error: "logs-1 still refuses writes" } as const;
      const plan = { ...undo, steps: undo.steps.map((step) => ({ ...step, ...failure })) };
      const change = { change: "switchover", automatic: false, plan } as const;
      expect(ruleOf(promoting({ ...change, startedAtMs: NOW_MS - 59_000 }), well)).toBe("promotion-goes-on");
      const ruling = decide(promoting({ ...change, startedAtMs: NOW_MS - 61_000 }), well, NOW_MS, config);
      expect(ruling).toMatchObject({ rule: "switchover-undone", record: { active: "gra", epoch: 3 } });
      expect(ruling.explanation).toMatch(/last attempt failed: logs-1 still refuses writes/);
    });
  });

  describe("an abort", () => {
    const seen = observations();
    const abort = abortOf({});

    test("ends a change whatever its phase, once the old region was probed", () => {
      expect(decide(closing({ abort }), observations(lost), NOW_MS, config).rule).toBe("change-aborted");
      expect(decide({ ...promotedUpTo(null), abort }, seen, NOW_MS, config)).toMatchObject({
        rule: "change-aborted",
        record: { active: "gra", halfPromoted: { region: "bhs" } },
      });
      const unprobed = observations(seenHealth("unknown", "healthy"));
      expect(decide({ ...promotedUpTo("close"), abort }, unprobed, NOW_MS, config).rule).toBe("promotion-goes-on");
    });

    test("of a switchover lifts the write blocks of the old region before it serves", () => {
      const ruling = decide({ ...switchingOver("catch-up failed"), abort }, seen, NOW_MS, config);
      expect(ruling).toMatchObject({ rule: "change-aborted", record: { plan: { kind: "undo" }, abort: null } });
      expect(ruling.actions).toEqual([{ kind: "carry-out-plan" }]);
      expect(ruling.explanation).toMatch(/the write blocks of gra are lifted, then routers open to gra under epoch 3/);
    });

    test("that no controller handled in time is refused, and the change goes on", () => {
      const late = { ...promotedUpTo("close"), abort: abortOf({ validUntilMs: NOW_MS - 1 }) };
      const ruling = decide(late, observations(lost), NOW_MS, config);
      expect(ruling).toMatchObject({ rule: "refuse-abort", record: { phase: "promoting", abort: null } });
      expect(decide(ruling.record, observations(lost), NOW_MS, config).rule).toBe("promotion-goes-on");
    });
  });

  test("an operator's pause does not stop a promotion under way", () => {
    const paused = { sinceMs: NOW_MS, by: "alice", reason: "upgrade" };
    expect(decide(promoting({ paused }), observations(lost), NOW_MS, config).rule).toBe("promotion-goes-on");
  });

  test("an overdue switchover neither continues nor turns back before the old region was probed", () => {
    const plan = planSwitchover(activeView(), standbyView(), sight, config, NOW_MS - 60_000);
    const at = plan.steps.findIndex(({ kind }) => kind === "unfollow");
    const overdue = (next: Partial<PlanStep>) => {
      const steps = plan.steps.map((step, n) => (n < at ? { ...step, status: "done", attempts: 1 } : step) as PlanStep);
      const unfollow = { ...steps[at], ...next } as PlanStep;
      const change = { change: "switchover", automatic: false, startedAtMs: NOW_MS - 60_000 } as const;
      return promoting({ ...change, plan: { ...plan, steps: steps.with(at, unfollow) } });
    };
    const ruleOf = (record: PromotingRecord, gra: HealthState) =>
      decide(record, observations(seenHealth(gra, "healthy")), NOW_MS, config).rule;
    expect(ruleOf(overdue({}), "unknown")).toBe("promotion-waits");
    expect(ruleOf(overdue({}), "healthy")).toBe("switchover-given-up");
    expect(ruleOf(overdue({}), "unhealthy")).toBe("promotion-goes-on");
    // An unfollow that has begun cannot be undone.
    expect(ruleOf(overdue({ status: "running", attempts: 1 }), "unknown")).toBe("promotion-goes-on");
  });

  test("a region that is recovering causes no failover", () => {
    const seen = observations(seenHealth("recovering", "healthy"));
    expect(decide(serving(), seen, NOW_MS, config).rule).toBe("steady");
  });

  test("a record that is older than a copy on this host is replaced by the copy", () => {
    const ruling = decide(
      serving(),
      observations({ newestCopy: serving({ epoch: 5, active: "bhs" }) }),
      NOW_MS,
      config,
    );
    expect(ruling).toMatchObject({ rule: "fill-store-from-copy", record: { epoch: 5, active: "bhs" } });
  });

  test("a copy that cannot be read prevents the first primary from becoming active", () => {
    const seen = observations({ copyError: "damaged", firstLooks: [{ region: "gra", following: [] }] });
    expect(decide(null, seen, NOW_MS, config)).toMatchObject({ rule: "no-record", record: null });
  });

  test("an old snapshot of the standby is not acted on", () => {
    const seen = observations({
      ...lost,
      standby: standbyView({ observedAtMs: NOW_MS - 600_000 }),
      standbyError: "timeout",
    });
    const ruling = decide(serving(), seen, NOW_MS, config);
    expect(ruling.rule).toBe("refuse-not-promotable");
    expect(ruling.explanation).toContain(
      "the last snapshot of bhs is 600000 ms old (at most 30000 ms allowed): timeout",
    );
  });

  test("a standby that lacks most new indices is behind until it follows them, without flapping", () => {
    const leaderSight = { ...sight, indices: ["logs-1", "logs-2", "logs-3"] };
    // The comparison is from when there was one index.
    const seen = observations({ leaderSight, standby: sync(true) });
    const behind = decide(serving(), seen, NOW_MS, config);
    expect(behind.rule).toBe("standby-behind");
    expect(decide(behind.record, seen, NOW_MS, config).rule).not.toBe("standby-in-sync");
  });

  test("a new index that is still being copied refuses a switchover, which would lose it, and no failover", () => {
    const reason = "logs-9 is still being copied";
    const state = "copying" as const;
    const unprotected = [
      { index: "logs-9", state, reason, copy: null, sinceMs: NOW_MS, established: false, required: true },
    ];
    const standby = standbyView({ sync: { inSync: true, reasons: [], unprotected, lagOperations: 0, readAgeMs: 0 } });
    const asked = decide(serving({ request: requestOf({}) }), observations({ standby }), NOW_MS, config);
    expect([asked.rule, asked.explanation]).toEqual([
      "refuse-request",
      expect.stringContaining(`not protected yet: ${reason}`),
    ]);
    expect(decide(serving(), observations({ ...lost, standby }), NOW_MS, config).rule).toBe("failover");
  });

  test("the record keeps when all indices were protected, and not when one is still being copied", () => {
    const unprotected = [
      {
        ...{ index: "logs-9", state: "copying" as const, reason: "", copy: null, sinceMs: NOW_MS },
        ...{ established: false, required: true },
      },
    ];
    const record = serving({ inSyncAtMs: NOW_MS - 100_000, allProtectedAtMs: NOW_MS - 90_000 });
    const noted = (some: typeof unprotected) => {
      const sync = { inSync: true, reasons: [], unprotected: some, lagOperations: 0, readAgeMs: 0 };
      const standby = standbyView({ observedAtMs: NOW_MS - 2_000, sync });
      return decide(record, observations({ inSyncSeenAtMs: NOW_MS - 1_000, standby }), NOW_MS, config).record;
    };
    expect(noted([])).toMatchObject({ allProtectedAtMs: NOW_MS - 2_000 });
    expect(noted(unprotected)).toMatchObject({ allProtectedAtMs: NOW_MS - 90_000 });
    // What may be left behind does not count.
    const optional = unprotected.map((each) => ({ ...each, required: false }));
    expect(noted(optional)).toMatchObject({ allProtectedAtMs: NOW_MS - 2_000 });
  });

  describe("that was in sync when this watchdog last saw the active region, 25 min ago,", () => {
    const agoMs = 1_500_000;
    const several = { ...config, store: etcd, failsafe };
    const record = serving({ inSyncAtMs: NOW_MS - agoMs });
    const gra = { ...health("unhealthy"), lastGoodAtMs: NOW_MS - agoMs };
    const seenFor = (failingForMs: Readonly<Record<string, number>>) => {
      const sites = Object.entries(failingForMs).map(([site, ms]) => ({
        ...{ site, epoch: record.epoch, failingForMs: { gra: ms, bhs: 0 } },
        regions: { gra: "unhealthy", bhs: "healthy" } as const,
      }));
      return observations({ health: { gra, bhs: health("healthy") }, sites, inSyncSeenAtMs: null });
    };

    test("is not promoted if a majority lost it only now, as it may have served since", () => {
      const { rule, explanation } = decide(record, seenFor({ bhs: agoMs, witness: 30_000 }), NOW_MS, several);
      expect(rule).toBe("refuse-not-in-sync");
      expect(explanation).toMatch(
        /bhs was last in sync \d+ ms before gra may last have served \(at most 120000 ms allowed\)/,
      );
    });

    test("is promoted if a majority has not seen it well since either", () => {
      expect(decide(record, seenFor({ bhs: agoMs, witness: agoMs }), NOW_MS, several).rule).toBe("failover");
    });

    test("is not promoted by the only watchdog if that was frozen since", () => {
      expect(decide(record, seenFor({ bhs: 30_000 }), NOW_MS, config).rule).toBe("refuse-not-in-sync");
      expect(decide(record, seenFor({ bhs: agoMs }), NOW_MS, config).rule).toBe("failover");
    });
  });

  test("indices that cannot be followed do not make it an empty one, and refuse no switchover", () => {
    const indices = ["logs-1", "logs-2", "logs-3"];
    const reason = "cannot be followed: it is a searchable snapshot";
    const leaderSight = { ...sight, indices, unfollowable: [1, 2].map((n) => ({ index: n, reason })) };
    expect(decide(serving(), observations({ ...lost, leaderSight }), NOW_MS, config).rule).toBe("failover");
    const named = { index: "logs-2", state: "unfollowable", reason: `logs-2 ${reason}`, copy: null } as const;
    const unprotected = [{ ...named, sinceMs: NOW_MS, established: true, required: false }];
    const standby = standbyView({ sync: { inSync: true, reasons: [], unprotected, lagOperations: 0, readAgeMs: 0 } });
    const seen = observations({ leaderSight, standby });
    expect(decide(serving({ request: requestOf({}) }), seen, NOW_MS, config).rule).toBe("switchover");
  });

  describe("while the active region answers and refuses every write", () => {
    const refusing = { ...health("unhealthy"), lastGoodAtMs: NOW_MS - 500 };
    const seenOf = (changes: Partial<Observations>) =>
      observations({ ...lost, health: { gra: refusing, bhs: health("healthy") }, ...changes });
    const behind = { inSync: false, reasons: ["logs-1 lags"], unprotected: [], lagOperations: 60, readAgeMs: 0 };

    test("a refused failover keeps replication up, so that the standby can catch up", () => {
      const seen = seenOf({ standby: standbyView({ sync: behind }) });
      const kept = [{ kind: "keep-replication" }];
      expect(decide(serving({ standby: "following" }), seen, NOW_MS, config)).toMatchObject({
        rule: "refuse-not-in-sync",
        actions: kept,
      });
      expect(decide(serving({ standby: "following" }), observations(lost), NOW_MS, config).actions).toEqual([]);
    });

    test("a standby that has caught up is noted, and then takes over", () => {
      const { rule, record } = decide(serving({ standby: "following" }), seenOf({}), NOW_MS, config);
      expect(rule).toBe("standby-in-sync");
      expect(decide(record, seenOf({}), NOW_MS, config).rule).toBe("failover");
    });

    test("a standby that falls behind is noted", () => {
      const seen = seenOf({ standby: standbyView({ sync: behind }), inSyncSeenAtMs: NOW_MS - 600_000 });
      const record = serving({ inSyncAtMs: NOW_MS - 600_000 });
      expect(decide(record, seen, NOW_MS, config).rule).toBe("standby-behind");
    });
  });

  describe("an index that is not required", () => {
    const policy = { ...config, replication: { ...config.replication, required: ["orders-*"] } };
    const leaderSight = { ...sight, indices: ["orders-1", "logs-1", "logs-2", "logs-3"] };
    const orders = follower("orders-1");

    test("prevents no failover, however many are missing or lag", () => {
      const late = follower("logs-1", { leaderCheckpointLastKnown: 1_000_000 });
      const seen = observations({ ...lost, leaderSight, standby: standbyView({ followers: [orders, late] }) });
      expect(decide(serving(), seen, NOW_MS, policy).rule).toBe("failover");
      expect(decide(serving(), seen, NOW_MS, config).rule).toBe("refuse-not-in-sync");
    });

    test("does not stand for those that are", () => {
      const seen = observations({ ...lost, leaderSight, standby: standbyView({ followers: [follower("logs-1")] }) });
      expect(decide(serving(), seen, NOW_MS, policy).explanation).toContain("follows only 0 of 1 indices of gra");
    });

    test("refuses a switchover while it is behind, as that would lose its writes", () => {
      const reason = "logs-1 is 60 operations behind";
      const behind = { index: "logs-1", state: "behind", reason, copy: null, sinceMs: NOW_MS } as const;
      const unprotected = [{ ...behind, established: true, required: false }];
      const standby = standbyView({
        sync: { inSync: true, reasons: [], unprotected, lagOperations: 60, readAgeMs: 0 },
      });
      const asked = decide(serving({ request: requestOf({}) }), observations({ standby }), NOW_MS, policy);
      expect([asked.rule, asked.explanation]).toEqual(["refuse-request", expect.stringContaining(reason)]);
    });
  });

  test("followers that cannot read because their leader is lost do not prevent the failover", () => {
    const seen = observations({ ...lost, standby: sync(false, "logs-1 cannot read from its leader") });
    expect(decide(serving(), seen, NOW_MS, config).rule).toBe("failover");
  });

  test("a standby that lagged too far when its leader was lost waits for an operator", () => {
    const followers = [{ ...standbyView().followers[0], index: "logs-1" }].map((one) => ({
      ...standbyView().followers[0],
      ...one,
      shards: [
        { ...standbyView().followers[0]?.shards[0], leaderCheckpointLastKnown: 1_000_000, followerCheckpoint: 5 },
      ],
    }));
    const seen = observations({ ...lost, standby: { ...standbyView(), followers: followers as never } });
    expect(decide(serving(), seen, NOW_MS, config).explanation).toContain("999995 operations behind");
  });
});

// --- properties -----------------------------------------------------------------------------------------------------

const healthState = fc.constantFrom<HealthState>(
  "unknown",
  "healthy",
  "healthy",
  "suspect",
  "unhealthy",
  "unhealthy",
  "recovering",
);
// Mostly recent, so that combinations of several recent times are frequent enough.
const timeMs = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: NOW_MS - 40_000, max: NOW_MS }) },
  fc.integer({ min: NOW_MS - 1_000_000, max: NOW_MS + 1_000_000 }),
);
const rarely = fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true));
const stepNames = [null, ...promoting().plan.steps.map(({ kind }) => kind)];
const phaseChanges = {
  epoch: fc.integer({ min: 1, max: 9 }),
  sequence: fc.integer({ min: 1, max: 99 }),
  blockedUntilMs: fc.option(timeMs),
  paused: fc.option(fc.constant({ sinceMs: NOW_MS, by: "alice", reason: "drill" }), { freq: 1 }),
};
const anyServing = fc
  .record({
    ...phaseChanges,
    active: fc.constantFrom("gra", "bhs"),
    standby: fc.constantFrom("absent", "following", "in-sync", "in-sync", "fencing", "salvaging"),
    inSyncAtMs: fc.option(timeMs),
  })
  .map((changes) => serving(changes as Parameters<typeof serving>[0]));
const anyRecord: fc.Arbitrary<StateRecord | null> = fc.oneof(
  { weight: 6, arbitrary: anyServing },
  fc.record(phaseChanges).map((changes) => closing(changes)),
  fc
    .tuple(fc.record(phaseChanges), fc.constantFrom(...stepNames))
    .map(([changes, step]) => ({ ...promotedUpTo(step), ...changes })),
  fc.constant(null),
);
const anyObservations: fc.Arbitrary<Observations> = fc
  .record({
    gra: healthState,
    bhs: healthState,
    failsSelfCheck: rarely,
    unreachable: rarely,
    acknowledgedEpoch: fc.option(fc.integer({ min: 0, max: 9 })),
    inSyncSeenAtMs: fc.option(timeMs),
    observedAtMs: timeMs,
    inSync: fc.boolean(),
    region: fc.constantFrom("gra", "bhs"),
    copy: fc.option(anyServing, { freq: 1 }).map((copy) => (copy?.sequence === 1 ? copy : null)),
    observed: fc.boolean(),
  })
  .map((any) =>
    observations({
      ...seenHealth(any.gra, any.bhs),
      selfDoubt: any.failsSelfCheck ? ["stalled"] : [],
      store: { reachable: !any.unreachable, error: any.unreachable ? "gone" : null },
      routers:
        any.acknowledgedEpoch === null ? [] : [{ router: config.name, acknowledgedEpoch: any.acknowledgedEpoch }],
      inSyncSeenAtMs: any.inSyncSeenAtMs,
      standby: { ...sync(any.inSync), observedAtMs: any.observedAtMs, region: any.region },
      newestCopy: any.copy,
      firstLooks: any.observed ? [{ region: "gra", following: [] }] : [],
    }),
  );

const forAll = (check: (record: StateRecord | null, seen: Observations) => void) =>
  fc.assert(fc.property(anyRecord, anyObservations, check), { numRuns: 3_000 });

test("a store that answers and takes no write decides as little as one that does not answer", () => {
  const full = observations({ ...lost, store: { reachable: true, error: null, full: "etcd's quota is reached" } });
  const ruling = decide(serving(), full, NOW_MS, config);
  expect(ruling).toMatchObject({ rule: "store-unreachable", record: serving(), actions: [] });
  expect(ruling.explanation).toBe(
    "the store takes no write (etcd's quota is reached): nothing is decided until it does",
  );
});

describe("for any observations", () => {
  test("no ruling lowers the epoch, and every changed record is a newer one that can be parsed", () => {
    forAll((record, seen) => {
      const { record: next } = decide(record, seen, NOW_MS, config);
      if (next === record) return;
      if (next === null) throw new Error("the record was taken away");
      expect(next.epoch).toBeGreaterThanOrEqual(record?.epoch ?? 1);
      expect(() => parseStateRecord(structuredClone(next))).not.toThrow();
      if (record !== null && next.epoch === record.epoch) expect(next.sequence).toBe(record.sequence + 1);
    });
  });

  test("a promotion begins only from closing, under its epoch, with every router closed", () => {
    forAll((record, seen) => {
      const { record: next } = decide(record, seen, NOW_MS, config);
      if (next?.phase !== "promoting" || next === record || record?.phase === "promoting") return;
      expect(record).toMatchObject({ phase: "closing", epoch: next.epoch });
      expect(seen.routers?.every(({ acknowledgedEpoch }) => acknowledgedEpoch >= next.epoch)).toBe(true);
    });
  });

  test("a failover begins only from an unhealthy region to one in sync, not paused, outside a block period, after a passed self-check", () => {
    let begun = 0;
    forAll((record, seen) => {
      const { record: next } = decide(record, seen, NOW_MS, config);
      if (next?.phase !== "closing" || record?.phase !== "serving") return;
      begun += 1;
      expect(record.standby).toBe("in-sync");
      expect(record.paused).toBeNull();
      expect(record.blockedUntilMs ?? 0).toBeLessThanOrEqual(NOW_MS);
      expect(seen.health[next.from]?.state).toBe("unhealthy");
      expect(seen.health[next.to]?.state).toBe("healthy");
      expect(seen.selfDoubt).toEqual([]);
      expect(seen.store.reachable).toBe(true);
      expect(next.epoch).toBe(record.epoch + 1);
    });
    expect(begun).toBeGreaterThan(0);
  });

  test("nothing is changed without the store, or while the self-check fails", () => {
    forAll((record, seen) => {
      if (seen.store.reachable && seen.selfDoubt.length === 0) return;
      const ruling = decide(record, seen, NOW_MS, config);
      expect(ruling.record).toBe(record);
      expect(ruling.actions).toEqual([]);
    });
  });

  test("explain names the deciding rule first and gives a reason for every rule that does not hold", () => {
    forAll((record, seen) => {
      const explained = explain(record, seen, NOW_MS, config);
      expect(explained[0]?.rule).toBe(decide(record, seen, NOW_MS, config).rule);
      expect(explained.filter(({ decides }) => decides)).toHaveLength(1);
      for (const { holds, blockedBy } of explained) expect(blockedBy.length === 0).toBe(holds);
      expect(explained).toHaveLength(rules.length);
    });
  });
});
