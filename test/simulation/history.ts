import type { WatchdogConfig } from "../../watchdog/config/schema.ts";
import { createWatchdog } from "../../watchdog/daemon/watchdog.ts";
import { pickFault } from "./faults.ts";
import { checkLedger, summary } from "./invariants.ts";
import { type CreateWatchdog, SimSystem } from "./system.ts";

/** When the last fault is over, and how long the system then has to come to rest. */
const HEALED_MS = 50_000;
const REST_WITHIN_MS = 150_000;

export interface HistoryResult {
  readonly seed: number;
  /** null when every invariant held. */
  readonly violation: string | null;
  readonly acknowledged: number;
  readonly failovers: number;
  readonly switchovers: number;
  /** Whether a former primary became the standby again. */
  readonly rejoined: boolean;
  readonly restarts: number;
  readonly endedAtMs: number;
  readonly log: readonly string[];
}

export interface HistoryOptions {
  readonly create?: CreateWatchdog;
  readonly change?: (config: WatchdogConfig) => WatchdogConfig;
  /** Only these faults, and more of them: to come quickly to where a certain defect shows. */
  readonly faults?: readonly string[];
}

/** One whole history from one seed: start, faults, healing, rest. */
export async function runHistory(seed: number, options: HistoryOptions = {}): Promise<HistoryResult> {
  const system = new SimSystem(seed, options.create ?? createWatchdog, options.change);
  const { world } = system;
  startClients(system);
  system.startWatchdog();
  const heal = planFaults(system, options.faults);
  let violation: string | null = null;
  try {
    await world.runUntil(HEALED_MS);
    heal();
    const isAtRest = restWatcher(system);
    await world.runUntil(HEALED_MS + REST_WITHIN_MS, isAtRest);
    if (!isAtRest()) world.report("7", `not at rest ${REST_WITHIN_MS} ms after the last fault: ${situation(system)}`);
    checkLedger(system);
    JSON.stringify([system.watchdog?.status(), system.watchdog?.explain()]);
    if (world.violation !== null) throw world.violation;
  } catch (error) {
    violation = error instanceof Error ? error.message : String(error);
    if (world.violation === null && error instanceof Error) violation = error.stack ?? violation;
  }
  system.process?.kill();
  return {
    seed,
    violation,
    acknowledged: system.ledger.length,
    failovers: system.failovers.length,
    switchovers: system.switchovers.length,
    rejoined: (system.disk.stored?.record.lastFailover?.rejoinedAtMs ?? null) !== null,
    restarts: system.restarts,
    endedAtMs: world.nowMs,
    log: system.log,
  };
}

function startClients(system: SimSystem): void {
  const { world } = system;
  const indices = ["logs-1", "logs-2", "logs-3"];
  const paceMs = world.random.between(60, 400);
  world.every(paceMs, () => {
    if (world.random.chance(0.02)) indices.push(`logs-${indices.length + 1}`);
    const index = world.random.pick(indices);
    if (!system.clientWrites(index)) system.clientCreates(index, index === "logs-1" ? "logs-write" : null);
  });
}

/** Puts the faults of this history on the clock; returns what ends them all. */
function planFaults(system: SimSystem, names: readonly string[] | undefined): () => void {
  const { world } = system;
  const ends = new Set<() => void>();
  let isGraLostForGood = false;
  for (let n = names === undefined ? world.random.between(1, 5) : 6; n > 0; n -= 1) {
    world.after(world.random.between(1_000, HEALED_MS - 8_000), () => {
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
      const lastsMs = world.random.chance(0.3) ? world.random.between(100, 3_000) : world.random.between(3_000, 40_000);
      if (fault.name === "gra is lost" && world.random.chance(0.5)) isGraLostForGood = true;
      world.after(lastsMs, endOnce);
    });
  }
  return () => {
    for (const end of [...ends]) end();
    if (system.process !== null) system.process.diesAt = null;
    system.restartWatchdogAfter(0);
    const record = system.disk.stored?.record;
    const hasBegun = record !== undefined && !(record.phase === "serving" && record.active === "gra");
    // What began by itself has to end by itself, also when the lost region never comes back.
    if (isGraLostForGood && hasBegun && record.phase !== "closing") system.cluster("gra").ailments.down = true;
    system.note(`healed${system.cluster("gra").isUp() ? "" : ", but gra is lost for good"}`);
  };
}

/**
 * At rest: serving, no change under way, a write acknowledged by the active region a while after healing, and the other
 * region in sync, if it came back.
 */
function restWatcher(system: SimSystem): () => boolean {
  const quietFromMs = system.world.nowMs + 5_000;
  return () => {
    const record = system.disk.stored?.record;
    const last = system.ledger.at(-1);
    if (record?.phase !== "serving" || record.plan?.kind === "repair") return false;
    const isBack = Object.values(system.clusters).every((cluster) => cluster.isWell());
    const refusing = system.cluster(record.active).refusingWrites();
    const isMirrored = record.standby === "in-sync" || !isBack;
    return (
      last !== undefined &&
      last.atMs > quietFromMs &&
      last.region === record.active &&
      isMirrored &&
      refusing.length === 0
    );
  };
}

function situation(system: SimSystem): string {
  const record = system.disk.stored?.record;
  const status = system.watchdog?.status();
  return `${record === undefined ? "no record" : summary(record)}; ${status?.summary}; router: ${status?.router?.summary}, ${status?.router?.error}`;
}
