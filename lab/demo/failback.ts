import { setTimeout as sleep } from "node:timers/promises";
import type { SalvageDetails, SalvageEntry } from "../../watchdog/salvage/commands.ts";
import type { Receipt } from "../../watchdog/salvage/receipt.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import type { Traffic } from "../traffic/traffic.ts";
import { countTo, untilFollowing } from "./failover.ts";
import type { Journals } from "./journal.ts";
import { Operator } from "./operator.ts";
import { headline, say } from "./screen.ts";

export interface Return {
  readonly poweredOnAtMs: number;
  /** When gra held nothing of its own any more. */
  readonly rejoinedAtMs: number;
  readonly inSyncAtMs: number;
}

/** Powers gra on again and does nothing else: it is fenced, salvaged and follows bhs by itself. */
export async function powerOnGra(system: TwoRegions, journals: Journals): Promise<Return> {
  headline("gra is powered on again, and nobody does anything else");
  const poweredOnAtMs = Date.now();
  await system.hosts.powerOn("gra");
  await journals.follow(await system.hosts.names(/^gra-haproxy-/));
  await untilFollowing(system, "gra");
  const inSyncAtMs = Date.now();
  const { record } = await system.watchdogs.status();
  const rejoinedAtMs = record?.lastFailover?.rejoinedAtMs ?? null;
  if (rejoinedAtMs === null) throw new Error("gra follows bhs, but the record does not say that it has rejoined");
  return { poweredOnAtMs, rejoinedAtMs, inSyncAtMs };
}

export interface Salvaged {
  readonly host: string;
  readonly name: string;
  readonly receipt: Receipt;
  readonly isSound: boolean;
  /** Operations of the export that were replayed or found in place. */
  readonly settled: number;
  /** Acknowledged writes that bhs lacks still. */
  readonly missing: readonly string[];
}

/** What an operator does with the writes that gra alone held: looks at them, has a replay shown, has it carried out. */
export async function replaySalvage(system: TwoRegions, traffic: Traffic): Promise<Salvaged> {
  headline("The writes that gra alone held lie on the disk of the watchdog that decided");
  const { operator, name } = await deciderWithExport(system);
  await operator.shows("salvage", "list");
  await operator.shows("salvage", "show", name);
  await operator.shows("salvage", "replay", name, "--dry-run");
  await operator.shows("salvage", "replay", name, "--yes");
  const { state, check, settled } = (await operator.asks("salvage", "show", name)) as SalvageDetails;
  if (state.kind !== "exported") throw new Error(`${name} on ${operator.host} has no receipt`);
  say("reading every acknowledged write back");
  const { missing } = await traffic.verify();
  say(`${missing.length} are missing`);
  return { host: operator.host, name, receipt: state.receipt, isSound: check.valid, settled, missing };
}

/** Where several watchdogs decided in turn, the last one's export is the one that gra was emptied for. */
export async function deciderWithExport(
  system: TwoRegions,
): Promise<{ readonly operator: Operator; readonly name: string }> {
  const found: { operator: Operator; name: string; finishedAt: string }[] = [];
  for (const host of await system.hosts.withWatchdog()) {
    const operator = new Operator(system, host);
    for (const { name, state } of (await operator.asks("salvage", "list")) as readonly SalvageEntry[]) {
      if (state.kind === "exported") found.push({ operator, name, finishedAt: state.receipt.finishedAt });
    }
  }
  const [last] = found.toSorted((a, b) => b.finishedAt.localeCompare(a.finishedAt));
  if (last === undefined) throw new Error("gra rejoined, but no watchdog has salvaged anything");
  return last;
}

export interface Switchover {
  /** Longest time without an acknowledged write. */
  readonly writePauseMs: number;
  readonly writesFailed: number;
  /** From the command until it said that all is done. */
  readonly tookMs: number;
  /** From the command until the region that was left was in sync. */
  readonly inSyncAfterMs: number;
}

/** Time under load before and after, in which writes would fail if something were amiss. */
const QUIET_MS = 3_000;

/** The planned way home, while the application is at work. */
export async function switchOverToGra(system: TwoRegions, traffic: Traffic): Promise<Switchover> {
  headline("A switchover brings everything home to gra, while the application is at work");
  const { ledger } = traffic;
  await sleep(QUIET_MS);
  const failedBefore = ledger.writesFailed;
  const beganAtMs = Date.now();
  const operator = new Operator(system, await system.hosts.router());
  await operator.shows("switchover", "--to", "gra", "--reason", "going home", "--yes");
  const tookMs = Date.now() - beganAtMs;
  await traffic.next("write-acknowledged", 60_000, countTo(100));
  const { fromMs, toMs } = ledger.longestOutage(beganAtMs, Date.now());
  const writePauseMs = (toMs ?? Date.now()) - fromMs;
  const writesFailed = ledger.writesFailed - failedBefore;
  say(`writers waited ${(writePauseMs / 1000).toFixed(1)} s; now bhs becomes the standby again`);
  await untilFollowing(system, "bhs");
  return { writePauseMs, writesFailed, tookMs, inSyncAfterMs: Date.now() - beganAtMs };
}
