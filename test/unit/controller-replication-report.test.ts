import { describe, expect, test } from "vitest";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import { replicationReport } from "../../watchdog/controller/replication-report.ts";
import { snapshotMaxAgeMs } from "../../watchdog/core/rules/conditions/standby.ts";
import type { Clock } from "../../watchdog/util/clock.ts";
import { activeView, config, NOW_MS, serving, standbyView } from "./core-fixtures.ts";

/** The report so long after the last snapshot of a standby that was in sync then. */
function reportAfter(ageMs: number, standbyError: string | null = null) {
  const observed = new ObservedState(config);
  observed.adoptRecord(serving(), 0);
  observed.standby = standbyView({ observedAtMs: NOW_MS });
  observed.active = activeView();
  observed.standbyError = standbyError;
  const clock: Pick<Clock, "nowMs" | "monotonicMs"> = { nowMs: () => NOW_MS + ageMs, monotonicMs: () => ageMs };
  return replicationReport({ observed, config, clock: clock as Clock }, [], []);
}

const maxAgeMs = snapshotMaxAgeMs(config);

describe("the report on the replication", () => {
  test("calls a standby in sync by a recent snapshot", () => {
    expect(reportAfter(maxAgeMs)).toMatchObject({ inSync: true, reasons: [] });
  });

  test("calls a standby that does not answer any more not in sync, with the reason and without a count of protected indices", () => {
    expect(reportAfter(maxAgeMs + 1, "bhs: no node answers")).toMatchObject({
      inSync: false,
      reasons: [expect.stringMatching(/^the last snapshot of bhs is .* old: bhs: no node answers$/)],
      lagMs: null,
      readAgeMs: null,
      protectedIndices: null,
    });
  });
});
