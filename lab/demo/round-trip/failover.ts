import type { LastFailover } from "../../../watchdog/core/state/record.ts";
import type { TwoRegions } from "../../system/two-regions.ts";
import type { Traffic } from "../../traffic/traffic.ts";
import { loseGra, PATIENCE_MS, untilFollowing } from "../region-loss.ts";
import { headline, say, seconds } from "../screen.ts";

/** Acknowledged writes before the failover; meanwhile the watchdogs observe the lag and the rate of writes. */
const WRITES_BEFORE = 300;
const WRITES_AFTER = 200;
const WRITES_ON_SLOW_LINE = 60;
/** One way, in place of 40 ms: bhs receives what gra acknowledges that much later. */
const SLOW_LINE_DELAY_MS = 250;
const WRITE_TIMEOUT_MS = 60_000;

/** Enough for replication to lag at any moment, on a machine that runs six nodes. */
const LOAD = { writers: 4, pauseMs: 60, timeoutMs: 2_000 } as const;

/** A failover under load, as measured. Times are wall-clock milliseconds since 1970. */
export interface FailoverRun {
  readonly cutAtMs: number;
  /** The watchdogs' record of it. */
  readonly failover: LastFailover;
  /** The first write acknowledged by the new region; null when there was none. */
  readonly firstWriteAtMs: number | null;
  readonly writesFailed: number;
  readonly readsFailed: number;
  readonly writesAcknowledged: number;
  readonly found: number;
  readonly missing: number;
}

export async function startTraffic(system: TwoRegions, index: string): Promise<Traffic> {
  headline("An application goes to work");
  say(`${LOAD.writers} writers and a reader know the entries of both regions; waiting until bhs follows gra`);
  const traffic = await system.traffic(index, LOAD, await system.entries());
  await traffic.next("write-acknowledged", WRITE_TIMEOUT_MS, () => traffic.ledger.acknowledged.size >= WRITES_BEFORE);
  await untilFollowing(system, "bhs");
  return traffic;
}

export interface FailoverOutcome {
  readonly run: FailoverRun;
  /** Acknowledged writes that bhs does not have. */
  readonly missing: readonly string[];
}

/** Cuts the power of the whole of gra under load and waits until writes are acknowledged again. */
export async function cutPowerOfGra(system: TwoRegions, traffic: Traffic): Promise<FailoverOutcome> {
  headline("The power of the whole of gra is cut");
  const { ledger } = traffic;
  const before = { writesFailed: ledger.writesFailed, readsFailed: ledger.readsFailed };
  const restoreLine = await slowLineDown(system);
  await traffic.next("write-acknowledged", PATIENCE_MS, countTo(WRITES_ON_SLOW_LINE));
  const { cutAtMs, failover } = await loseGra(system);
  await restoreLine();
  const firstWriteAtMs = await firstWriteSince(traffic, failover.startedAtMs);
  say(`first write acknowledged again ${seconds(firstWriteAtMs - cutAtMs)} after the power cut`);
  await traffic.next("write-acknowledged", PATIENCE_MS, countTo(WRITES_AFTER));
  say("reading every acknowledged write back");
  const failed = {
    writesFailed: ledger.writesFailed - before.writesFailed,
    readsFailed: ledger.readsFailed - before.readsFailed,
  };
  const { found, missing } = await traffic.verify();
  say(`${found} are there, ${missing.length} are not: only gra's disks have them`);
  const counted = { writesAcknowledged: found + missing.length, found, missing: missing.length };
  return { run: { cutAtMs, failover, firstWriteAtMs, ...failed, ...counted }, missing };
}

/** Makes sure that gra holds writes which bhs lacks. @returns what restores the line's delay */
async function slowLineDown({ lab }: TwoRegions): Promise<() => Promise<void>> {
  const line = (await lab.wan.lines()).find(({ from, to }) => from === "gra" && to === "bhs");
  if (line === undefined) throw new Error("the lab has no line between gra and bhs");
  const { delayMs } = line;
  say(`the line between gra and bhs slows down from ${2 * delayMs} to ${2 * SLOW_LINE_DELAY_MS} ms round trip`);
  await lab.wan.set("gra", "bhs", { delayMs: SLOW_LINE_DELAY_MS });
  return () => lab.wan.set("gra", "bhs", { delayMs });
}

/** A condition that holds at its n-th call. */
export function countTo(wanted: number): () => boolean {
  let count = 0;
  return () => ++count === wanted;
}

/** @param sinceMs when the failover started: answers that gra sent before the cut arrive until then */
async function firstWriteSince(traffic: Traffic, sinceMs: number): Promise<number> {
  const already = traffic.ledger.firstAcknowledgedAfter(sinceMs);
  if (already !== null) return already;
  return (await traffic.next("write-acknowledged", PATIENCE_MS, ({ atMs }) => atMs > sinceMs)).atMs;
}
