import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import { createWatchdog } from "../../../watchdog/daemon/watchdog.ts";
import { checkLedger, summary } from "../invariants.ts";
import type { CreateWatchdog } from "../system.ts";
import { pickFault } from "./faults.ts";
import { SitesSystem } from "./system.ts";

/** The system comes up, a standby is in sync; then faults begin. */
const QUIET_MS = 20_000;
const HEALED_MS = 55_000;
const REST_WITHIN_MS = 150_000;

export interface HistoryResult {
  readonly seed: number;
  /** null when every invariant held. */
  readonly violation: string | null;
  readonly acknowledged: number;
  readonly failovers: number;
  readonly restarts: number;
  readonly failsafes: number;
  /** Requests that a router turned away once both had been open. */
  readonly refused: number;
  readonly log: readonly string[];
}

export interface HistoryOptions {
  readonly create?: CreateWatchdog;
  readonly change?: (config: WatchdogConfig) => WatchdogConfig;
  /** Only these faults, and more of them: to come quickly to where a certain defect shows. */
  readonly faults?: readonly string[];
}

/** One whole history of three sites from one seed: start, faults, healing, rest. */
export async function runHistory(seed: number, options: HistoryOptions = {}): Promise<HistoryResult> {
  const system = new SitesSystem(seed, options.create ?? createWatchdog, options.change);
  const { world } = system;
  startClients(system);
  system.startAll();
  const heal = planFaults(system, options.faults);
  let violation: string | null = null;
  try {
    await world.runUntil(HEALED_MS);
    heal();
    const isAtRest = restWatcher(system);
    await world.runUntil(HEALED_MS + REST_WITHIN_MS, isAtRest);
    if (!isAtRest()) world.report("7", `not at rest ${REST_WITHIN_MS} ms after the last fault: ${situation(system)}`);
    checkLedger(system);
    JSON.stringify(system.stations.map(({ watchdog }) => [watchdog?.status(), watchdog?.explain()]));
    if (world.violation !== null) throw world.violation;
  } catch (error) {
    violation = error instanceof Error ? error.message : String(error);
    if (world.violation === null && error instanceof Error) violation = error.stack ?? violation;
  }
  for (const { process } of system.stations) process?.kill();
  const { ledger, failovers, restarts, failsafes, refused, log } = system;
  const served = { acknowledged: ledger.length, failovers: failovers.length, refused: refused.length };
  return { seed, violation, ...served, restarts, failsafes, log };
}

export function startClients(system: SitesSystem): void {
  const { world } = system;
  const indices = ["logs-1", "logs-2"];
  for (const station of system.stations) {
    if (station.router === null) continue;
    world.every(world.random.between(150, 600), () => {
      if (world.random.chance(0.02)) indices.push(`logs-${indices.length + 1}`);
      system.clientWrites(station, world.random.pick(indices));
    });
  }
}

/** Puts the faults of this history on the clock; returns what ends them all. */
function planFaults(system: SitesSystem, names: readonly string[] | undefined): () => void {
  const { world } = system;
  const ends = new Set<() => void>();
  for (let n = names === undefined ? world.random.between(1, 6) : 3; n > 0; n -= 1) {
    // Some before the system has ever been at rest.
    const fromMs = world.random.chance(0.1) ? 1_000 : QUIET_MS;
    world.after(world.random.between(fromMs, HEALED_MS - 5_000), () => {
      const fault = pickFault(system, names);
      const end = fault.begin(system);
      system.note(`fault: ${fault.name}`);
      if (end === null) return;
      const endOnce = () => {
        if (!ends.delete(endOnce)) return;
        system.note(`over: ${fault.name}`);
        end();
      };
      ends.add(endOnce);
      const lastsMs = world.random.chance(0.4) ? world.random.between(100, 4_000) : world.random.between(4_000, 35_000);
      world.after(lastsMs, endOnce);
    });
  }
  return () => {
    for (const end of [...ends]) end();
    for (const station of system.stations) {
      if (station.process !== null) station.process.diesAt = null;
      system.restartAfter(station, 0);
    }
    system.note("healed");
  };
}

/** At rest: serving, and every router takes writes to the active region, a while after healing. */
function restWatcher(system: SitesSystem): () => boolean {
  const quietFromMs = system.world.nowMs + 5_000;
  return () => {
    const record = system.disk.stored?.record;
    const last = system.ledger.at(-1);
    return (
      record?.phase === "serving" &&
      last !== undefined &&
      last.atMs > quietFromMs &&
      last.region === record.active &&
      system.stations.every(({ router }) => router === null || router.route() === record.active)
    );
  };
}

function situation(system: SitesSystem): string {
  const record = system.disk.stored?.record;
  const said = system.stations.map(({ site, watchdog }) => {
    const status = watchdog?.status();
    return `${site}: ${status?.summary}; router: ${status?.router?.summary}, ${status?.router?.error}`;
  });
  return [record === undefined ? "no record" : summary(record), ...said].join("\n");
}
