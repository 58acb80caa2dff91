import { describe, expect, test } from "vitest";
import { readiness } from "../../watchdog/core/readiness.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import type { HookReports } from "../../watchdog/core/state/hooks.ts";
import type { ChangeRequest, StateRecord } from "../../watchdog/core/state/record.ts";
import { parseStateRecord } from "../../watchdog/core/state/record.ts";
import { closing, NOW_MS, observations, promotedUpTo, seenHealth, serving } from "./core-fixtures.ts";
import { hooked, ranAfter, ranBefore } from "./core-hook-fixtures.ts";

const FAILOVER = "2 failover bhs automatic";
const lost = seenHealth("unhealthy", "healthy");

const failingOver = (hooks?: HookReports, record: StateRecord = serving()) =>
  decide(record, observations({ ...lost, ...(hooks === undefined ? {} : { hooks }) }), NOW_MS, hooked);

const request = (changes: Partial<ChangeRequest> = {}): ChangeRequest => ({
  kind: "switchover",
  to: "bhs",
  force: false,
  by: "alice",
  reason: "drill",
  atMs: NOW_MS - 500,
  validUntilMs: NOW_MS + 60_000,
  ...changes,
});

const askedFor = (asked: ChangeRequest, hooks?: HookReports) =>
  decide(serving({ request: asked }), observations(hooks === undefined ? {} : { hooks }), NOW_MS, hooked);

const idOf = ({ kind, to, atMs }: ChangeRequest) => `2 ${kind} ${to} ${atMs}`;

describe("before routers close", () => {
  test("the hooks are told what the change is, and under which epoch routers would close", () => {
    const run = {
      phase: "before-closing",
      id: FAILOVER,
      change: "failover",
      from: "gra",
      to: "bhs",
      active: "gra",
      epoch: 2,
      reason: expect.stringContaining("gra is unhealthy"),
    };
    expect(failingOver()).toMatchObject({ rule: "failover-hooks", actions: [{ kind: "run-hooks", run }] });
  });

  test.each<[string, HookReports | undefined, string]>([
    ["have not begun", undefined, "failover-hooks"],
    ["run", ranBefore("running", FAILOVER, 500_000), "failover-hooks"],
    ["have ended a moment ago", ranBefore("done", FAILOVER), "failover"],
    ["have ended long ago", ranBefore("done", FAILOVER, 31_000), "failover-hooks"],
    ["ran for another change", ranBefore("done", "2 switchover bhs 5"), "failover-hooks"],
    ["ran in an earlier epoch", ranBefore("done", "1 failover bhs automatic"), "failover-hooks"],
    ["refuse it", ranBefore("stopped", FAILOVER), "refuse-hook"],
    ["refused it a minute ago", ranBefore("stopped", FAILOVER, 60_000), "failover-hooks"],
  ])("a failover whose hooks %s: %s decides %s", (_what, hooks, rule) => {
    expect(failingOver(hooks).rule).toBe(rule);
  });

  test("no record is written for a failover until the hooks have ended", () => {
    const record = serving();
    for (const hooks of [undefined, ranBefore("running", FAILOVER), ranBefore("stopped", FAILOVER)]) {
      expect(failingOver(hooks, record).record).toBe(record);
    }
  });

  test("a failover that is not needed any more does not begin, although its hooks have ended well", () => {
    const seen = observations({ ...seenHealth("healthy", "healthy"), hooks: ranBefore("done", FAILOVER) });
    expect(decide(serving(), seen, NOW_MS, hooked).rule).toBe("steady");
  });

  test("no hook runs for a failover that is refused for another reason", () => {
    const { rule, actions } = failingOver(undefined, serving({ blockedUntilMs: NOW_MS + 60_000 }));
    expect(rule).toBe("refuse-block-period");
    expect(actions).toEqual([]);
  });

  test("an operator's request stays valid while its hooks run, however long they take", () => {
    const { record, actions } = askedFor(request({ validUntilMs: NOW_MS + 1 }));
    expect(actions.map(({ kind }) => kind)).toEqual(["keep-replication", "run-hooks"]);
    expect(record).toMatchObject({ phase: "serving", request: { validUntilMs: NOW_MS + 10_000 + 30_000 } });
    const running = serving({ request: request() });
    const seen = observations({ hooks: ranBefore("running", idOf(request())) });
    expect(decide(running, seen, NOW_MS, hooked).record).toBe(running);
  });

  test("a switchover begins once its hooks have ended, and is refused with the words of the one that stops it", () => {
    const asked = request();
    expect(askedFor(asked, ranBefore("done", idOf(asked)))).toMatchObject({ rule: "switchover", record: { epoch: 2 } });
    expect(askedFor(asked, ranBefore("stopped", idOf(asked)))).toMatchObject({
      rule: "refuse-request",
      record: { phase: "serving", request: null },
      explanation: expect.stringMatching(/is refused: a hook refuses it: \/h ended with status 1: backup$/),
    });
  });

  test("a hook runs for a failover that an operator forces, and does not stop it", () => {
    const asked = request({ kind: "failover", force: true });
    expect(askedFor(asked).rule).toBe("operator-hooks");
    expect(askedFor(asked, ranBefore("stopped", idOf(asked))).rule).toBe("operator-failover");
  });

  test("whether a loss would lead to a failover is told without the hooks", () => {
    const seen = observations(seenHealth("healthy", "healthy"));
    expect(readiness({ record: serving(), seen, nowMs: NOW_MS }, hooked)?.ready).toBe(true);
  });
});

describe("after routers have opened", () => {
  const open = [{ router: "bhs-haproxy-1", acknowledgedEpoch: 3 }];
  const promoted = () => decide(promotedUpTo(null), observations(lost), NOW_MS, hooked);
  const rulingOn = (record: StateRecord | null, seen: Parameters<typeof observations>[0], nowMs = NOW_MS) =>
    decide(record, observations({ ...lost, ...seen }), nowMs, hooked);
  const runs = (...args: Parameters<typeof rulingOn>) =>
    rulingOn(...args).actions.flatMap((action) => (action.kind === "run-hooks" ? [action.run] : []));

  test("the record has the change whose hooks are due, and any controller runs them once a router is open", () => {
    const { record, actions } = promoted();
    expect(record).toMatchObject({ phase: "serving", epoch: 3, openingHooks: { from: "gra", to: "bhs" } });
    expect(parseStateRecord(structuredClone(record))).toEqual(record);
    expect(actions).toEqual([]);
    expect(runs(record, { routers: open })).toMatchObject([
      { phase: "after-opening", change: "failover", from: "gra", to: "bhs", active: "bhs", epoch: 3 },
    ]);
  });

  test("they wait for a router that has not opened, and no longer than half a minute", () => {
    const { record } = promoted();
    const late = [...open, { router: "gra-haproxy-1", acknowledgedEpoch: 2 }];
    expect(runs(record, { routers: late })).toEqual([]);
    expect(runs(record, { routers: null })).toEqual([]);
    expect(runs(record, { routers: late }, NOW_MS + 30_000)).toHaveLength(1);
  });

  test("they run once, and the record has them no more when they have ended", () => {
    const { record } = promoted();
    expect(runs(record, { routers: open, hooks: ranAfter("running", "3") })).toEqual([]);
    const ended = rulingOn(record, { routers: open, hooks: ranAfter("done", "3") });
    expect(ended.rule).toBe("opening-hooks-ended");
    expect(ended.record).not.toHaveProperty("openingHooks");
    expect(runs(ended.record, { routers: open })).toEqual([]);
  });

  test("a change that goes back has an opening too: they are told that the old region serves", () => {
    const { record } = rulingOn(closing(), seenHealth("healthy", "healthy"));
    expect(record).toMatchObject({ phase: "serving", active: "gra" });
    expect(runs(record, { ...seenHealth("healthy", "healthy"), routers: open })).toMatchObject([
      { from: "gra", to: "bhs", active: "gra", epoch: 3, reason: expect.stringContaining("called off") },
    ]);
  });

  test("they delay nothing: a rejoin, or the next failover, is decided meanwhile", () => {
    const { record } = promoted();
    const seen = { ...seenHealth("healthy", "unhealthy"), routers: open, hooks: ranAfter("running", "3") };
    expect(rulingOn(record, seen).rule).toMatch(/^refuse-/);
  });

  test("a watchdog that is not the controller runs none", () => {
    const { record } = promoted();
    const leadership = { leading: false, leader: "gra-haproxy-1", error: null };
    expect(runs(record, { routers: open, leadership })).toEqual([]);
  });

  test("without hooks in the configuration no record mentions them, so that earlier versions can read it", () => {
    const { hooks, ...others } = hooked;
    const without = { ...others, hooks: { ...hooks, afterOpening: [] } };
    expect(decide(promotedUpTo(null), observations(lost), NOW_MS, without).record).not.toHaveProperty("openingHooks");
  });
});
