import { createWatchdog } from "../../../watchdog/controller/watchdog.ts";
import { scheduleFaults } from "../faults/schedule.ts";
import { faults } from "../faults/three-sites.ts";
import { type HistoryOptions, type Judgement, judgeHistory } from "../judge/judging.ts";
import { SitesSystem } from "../world/sites-system.ts";

/** The system comes up, a standby is in sync; then faults begin. */
const QUIET_MS = 20_000;
/** When the last fault is over. */
const HEALED_MS = 55_000;

export interface HistoryResult extends Judgement {
  readonly failsafes: number;
  /** Requests that a router turned away once both had been open. */
  readonly refused: number;
}

/** One whole history of three sites from one seed: start, faults, healing, rest. */
export async function runHistory(seed: number, options: HistoryOptions = {}): Promise<HistoryResult> {
  const system = new SitesSystem(seed, options.create ?? createWatchdog, options.change);
  startClients(system);
  system.startAll();
  const judgement = await judgeHistory({
    seed,
    system,
    healedMs: HEALED_MS,
    heal: planFaults(system, options.faults),
    // Every router takes writes to the active region.
    isAtRest: ({ active }) => system.stations.every(({ router }) => router === null || router.route() === active),
    watchdogs: () => system.stations.map(({ site, watchdog }) => [site, watchdog]),
  });
  for (const { process } of system.stations) process?.kill();
  return { ...judgement, failsafes: system.failsafes, refused: system.refused.length };
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
  const { random } = system.world;
  const endAll = scheduleFaults(system, {
    faults,
    names,
    count: names === undefined ? random.between(1, 6) : 3,
    beginsAtMs: () => {
      // Some before the system has ever been at rest.
      const fromMs = random.chance(0.1) ? 1_000 : QUIET_MS;
      return random.between(fromMs, HEALED_MS - 5_000);
    },
    lastsMs: () => (random.chance(0.4) ? random.between(100, 4_000) : random.between(4_000, 35_000)),
  });
  return () => {
    endAll();
    for (const station of system.stations) {
      if (station.process !== null) station.process.diesAt = null;
      system.restartAfter(station, 0);
    }
    system.note("healed");
  };
}
