import { type Report, type Section, sectionTable } from "../report.ts";
import { seconds } from "../screen.ts";
import { accountOf } from "./account.ts";
import type { RoundTrip } from "./result.ts";
import { roundTripViolations } from "./violations.ts";

export function roundTripReport(result: RoundTrip): Report {
  const { failover, salvaged } = result;
  const remarks = [
    `  The estimate: ${failover.failover.loss.explanation}.`,
    ...salvaged.limits.map((limit) => `  The receipt: ${limit}`),
  ];
  return {
    blocks: [sectionTable(sectionsOf(result)), remarks.join("\n")],
    violations: roundTripViolations(result),
    success: "gra serves again, bhs is its standby, and every acknowledged write is accounted for",
  };
}

export function sectionsOf(result: RoundTrip): readonly Section[] {
  return [lossSection(result), returnSection(result), switchoverSection(result), ledgerSection(result)];
}

function lossSection({ failover: run }: RoundTrip): Section {
  const { failover, cutAtMs, firstWriteAtMs } = run;
  const { atLeast, atMost } = failover.loss;
  return [
    "The whole of gra lost",
    [
      ["detected after", seconds(failover.startedAtMs - cutAtMs)],
      ["closing and promotion took", seconds(failover.finishedAtMs - failover.startedAtMs)],
      ["first acknowledged write after", firstWriteAtMs === null ? "never" : seconds(firstWriteAtMs - cutAtMs)],
      ["requests failed", `${run.writesFailed} writes, ${run.readsFailed} reads`],
      ["estimate of what gra alone holds", `${atLeast} to ${atMost ?? "unknown"} operations`],
    ],
  ];
}

function returnSection({ back, salvaged }: RoundTrip): Section {
  const alone = salvaged.totals;
  return [
    "gra back",
    [
      ["in sync as the standby after", `${seconds(back.inSyncAtMs - back.poweredOnAtMs)} (its boot included)`],
      ["gra alone held", `${alone.operations} operations exported, ${alone.invisible} that cannot be read`],
      ["settled by the replay", `${alone.settled} of ${alone.operations}`],
    ],
  ];
}

function switchoverSection({ switchover }: RoundTrip): Section {
  return [
    "The switchover home",
    [
      ["writers waited", seconds(switchover.writePauseMs)],
      ["requests failed", `${switchover.writesFailed} writes`],
      ["whole change took", seconds(switchover.tookMs)],
      ["bhs in sync as the standby after", seconds(switchover.inSyncAfterMs)],
    ],
  ];
}

function ledgerSection({ readBacks, writesAcknowledged, turns }: RoundTrip): Section {
  const account = accountOf(readBacks);
  return [
    "The ledger",
    [
      ["writes acknowledged", String(writesAcknowledged)],
      ["accepted in turn by", turns.map(({ region, writes }) => `${region} ${writes}`).join(", ")],
      ["found without help", String(account.found)],
      ["salvaged and replayed", String(account.replayed)],
      ["missing", String(account.missing)],
      ["lost in the switchover", String(account.lostInSwitchover)],
    ],
  ];
}
