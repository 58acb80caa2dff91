import { createWatchdog } from "../../../watchdog/controller/watchdog.ts";
import { deleteAsAdvised } from "../faults/advice.ts";
import { scheduleFaults } from "../faults/schedule.ts";
import type { Evidence } from "../judge/evidence.ts";
import { judge } from "../judge/judge.ts";
import { checkLedger } from "../judge/ledger.ts";
import { checkTraffic } from "../judge/traffic.ts";
import type { ChangeConfig } from "../world/config.ts";
import type { Layout } from "../world/layout.ts";
import { type CreateWatchdog, System } from "../world/system.ts";
import { checkRest } from "./rest.ts";
import { startWriting } from "./writing.ts";

/** By then a standby is in sync; most faults begin later. */
const READY_MS = 15_000;
const EARLY_SHARE = 0.2;
/** Until then faults begin. */
const BEGIN_MS_MAX = 48_000;
/** When the last fault ends. */
const HEALED_MS = 55_000;

export interface HistoryOptions {
  readonly layout: Layout;
  readonly seed: number;
  /** Default: the watchdog as it is. */
  readonly create?: CreateWatchdog;
  readonly change?: ChangeConfig;
  /** Only these faults, and more of them: to come quickly to where a certain defect shows. */
  readonly faults?: readonly string[] | undefined;
}

export interface History {
  readonly layout: Layout["name"];
  readonly seed: number;
  readonly faults: readonly string[] | undefined;
  /** null when every invariant held. */
  readonly violation: string | null;
  readonly acknowledged: number;
  readonly failovers: number;
  readonly switchovers: number;
  /** Whether a former primary became the standby again. */
  readonly rejoined: boolean;
  readonly restarts: number;
  readonly failsafeGrants: number;
  readonly log: readonly string[];
}

/** One whole history from one seed: start, faults, healing, rest. */
export async function runHistory(options: HistoryOptions): Promise<History> {
  const { layout, seed, create = createWatchdog, change, faults } = options;
  const system = new System({ seed, layout, create, change });
  const evidence = judge(system);
  startWriting(system);
  system.startAll();
  const violation = await violationIn(evidence, planFaults(system, faults));
  for (const { process } of system.stations) process?.kill();
  return {
    layout: layout.name,
    seed,
    faults,
    violation,
    acknowledged: system.clients.acknowledged.length,
    failovers: evidence.failovers.length,
    switchovers: evidence.switchovers.length,
    rejoined: (system.record?.lastFailover?.rejoinedAtMs ?? null) !== null,
    restarts: system.restarts,
    failsafeGrants: system.grants,
    log: system.log,
  };
}

async function violationIn(evidence: Evidence, heal: () => void): Promise<string | null> {
  const { system } = evidence;
  const { world, stations } = system;
  try {
    await world.runUntil(HEALED_MS);
    heal();
    await checkRest(system);
    checkLedger(system);
    checkTraffic(evidence);
    // Status and explanation can be rendered in every state.
    JSON.stringify(stations.map(({ watchdog }) => [watchdog?.status(), watchdog?.explain()]));
    return world.violation?.message ?? null;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return world.violation?.message ?? error.stack ?? error.message;
  }
}

/** Puts the faults of this history on the clock; returns what ends them all. */
function planFaults(system: System, names: readonly string[] | undefined): () => void {
  const { random } = system.world;
  const { gra } = system.clusters;
  let isGraLostForGood = false;
  const endAll = scheduleFaults(system, {
    names,
    count: names === undefined ? random.between(1, 6) : 6,
    beginsAtMs: () => random.between(random.chance(EARLY_SHARE) ? 1_000 : READY_MS, BEGIN_MS_MAX),
    lastsMs: () => (random.chance(0.35) ? random.between(100, 4_000) : random.between(4_000, 38_000)),
    onBegin: ({ name }) => {
      if (name === "gra is lost" && random.chance(0.5)) isGraLostForGood = true;
    },
  });
  return () => {
    endAll();
    for (const station of system.stations) {
      if (station.process !== null) station.process.diesAt = null;
      system.restartAfter(station, 0);
    }
    const { record } = system;
    const hasBegun =
      record !== null && record.phase !== "closing" && !(record.phase === "serving" && record.active === "gra");
    // What began automatically has to end automatically, also when the lost region never comes back.
    if (isGraLostForGood && hasBegun) gra.ailments.down = true;
    deleteAsAdvised(system);
    system.note(`healed${gra.isUp() ? "" : ", but gra is lost for good"}`);
  };
}
