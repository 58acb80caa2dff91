import { accountOf } from "./account.ts";
import type { FailoverRun } from "./failover.ts";
import type { RoundTrip } from "./result.ts";

/** Guarantees that the round trip broke; empty when all held. */
export function roundTripViolations(result: RoundTrip): readonly string[] {
  return [
    ...failoverViolations(result.failover),
    ...estimateViolations(result),
    ...turnViolations(result),
    ...exportViolations(result),
    ...accountViolations(result),
  ];
}

/**
 * Writes must resume and the loss must lie within the watchdog's estimate. The estimate counts operations: writes that
 * failed for their client may be among them, so they count towards its lower end.
 */
export function failoverViolations(run: FailoverRun): readonly string[] {
  const { atLeast, atMost } = run.failover.loss;
  const violations: string[] = [];
  if (run.firstWriteAtMs === null) violations.push("no write was acknowledged after the failover");
  if (run.found + run.missing !== run.writesAcknowledged) {
    violations.push(`${run.writesAcknowledged} writes were acknowledged, ${run.found + run.missing} are accounted for`);
  }
  if (atMost === null) violations.push("the watchdog gave no upper bound for the loss");
  else if (run.missing > atMost) violations.push(`${run.missing} writes are missing, above the estimate's ${atMost}`);
  if (run.missing + run.writesFailed < atLeast) {
    violations.push(`${run.missing} writes are missing, below the estimate's ${atLeast}`);
  }
  return violations;
}

/** What gra turned out to hold must lie within the estimate. */
function estimateViolations({ failover: run, salvaged }: RoundTrip): readonly string[] {
  const { atLeast, atMost } = run.failover.loss;
  const { operations: exported, invisible } = salvaged.totals;
  const held = exported + invisible;
  const violations: string[] = [];
  if (held < atLeast) violations.push(`gra held ${held} operations alone, below the estimate's ${atLeast}`);
  if (atMost !== null && held > atMost) {
    violations.push(`gra held ${held} operations alone, above the estimate's ${atMost}`);
  }
  return violations;
}

/** Two regions that accept writes at overlapping times take more turns. */
function turnViolations({ turns }: RoundTrip): readonly string[] {
  const regions = turns.map(({ region }) => region).join(", ");
  return regions === "gra, bhs, gra" ? [] : [`writes were accepted by ${regions} in turn, expected: gra, bhs, gra`];
}

function exportViolations({ salvaged }: RoundTrip): readonly string[] {
  return salvaged.isSound ? [] : ["an exported file does not agree with its receipt"];
}

function accountViolations({ salvaged, readBacks, writesAcknowledged }: RoundTrip): readonly string[] {
  const account = accountOf(readBacks);
  const { invisible } = salvaged.totals;
  const lostEarlier = account.lostLater - account.lostInSwitchover;
  const accountedFor = readBacks.foundAtTheEnd + readBacks.atTheEnd.length;
  const violations: string[] = [];
  if (account.missing > invisible) {
    violations.push(
      `${account.missing} acknowledged writes are neither found nor replayed, but the receipt has only ` +
        `${invisible} operations that could not be read`,
    );
  }
  if (account.lostInSwitchover > 0) {
    violations.push(`the switchover lost ${account.lostInSwitchover} acknowledged writes`);
  }
  if (lostEarlier > 0) violations.push(`${lostEarlier} acknowledged writes went missing while bhs served`);
  if (accountedFor !== writesAcknowledged) {
    violations.push(`${writesAcknowledged} writes were acknowledged, ${accountedFor} are accounted for at the end`);
  }
  return violations;
}
