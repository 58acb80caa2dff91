import { setTimeout as sleep } from "node:timers/promises";
import type { TwoRegions } from "../../system/two-regions.ts";
import type { Traffic } from "../../traffic/traffic.ts";
import { type ExportTotals, exportDetailsSchema, newestExport } from "../exports.ts";
import type { Journals } from "../journals.ts";
import { Operator } from "../operator.ts";
import { untilFollowing } from "../region-loss.ts";
import { headline, say, seconds } from "../screen.ts";
import { countTo } from "./failover.ts";

export interface Return {
  readonly poweredOnAtMs: number;
  /** When gra held nothing that bhs lacks. */
  readonly rejoinedAtMs: number;
  readonly inSyncAtMs: number;
}

/** Powers gra on and does nothing else: the watchdogs fence it, salvage what only it holds, and make it follow bhs. */
export async function takeGraBack(system: TwoRegions, journals: Journals): Promise<Return> {
  headline("gra is powered on again and rejoins by itself");
  const poweredOnAtMs = Date.now();
  await system.hosts.powerOn("gra");
  await journals.follow(await system.hosts.names(/^gra-haproxy-/));
  await untilFollowing(system, "gra");
  const inSyncAtMs = Date.now();
  const { record } = await system.watchdogs.status();
  const rejoinedAtMs = record?.lastFailover?.rejoinedAtMs ?? null;
  if (rejoinedAtMs === null) throw new Error("gra follows bhs, but the record does not show that it rejoined");
  return { poweredOnAtMs, rejoinedAtMs, inSyncAtMs };
}

export interface Salvaged {
  readonly host: string;
  readonly name: string;
  readonly totals: ExportTotals;
  /** What the receipts name as not exported. */
  readonly limits: readonly string[];
  /** Every exported file agrees with its receipt. */
  readonly isSound: boolean;
  /** Acknowledged writes that bhs still lacks. */
  readonly missing: readonly string[];
}

/** The operator's course with the writes that only gra held: read the export, replay it dry, replay it. */
export async function replayExport(system: TwoRegions, traffic: Traffic): Promise<Salvaged> {
  headline("The writes that only gra held are on the disk of the controller's host");
  const { operator, name } = await newestExport(system);
  await operator.show("salvage", "list");
  await operator.show("salvage", "show", name);
  await operator.show("salvage", "replay", name, "--dry-run");
  await operator.show("salvage", "replay", name, "--yes");
  const { totals, indices } = await operator.query(exportDetailsSchema, "salvage", "show", name);
  say("reading every acknowledged write back");
  const { missing } = await traffic.verify();
  say(`${missing.length} are missing`);
  const limits = indices.flatMap(({ state }) => state.receipt?.limits ?? []);
  const isSound = indices.every(({ check }) => check.valid);
  return { host: operator.host, name, totals, limits, isSound, missing };
}

export interface Switchover {
  /** Longest time without an acknowledged write. */
  readonly writePauseMs: number;
  readonly writesFailed: number;
  /** From the command to its end. */
  readonly tookMs: number;
  /** From the command until bhs was in sync as the standby. */
  readonly inSyncAfterMs: number;
}

/** Load before the switchover, so that an earlier failure does not count as one of the switchover's. */
const QUIET_MS = 3_000;
const WRITES_AFTER = 100;
const WRITE_TIMEOUT_MS = 60_000;

/** The planned way home, under load. */
export async function switchOverToGra(system: TwoRegions, traffic: Traffic): Promise<Switchover> {
  headline("A switchover makes gra active again, under load");
  const { ledger } = traffic;
  await sleep(QUIET_MS);
  const failedBefore = ledger.writesFailed;
  const startedAtMs = Date.now();
  const operator = new Operator(system, await system.hosts.router());
  await operator.show("switchover", "--to", "gra", "--reason", "going home", "--yes");
  const tookMs = Date.now() - startedAtMs;
  await traffic.next("write-acknowledged", WRITE_TIMEOUT_MS, countTo(WRITES_AFTER));
  const { fromMs, toMs } = ledger.longestOutage(startedAtMs, Date.now());
  const writePauseMs = (toMs ?? Date.now()) - fromMs;
  const writesFailed = ledger.writesFailed - failedBefore;
  say(`writers waited ${seconds(writePauseMs)}; now bhs becomes the standby again`);
  await untilFollowing(system, "bhs");
  return { writePauseMs, writesFailed, tookMs, inSyncAfterMs: Date.now() - startedAtMs };
}
