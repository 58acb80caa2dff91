import type { LastFailover } from "../../watchdog/core/state/record.ts";
import type { Region } from "../system/configuration.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import { say, seconds } from "./screen.ts";

/** Longer than a failover takes on a busy machine: detection, leases that expire, and a promotion. */
export const PATIENCE_MS = 300_000;

export interface RegionLoss {
  /** When the network ports of gra went down, wall clock in milliseconds. */
  readonly cutAtMs: number;
  /** The record of the failover. */
  readonly failover: LastFailover;
}

/** Cuts the power of the whole of gra and waits until bhs serves. */
export async function loseGra(system: TwoRegions): Promise<RegionLoss> {
  const cutAtMs = await system.hosts.cutPower("gra");
  say("gra is off: Elasticsearch, HAProxy, etcd and watchdog, without closing a connection");
  const failover = await failoverSince(system, cutAtMs);
  say(`bhs took over ${seconds(failover.finishedAtMs - cutAtMs)} after the power cut`);
  return { cutAtMs, failover };
}

async function failoverSince(system: TwoRegions, sinceMs: number): Promise<LastFailover> {
  const isNew = (failover: LastFailover | null) => failover !== null && failover.startedAtMs >= sinceMs;
  const { record } = await system.watchdogs.until(
    "bhs serves",
    (status) => status.record?.phase === "serving" && isNew(status.record.lastFailover),
    PATIENCE_MS,
  );
  if (record === null || record.lastFailover === null) throw new Error("the record has no failover");
  return record.lastFailover;
}

/** Waits until a region follows the other one and is in sync. */
export async function untilFollowing(system: TwoRegions, standby: Region): Promise<void> {
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
