import type { LastFailover } from "../../watchdog/core/state/record.ts";
import type { Reign } from "../traffic/ledger.ts";
import { accountOf, heldAlone, type ReadBacks } from "./account.ts";
import type { Return, Salvaged, Switchover } from "./failback.ts";

/** What a failover under load came to. Times are wall-clock milliseconds since 1970. */
export interface FailoverRun {
  /** When nothing of the old region could be reached any more. */
  readonly killedAtMs: number;
  /** What the watchdog wrote down. */
  readonly failover: LastFailover;
  /** The first write acknowledged after the kill; null when there was none. */
  readonly firstWriteAtMs: number | null;
  readonly writesFailed: number;
  readonly readsFailed: number;
  readonly writesAcknowledged: number;
  readonly found: number;
  readonly missing: number;
}

/** A failover, the return of the region that was lost, and the way home. */
export interface Journey {
  readonly failover: FailoverRun;
  readonly back: Return;
  readonly salvaged: Salvaged;
  readonly switchover: Switchover;
  readonly readBacks: ReadBacks;
  /** Writes that the application was told are safe. */
  readonly writesAcknowledged: number;
  /** Which region accepted writes when, in the order of the acknowledgements. */
  readonly reigns: readonly Reign[];
}

type Row = readonly [what: string, value: string];
export type Section = readonly [title: string, rows: readonly Row[]];

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const failed = (run: Pick<FailoverRun, "writesFailed" | "readsFailed">) =>
  `${run.writesFailed} writes, ${run.readsFailed} reads`;

/** The closing table. */
export function sectionsOf(journey: Journey): readonly Section[] {
  const { failover: run, back, salvaged, switchover } = journey;
  const { failover, killedAtMs, firstWriteAtMs } = run;
  const { atLeast, atMost } = failover.loss;
  const alone = heldAlone(salvaged.receipt);
  const account = accountOf(journey.readBacks);
  return [
    [
      "The whole of gra lost",
      [
        ["detected after", seconds(failover.startedAtMs - killedAtMs)],
        ["closing and promotion took", seconds(failover.finishedAtMs - failover.startedAtMs)],
        ["first acknowledged write after", firstWriteAtMs === null ? "never" : seconds(firstWriteAtMs - killedAtMs)],
        ["requests failed", failed(run)],
        ["estimate of what gra alone holds", `${atLeast} to ${atMost ?? "unknown"} operations`],
      ],
    ],
    [
      "gra back",
      [
        ["in sync as the standby after", `${seconds(back.inSyncAtMs - back.poweredOnAtMs)} (its boot included)`],
        ["gra alone held", `${alone.exported} operations exported, ${alone.invisible} that cannot be read`],
        ["settled by the replay", `${salvaged.settled} of ${alone.exported}`],
      ],
    ],
    [
      "The switchover home",
      [
        ["writers waited", seconds(switchover.writePauseMs)],
        ["requests failed", `${switchover.writesFailed} writes`],
        ["whole change took", seconds(switchover.tookMs)],
        ["bhs in sync as the standby after", seconds(switchover.inSyncAfterMs)],
      ],
    ],
    [
      "The ledger",
      [
        ["writes acknowledged", String(journey.writesAcknowledged)],
        ["accepted in turn by", journey.reigns.map(({ region, writes }) => `${region} ${writes}`).join(", ")],
        ["found without help", String(account.found)],
        ["salvaged and replayed", String(account.replayed)],
        ["missing", String(account.missing)],
        ["lost in the switchover", String(account.lostInSwitchover)],
      ],
    ],
  ];
}

/** Promises of the whole journey that were broken; empty when all were kept. */
export function journeyFaults(journey: Journey): readonly string[] {
  const { salvaged, readBacks, writesAcknowledged } = journey;
  const { leftOut } = salvaged.receipt;
  const account = accountOf(readBacks);
  const { invisible } = heldAlone(salvaged.receipt);
  const accountedFor = readBacks.foundAtTheEnd + readBacks.atTheEnd.length;
  const faults = [...faultsOf(journey.failover), ...estimateFaults(journey), ...reignFaults(journey)];
  if (!salvaged.isSound) faults.push("the exported file does not agree with its receipt");
  for (const { index, reason } of leftOut) faults.push(`${index} of gra was not salvaged: ${reason}`);
  if (account.missing > invisible) {
    faults.push(
      `${account.missing} acknowledged writes are neither found nor replayed, though the receipt says that only ` +
        `${invisible} operations could not be read`,
    );
  }
  if (account.lostInSwitchover > 0) faults.push(`the switchover lost ${account.lostInSwitchover} acknowledged writes`);
  if (account.lostLater > account.lostInSwitchover) {
    faults.push(`${account.lostLater - account.lostInSwitchover} acknowledged writes went missing while bhs served`);
  }
  if (accountedFor !== writesAcknowledged) {
    faults.push(`${writesAcknowledged} writes were acknowledged, but ${accountedFor} are accounted for at the end`);
  }
  return faults;
}

/** Never two at once: then they would take turns more often. */
function reignFaults({ reigns }: Journey): string[] {
  const inTurn = reigns.map(({ region }) => region).join(", ");
  return inTurn === "gra, bhs, gra" ? [] : [`writes were accepted by ${inTurn} in turn, instead of by gra, bhs, gra`];
}

/** What gra turned out to hold is what the estimate was about. */
function estimateFaults({ failover: run, salvaged }: Journey): string[] {
  const { atLeast, atMost } = run.failover.loss;
  const { exported, invisible } = heldAlone(salvaged.receipt);
  const held = exported + invisible;
  const faults: string[] = [];
  if (held < atLeast) faults.push(`gra held ${held} operations alone, fewer than the estimate's ${atLeast}`);
  if (atMost !== null && held > atMost) faults.push(`gra held ${held} operations alone, the estimate said ${atMost}`);
  return faults;
}

/**
 * What is wrong with the run; empty when writes resumed and the estimate holds. The estimate counts operations: a write
 * that failed for its client may be among them, so the failed ones widen it at the lower end.
 */
export function faultsOf(run: FailoverRun): readonly string[] {
  const { atLeast, atMost } = run.failover.loss;
  const faults: string[] = [];
  if (run.firstWriteAtMs === null) faults.push("no write was acknowledged after the failover");
  if (run.found + run.missing !== run.writesAcknowledged) {
    faults.push(`${run.writesAcknowledged} writes were acknowledged, but ${run.found + run.missing} are accounted for`);
  }
  if (atMost === null) faults.push("the watchdog gave no upper bound for the loss");
  else if (run.missing > atMost) faults.push(`${run.missing} writes are missing, more than the estimate's ${atMost}`);
  if (run.missing + run.writesFailed < atLeast) {
    faults.push(`the watchdog says that at least ${atLeast} operations are missing, but only ${run.missing} are`);
  }
  return faults;
}

/** Sections of two columns, all of the same width. */
export function table(sections: readonly Section[]): string {
  const width = Math.max(...sections.flatMap(([, rows]) => rows.map(([what]) => what.length)));
  const block = ([title, rows]: Section) =>
    [`  ${title}`, ...rows.map(([what, value]) => `    ${what.padEnd(width)}  ${value}`)].join("\n");
  return sections.map(block).join("\n\n");
}
