import type { LastFailover } from "../../watchdog/core/state/record.ts";
import type { Stack } from "../system/configuration.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import type { Traffic } from "../traffic/traffic.ts";
import type { FailoverRun } from "./report.ts";
import { headline, say } from "./screen.ts";

/** Acknowledged writes to wait for, before the failover: its lag and the rate of writes are observed meanwhile. */
const WRITES_BEFORE = 300;
const WRITES_AFTER = 200;
const WRITES_ON_SLOW_LINE = 60;
/** One way, in place of the 40 ms between the two continents: what gra acknowledges reaches bhs that much later. */
const SLOW_LINE_DELAY_MS = 250;
/** Longer than any failover that succeeds: detection, leases that run out, and a promotion on a busy machine. */
const PATIENCE_MS = 300_000;

/** Enough for replication to be behind at any moment, on a machine that carries six nodes. */
const LOAD = { writers: 4, pauseMs: 60, timeoutMs: 2_000 } as const;

export async function startTraffic(system: TwoRegions, index: string): Promise<Traffic> {
  headline("An application goes to work");
  say(`${LOAD.writers} writers and a reader know the entries of both regions; waiting until bhs follows gra`);
  const traffic = await system.traffic(index, LOAD, await system.entries());
  await traffic.next("write-acknowledged", 60_000, () => traffic.ledger.acknowledged.size >= WRITES_BEFORE);
  await untilFollowing(system, "bhs");
  return traffic;
}

/** Until a region follows the other one, with what the application writes. */
export async function untilFollowing(system: TwoRegions, standby: Stack): Promise<void> {
  const { replication } = await system.watchdogs.until(
    `${standby} is in sync`,
    ({ record, replication }) =>
      record?.phase === "serving" &&
      record.active !== standby &&
      record.standby === "in-sync" &&
      replication?.inSync === true &&
      replication.followers > 0,
    PATIENCE_MS,
  );
  const { followers, lagOperations } = replication ?? { followers: 0, lagOperations: null };
  say(`${standby} is in sync: ${followers} follower(s), lag ${lagOperations ?? "unknown"}`);
}

export interface Failover {
  readonly run: FailoverRun;
  /** Acknowledged writes that bhs does not have. */
  readonly missing: readonly string[];
}

/** Cuts the power of the whole of gra while the application is at work, and waits until it is again. */
export async function cutPowerOfGra(system: TwoRegions, traffic: Traffic): Promise<Failover> {
  headline("The power of the whole of gra is cut");
  const { ledger } = traffic;
  const before = { writesFailed: ledger.writesFailed, readsFailed: ledger.readsFailed };
  const mendLine = await slowLineDown(system);
  await traffic.next("write-acknowledged", PATIENCE_MS, countTo(WRITES_ON_SLOW_LINE));
  const killedAtMs = await system.hosts.cutPower("gra");
  await mendLine();
  say("its Elasticsearch, HAProxy, etcd and watchdog are gone, without a word to anybody");
  const failover = await failoverSince(system, killedAtMs);
  const firstWriteAtMs = await firstWriteSince(traffic, failover.startedAtMs);
  say(`first write acknowledged again ${((firstWriteAtMs - killedAtMs) / 1000).toFixed(1)} s after the power was cut`);
  await traffic.next("write-acknowledged", PATIENCE_MS, countTo(WRITES_AFTER));
  say("reading every acknowledged write back");
  const failed = {
    writesFailed: ledger.writesFailed - before.writesFailed,
    readsFailed: ledger.readsFailed - before.readsFailed,
  };
  const { found, missing } = await traffic.verify();
  say(`${found} are there, ${missing.length} are not: those are in gra, whose disks are as they were`);
  const counted = { writesAcknowledged: found + missing.length, found, missing: missing.length };
  return { run: { killedAtMs, failover, firstWriteAtMs, ...failed, ...counted }, missing };
}

/** So that gra certainly holds writes that bhs lacks. @returns what makes the line as it was */
async function slowLineDown({ lab }: TwoRegions): Promise<() => Promise<void>> {
  const line = (await lab.wan()).find(({ from, to }) => from === "gra" && to === "bhs");
  if (line === undefined) throw new Error("the lab has no line between gra and bhs");
  const { delayMs } = line;
  say(`the line between gra and bhs slows down from ${2 * delayMs} to ${2 * SLOW_LINE_DELAY_MS} ms there and back`);
  await lab.setWan("gra", "bhs", { delayMs: SLOW_LINE_DELAY_MS });
  return () => lab.setWan("gra", "bhs", { delayMs });
}

/** True once it was asked so many times. */
export function countTo(wanted: number): () => boolean {
  let count = 0;
  return () => ++count === wanted;
}

/** Not since the cut: answers of gra were still on the line then. */
async function firstWriteSince(traffic: Traffic, sinceMs: number): Promise<number> {
  const already = traffic.ledger.firstAcknowledgedAfter(sinceMs);
  if (already !== null) return already;
  return (await traffic.next("write-acknowledged", PATIENCE_MS, ({ atMs }) => atMs > sinceMs)).atMs;
}

/** Waits until bhs serves by a failover that began after a moment. @returns what the watchdog wrote down of it */
export async function failoverSince(system: TwoRegions, sinceMs: number): Promise<LastFailover> {
  const happened = (failover: LastFailover | null) => failover !== null && failover.startedAtMs >= sinceMs;
  const { record } = await system.watchdogs.until(
    "bhs serves",
    (status) => status.record?.phase === "serving" && happened(status.record.lastFailover),
    PATIENCE_MS,
  );
  if (record === null || record.lastFailover === null) throw new Error("the record tells of no failover");
  return record.lastFailover;
}
