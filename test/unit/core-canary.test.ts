import { describe, expect, test } from "vitest";
import {
  type CanaryAnswer,
  type CanaryState,
  canaryFailure,
  canaryProblem,
  observeCanary,
} from "../../watchdog/core/state/canary.ts";
import { observeProbe, unknownHealth } from "../../watchdog/core/state/health.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { closing, config, goodProbe, NOW_MS, promoting, serving } from "./core-fixtures.ts";

const gra = serving();
const { intervalMs, unhealthyThreshold, failThreshold } = config.canary;
const accepted: CanaryAnswer = { kind: "accepted", region: "gra" };
const failed = (cause: Extract<CanaryAnswer, { kind: "failed" }>["cause"]): CanaryAnswer => ({
  kind: "failed",
  cause,
  error: "HTTP 503",
  region: "gra",
});

/** Answers at the usual interval, the last of them now. */
const fold = (answers: readonly CanaryAnswer[], epoch = gra.epoch): CanaryState | null =>
  answers.reduce<CanaryState | null>((state, answer, n) => {
    const atMs = NOW_MS - (answers.length - 1 - n) * intervalMs;
    return observeCanary(state, answer, { region: "gra", epoch, atMs }, config.canary);
  }, null);
const times = (n: number, answer: CanaryAnswer) => Array.from({ length: n }, () => answer);
const verdict = (state: CanaryState | null, record: StateRecord = gra, nowMs = NOW_MS) =>
  canaryFailure(state, "gra", { record, nowMs, seen: {} }, config);
const lasting = times(unhealthyThreshold, failed("timeout"));

describe("canaries", () => {
  test("count against the region once as many in a row have failed as the threshold has", () => {
    expect(verdict(fold(lasting.slice(1)))).toBeNull();
    expect(verdict(fold(lasting))).toBe("writes through the entry fail (timeout, 30 in a row since 5 min): HTTP 503");
    expect(verdict(fold([...lasting, accepted]))).toBeNull();
  });

  test.each(["forbidden", "untrusted", "entry", "index", "overloaded", "flood-stage", "cluster-block"] as const)(
    "never count against the region by default when they fail for %s",
    (cause) => {
      expect(verdict(fold(times(1_000, failed(cause))))).toBeNull();
      expect(verdict(fold([...lasting, failed(cause)]))).toBeNull();
    },
  );

  test("prove nothing while the entry is closed, or open to another region", () => {
    const others = [{ kind: "closed" }, { ...failed("timeout"), region: "bhs" }] as const;
    for (const other of others) {
      expect(fold(times(50, other))).toBeNull();
      expect(fold([accepted, ...times(50, other)])).toMatchObject({
        failuresInARow: 0,
        lastGoodAtMs: NOW_MS - 50 * intervalMs,
      });
    }
  });

  test("start from none when a region serves under another epoch", () => {
    const before = fold(lasting);
    const after = observeCanary(before, failed("timeout"), { region: "gra", epoch: 99, atMs: NOW_MS }, config.canary);
    expect(after).toMatchObject({ countedInARow: 1, failuresInARow: 1 });
    expect(verdict(before, { ...gra, epoch: gra.epoch + 2 })).toBeNull();
    expect(verdict(before, { ...gra, active: "bhs" })).toBeNull();
  });

  test("of the past count no more", () => {
    expect(verdict(fold(lasting), gra, NOW_MS + 3 * intervalMs)).not.toBeNull();
    expect(verdict(fold(lasting), gra, NOW_MS + 5 * intervalMs)).toBeNull();
  });

  test("keep their word while the routers of the region close, for the bound of a change", () => {
    const record = { ...closing(), epoch: gra.epoch + 1, startedAtMs: NOW_MS };
    const { maxStuckMs } = config.promotion;
    expect(verdict(fold(lasting), record, NOW_MS + maxStuckMs)).not.toBeNull();
    expect(verdict(fold(lasting), record, NOW_MS + maxStuckMs + 1)).toBeNull();
    expect(verdict(fold(lasting), { ...promoting(), epoch: gra.epoch + 1 })).toBeNull();
  });

  test("are reported after a few failures, with what follows from them", () => {
    const problem = (state: CanaryState | null) => canaryProblem(state, { record: gra, nowMs: NOW_MS }, config);
    expect(problem(fold(times(failThreshold - 1, failed("flood-stage"))))).toBeNull();
    expect(problem(fold(times(failThreshold, failed("flood-stage"))))).toMatch(
      /by canary.unhealthyCauses no reason to fail over$/,
    );
    expect(problem(fold(times(failThreshold, failed("forbidden"))))).toMatch(/this proves nothing about gra$/);
    expect(problem(fold(times(failThreshold, failed("timeout"))))).toMatch(
      /gra counts as unhealthy from 30 on \(now 3\)$/,
    );
  });

  test("make a region unhealthy after as many probes as failed ones would, and it stays observed", () => {
    const probe = (count: number) =>
      Array.from({ length: count }).reduce<typeof unknownHealth>(
        (health) => observeProbe(health, goodProbe, NOW_MS, config.checks, [], verdict(fold(lasting))),
        observeProbe(unknownHealth, goodProbe, NOW_MS - 1, config.checks),
      );
    expect(probe(2).state).toBe("suspect");
    expect(probe(3)).toMatchObject({ state: "unhealthy", lastGoodAtMs: NOW_MS });
    expect(probe(3).reason).toMatch(/^writes through the entry fail .*\(3 failed checks in a row\)$/);
  });
});
