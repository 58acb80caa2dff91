import { expect } from "vitest";
import type { WatchdogStatus } from "../../../watchdog/controller/status.ts";
import { createWatchdog } from "../../../watchdog/controller/watchdog.ts";
import type { StepKind } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { Evidence } from "../judge/evidence.ts";
import { judge } from "../judge/judge.ts";
import { checkLedger } from "../judge/ledger.ts";
import type { ChangeConfig } from "../world/config.ts";
import { type Layout, oneSite, type Site, sites } from "../world/layout.ts";
import { isolated } from "../world/network.ts";
import type { Process } from "../world/process.ts";
import type { SimRouter } from "../world/router.ts";
import type { Station } from "../world/station.ts";
import { System } from "../world/system.ts";

const SEED = 7;
const WRITE_INTERVAL_MS = 100;
const READY_MS_MAX = 30_000;
const QUIET_MS = 10_000;

export interface ScenarioOptions {
  /** Default: one site. */
  readonly layout?: Layout;
  readonly change?: ChangeConfig;
}

/** A system under judgement in which nothing has started yet. */
export function prepared({ layout = oneSite, change }: ScenarioOptions = {}): Evidence {
  const system = new System({ seed: SEED, layout, create: createWatchdog, change });
  return judge(system);
}

/** A system whose standby is in sync, whose routers are open, and whose clients write ten times a second. */
export async function startedWithEvidence(options?: ScenarioOptions): Promise<Evidence> {
  const evidence = prepared(options);
  const { system } = evidence;
  const { world, stations, clients } = system;
  const entries = stations.filter(({ router }) => router !== null);
  world.every(WRITE_INTERVAL_MS, () => {
    for (const station of entries) for (const index of ["logs-1", "logs-2"]) clients.write(station, index);
  });
  system.startAll();
  await waitFor(system, READY_MS_MAX, () => serves("gra", "in-sync")(system.record) && routesTo(system, "gra"));
  await pass(system, QUIET_MS);
  return evidence;
}

export async function started(options?: ScenarioOptions): Promise<System> {
  const { system } = await startedWithEvidence(options);
  return system;
}

// --- what a system has ----------------------------------------------------------------------------------------------

/** The only watchdog of a system with one site. */
export const watchdogOf = (system: System): Station => system.station("bhs");

/** The router of a region; default: the only one of a system with one site. */
export function routerOf(system: System, site = "bhs"): SimRouter {
  const { router } = system.station(site);
  if (router === null) throw new Error(`${site} has no router`);
  return router;
}

export const statusOf = (system: System, site = "bhs"): WatchdogStatus | undefined =>
  system.station(site).watchdog?.status();

/** Why the last request was refused. */
export const lastRefusal = ({ store }: System): string =>
  store.cell.history.findLast(({ rule }) => rule === "refuse-request")?.explanation ?? "nothing was refused";

export function recordOf({ record }: System): StateRecord {
  if (record === null) throw new Error("no record");
  return record;
}

/** Whether every router sends requests to this region. */
export const routesTo = ({ stations }: System, region: string): boolean =>
  stations.every(({ router }) => router === null || router.route() === region);

// --- conditions on the record ---------------------------------------------------------------------------------------

/** Whether this region is active, with a standby in this state, and no request of an operator is open. */
export const serves =
  (active: string, standby?: string) =>
  (record: StateRecord | null): boolean =>
    record?.phase === "serving" &&
    record.active === active &&
    record.request === null &&
    (standby === undefined || record.standby === standby);

/** Whether the plan of the record has such a step with this status. */
export const isAtStep = (kind: StepKind, status: string) => (record: StateRecord | null) =>
  record !== null &&
  record.phase !== "closing" &&
  (record.plan?.steps.some((step) => step.kind === kind && step.status === status) ?? false);

// --- three sites ----------------------------------------------------------------------------------------------------

export const isolate = ({ network }: System, site: Site): (() => void) => network.cutAll(isolated(site, sites));

/** The watchdog of this site becomes the controller. */
export async function handTo(system: System, site: Site): Promise<Station> {
  const station = system.station(site);
  const others = system.stations.filter((one) => one !== station);
  for (const other of others) system.kill(other);
  await waitFor(system, 30_000, () => system.etcd.leader === station.config.name);
  for (const other of others) system.restartAfter(other, 0);
  return station;
}

/** Requests that a router turned away later than `sinceMs`. */
export const refusedSince = ({ clients }: System, sinceMs: number) =>
  clients.refused.filter(({ atMs }) => atMs > sinceMs);

// --- time -----------------------------------------------------------------------------------------------------------

export const pass = ({ world }: System, ms: number): Promise<void> => world.runUntil(world.nowMs + ms);

/** Lets time pass until `holds`; returns how long it took. Fails with the history after `withinMs`. */
export async function waitFor(system: System, withinMs: number, holds: () => boolean): Promise<number> {
  const { world } = system;
  const fromMs = world.nowMs;
  await world.runUntil(fromMs + withinMs, holds);
  expect(holds(), tale(system)).toBe(true);
  return world.nowMs - fromMs;
}

/** Lets time pass until the record is as wanted; returns how long it took. Fails with the history after `withinMs`. */
export const runUntil = (
  system: System,
  withinMs: number,
  isThere: (record: StateRecord) => boolean,
): Promise<number> => waitFor(system, withinMs, () => system.record !== null && isThere(system.record));

/** The history so far, and what the watchdogs report. */
export const tale = ({ log, stations }: System): string =>
  [...log, ...stations.map(({ site, watchdog }) => `${site}: ${watchdog?.status().summary}`)].join("\n");

function processOf(system: System): Process {
  const { process } = watchdogOf(system);
  if (process === null) throw new Error("no watchdog runs");
  return process;
}

/**
 * The watchdog dies at one of its next calls, counted from 1: before the call takes effect, or before its answer. It
 * restarts some seconds later.
 */
export function diesAt(system: System, call: number, when: "before" | "after"): void {
  processOf(system).diesAt = { call, when };
}

/** When the watchdog dies, only the scenario restarts it. */
export function staysDead(system: System): void {
  processOf(system).onDeath = () => {};
}

/** The watchdog dies as soon as such a record is written, before it gets the answer; only the scenario restarts it. */
export function diesWhenWritten(system: System, isFatal: (record: StateRecord) => boolean): void {
  const process = processOf(system);
  staysDead(system);
  system.store.cell.writing.listen(({ after, process: by }) => {
    if (by === process && isFatal(after)) process.diesAt = { call: 1, when: "after" };
  });
}

/** Does something once, as such a record is written. */
export function whenWritten(system: System, isIt: (record: StateRecord) => boolean, run: () => void): void {
  const stop = system.store.cell.writing.listen(({ after }) => {
    if (!isIt(after)) return;
    stop();
    run();
  });
}

// --- expectations ---------------------------------------------------------------------------------------------------

/** Every acknowledged write is accounted for, and every invariant held. */
export function expectSound(system: System): void {
  checkLedger(system);
  expect(system.world.violation, tale(system)).toBeNull();
}

/** Clients write to this region alone, without many refusals. */
export async function expectWritable(system: System, region: string): Promise<void> {
  const { acknowledged } = system.clients;
  const before = acknowledged.length;
  await pass(system, 5_000);
  const written = acknowledged.slice(before);
  expect(written.length).toBeGreaterThan(10);
  expect(written.filter((entry) => entry.region !== region)).toEqual([]);
}

/** The active region accepts a write to this index once the router is open. */
export async function expectWrittenTo(system: System, index: string): Promise<void> {
  await waitFor(system, 3_000, () => routerOf(system).route() !== null);
  const before = system.clients.acknowledged.length;
  system.clients.write(watchdogOf(system), index);
  await pass(system, 3_000);
  expect(system.clients.acknowledged.slice(before).map((entry) => entry.index)).toContain(index);
}

/** Every index of the active region is followed by the standby, which holds no other. */
export async function expectMirrored(system: System, active: string, standby: string): Promise<void> {
  await pass(system, 5_000);
  const followers = [...system.cluster(standby).indices.values()];
  expect(followers.filter(({ following }) => following?.remote !== active)).toEqual([]);
  expect(followers.map(({ name }) => name).sort()).toEqual([...system.cluster(active).indices.keys()].sort());
}
