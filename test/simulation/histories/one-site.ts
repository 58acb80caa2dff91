import { createWatchdog } from "../../../watchdog/controller/watchdog.ts";
import { faults } from "../faults/one-site.ts";
import { scheduleFaults } from "../faults/schedule.ts";
import { type HistoryOptions, type Judgement, judgeHistory } from "../judge/judging.ts";
import { SimSystem } from "../world/system.ts";

/** When the last fault is over. */
const HEALED_MS = 50_000;

export interface HistoryResult extends Judgement {
  readonly switchovers: number;
  /** Whether a former primary became the standby again. */
  readonly rejoined: boolean;
}

/** One whole history from one seed: start, faults, healing, rest. */
export async function runHistory(seed: number, options: HistoryOptions = {}): Promise<HistoryResult> {
  const system = new SimSystem(seed, options.create ?? createWatchdog, options.change);
  startClients(system);
  system.startWatchdog();
  const judgement = await judgeHistory({
    seed,
    system,
    healedMs: HEALED_MS,
    heal: planFaults(system, options.faults),
    isAtRest: ({ active, standby, plan }) => {
      const isBack = Object.values(system.clusters).every((cluster) => cluster.isWell());
      const isMirrored = standby === "in-sync" || !isBack;
      return plan?.kind !== "repair" && isMirrored && system.cluster(active).refusingWrites().length === 0;
    },
    watchdogs: () => [[system.config.name, system.watchdog]],
  });
  system.process?.kill();
  return {
    ...judgement,
    switchovers: system.switchovers.length,
    rejoined: (system.disk.stored?.record.lastFailover?.rejoinedAtMs ?? null) !== null,
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
  const { random } = system.world;
  let isGraLostForGood = false;
  const endAll = scheduleFaults(system, {
    faults,
    names,
    count: names === undefined ? random.between(1, 5) : 6,
    beginsAtMs: () => random.between(1_000, HEALED_MS - 8_000),
    lastsMs: () => (random.chance(0.3) ? random.between(100, 3_000) : random.between(3_000, 40_000)),
    onBegin: ({ name }) => {
      if (name === "gra is lost" && random.chance(0.5)) isGraLostForGood = true;
    },
  });
  return () => {
    endAll();
    if (system.process !== null) system.process.diesAt = null;
    system.restartWatchdogAfter(0);
    const record = system.disk.stored?.record;
    const hasBegun = record !== undefined && !(record.phase === "serving" && record.active === "gra");
    // What began by itself has to end by itself, also when the lost region never comes back.
    if (isGraLostForGood && hasBegun && record.phase !== "closing") system.cluster("gra").ailments.down = true;
    system.note(`healed${system.cluster("gra").isUp() ? "" : ", but gra is lost for good"}`);
  };
}
