import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { timingViolations } from "../../watchdog/config/timing.ts";
import { sentenceOf } from "../../watchdog/config/violations.ts";
import { decideRouting, type RoutingSituation } from "../../watchdog/core/routing.ts";
import { closing, config, etcd, failsafe, NOW_MS, promoting, routerSettings, serving } from "./core-fixtures.ts";

const slow = failsafe === null ? null : { ...failsafe, timeoutMs: 1_001 };
const routing = { ticketValidityMs: routerSettings.ticketValidityMs, leaseMarginMs: config.leases.marginMs };

const situation = (changes: Partial<RoutingSituation> = {}): RoutingSituation => ({
  record: serving(),
  highestEpochSeen: 1,
  leaseAskedAtMs: NOW_MS,
  leaseValidForMs: 10_000,
  clocksParted: false,
  openTo: null,
  ...changes,
});

describe("a router's ticket", () => {
  test("goes to the active region while it serves, for the configured time", () => {
    expect(decideRouting(situation(), routing)).toMatchObject({
      kind: "issue",
      ticket: { epoch: 1, region: "gra", validUntilMs: NOW_MS + routing.ticketValidityMs },
    });
  });

  test.each([
    ["closing", closing()],
    ["promoting", promoting()],
  ])("is emptied and acknowledged while the record is %s", (_phase, record) => {
    expect(decideRouting(situation({ record, highestEpochSeen: 2 }), routing)).toMatchObject({
      kind: "close",
      epoch: 2,
      acknowledge: true,
    });
  });

  test("is emptied without an acknowledgement when the wall clock jumped", () => {
    const decision = decideRouting(situation({ clocksParted: true }), routing);
    expect(decision).toMatchObject({ kind: "close", acknowledge: false });
  });

  test("is not issued under an epoch lower than one seen before, nor without a record", () => {
    expect(decideRouting(situation({ highestEpochSeen: 2 }), routing).kind).toBe("wait");
    expect(decideRouting(situation({ record: null }), routing).kind).toBe("wait");
  });

  test("ends before its lease, counted from when the lease was requested, for any timings", () => {
    const ms = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(ms, ms, ms, (leaseValidForMs, ticketValidityMs, leaseMarginMs) => {
        const decision = decideRouting(situation({ leaseValidForMs }), { ticketValidityMs, leaseMarginMs });
        if (decision.kind !== "issue") return;
        expect(decision.ticket.validUntilMs).toBeLessThanOrEqual(NOW_MS + leaseValidForMs - leaseMarginMs);
        expect(decision.ticket.validUntilMs).toBeLessThanOrEqual(NOW_MS + ticketValidityMs);
      }),
    );
  });
});

describe("the timing rules", () => {
  test("the defaults keep them, with a file and with etcd", () => {
    expect(timingViolations(config)).toEqual([]);
    expect(timingViolations({ ...config, store: etcd, failsafe })).toEqual([]);
    expect(timingViolations({ ...config, store: etcd, failsafe, router: null })).toEqual([]);
  });

  test.each([
    [{ checks: { ...config.checks, timeoutMs: 10_000 } }, /checks.timeoutMs \(10000\) must be below checks.intervalMs/],
    [{ router: { ...routerSettings, ticketRenewalMs: 6_000 } }, /ticketRenewalMs \(6000\) must be below .*\(6000\)/],
    [{ router: { ...routerSettings, ticketValidityMs: 9_000 } }, /9000 \+ 2000 = 11000\) may not exceed .*\(10000\)/],
    [{ router: { ...routerSettings, ticketRenewalMs: 12_000 } }, /otherwise a healthy router loses its lease/],
    [{ store: { ...etcd, deadlineMs: 8_000 } }, /8000 \+ 2000 = 10000\) must be below leases.ttlMs \(10000\)/],
    [{ store: { ...etcd, electionTimeoutMs: 7_000 } }, /1.5 times store.electionTimeoutMs \(7000\)/],
    [{ store: { ...etcd, hedgeAfterMs: 3_001 } }, /hedgeAfterMs \(3001\) may not exceed .*\(3000\)/],
    [{ store: etcd, failsafe: slow }, /2000 \+ 3000 \+ 1001 = 6001\) may not exceed .*6000/],
  ])("a configuration that breaks one is told so with the numbers (%#)", (change, says) => {
    expect(
      timingViolations({ ...config, ...change })
        .map(sentenceOf)
        .join("\n"),
    ).toMatch(says);
  });
});
