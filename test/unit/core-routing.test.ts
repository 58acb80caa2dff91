import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideRouting, type RoutingSituation } from "../../watchdog/core/routing.ts";
import { timingViolations } from "../../watchdog/core/timing.ts";
import { closing, config, NOW_MS, promoting, serving } from "./core-fixtures.ts";

const situation = (changes: Partial<RoutingSituation> = {}): RoutingSituation => ({
  record: serving(),
  highestEpochSeen: 1,
  leaseAskedAtMs: NOW_MS,
  leaseValidForMs: 10_000,
  clocksParted: false,
  ...changes,
});

describe("a router's ticket", () => {
  test("goes to the active region while it serves, for the configured time", () => {
    expect(decideRouting(situation(), config.router)).toMatchObject({
      kind: "issue",
      ticket: { epoch: 1, region: "gra", validUntilMs: NOW_MS + config.router.ticketValidityMs },
    });
  });

  test.each([
    ["closing", closing()],
    ["promoting", promoting()],
  ])("is emptied and acknowledged while the record is %s", (_phase, record) => {
    expect(decideRouting(situation({ record, highestEpochSeen: 2 }), config.router)).toMatchObject({
      kind: "close",
      epoch: 2,
      acknowledge: true,
    });
  });

  test("is emptied, but nothing acknowledged, when the clocks have parted", () => {
    const decision = decideRouting(situation({ clocksParted: true }), config.router);
    expect(decision).toMatchObject({ kind: "close", acknowledge: false });
  });

  test("is not given out under an epoch lower than one seen before, nor without a record", () => {
    expect(decideRouting(situation({ highestEpochSeen: 2 }), config.router).kind).toBe("wait");
    expect(decideRouting(situation({ record: null }), config.router).kind).toBe("wait");
  });

  test("ends before its lease, counted from when the lease was asked for, whatever the numbers", () => {
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
  test("the defaults keep them, in both profiles", () => {
    expect(timingViolations(config)).toEqual([]);
  });

  test.each([
    [{ checks: { ...config.checks, timeoutMs: 10_000 } }, /checks.timeoutMs \(10000\) must be below checks.intervalMs/],
    [{ router: { ...config.router, ticketRenewalMs: 6_000 } }, /ticketRenewalMs \(6000\) must be below .*\(6000\)/],
    [{ router: { ...config.router, ticketValidityMs: 9_000 } }, /9000 \+ 2000 = 11000\) may not exceed .*\(10000\)/],
    [{ router: { ...config.router, ticketRenewalMs: 12_000 } }, /else a healthy router loses its lease/],
  ])("a configuration that breaks one is told so with the numbers (%#)", (change, says) => {
    expect(timingViolations({ ...config, ...change }).join("\n")).toMatch(says);
  });
});
