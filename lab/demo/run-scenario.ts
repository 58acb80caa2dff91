import { existsSync } from "node:fs";
import { Lab } from "../hosts/lab.ts";
import { bringUpSystem } from "../system/bring-up.ts";
import { type StackSettings, stacks } from "../system/configuration.ts";
import { interruption } from "../system/interruption.ts";
import { setUpMachine } from "../system/set-up.ts";
import { TwoRegions } from "../system/two-regions.ts";
import { Operator } from "./operator.ts";
import { conclude, type Report } from "./report.ts";
import { say } from "./screen.ts";

/** A course of events in the whole system under load, and what it shows. */
export interface Scenario {
  readonly settings: StackSettings;
  /** Begins with gra serving and bhs in sync, and an automatic failover allowed. */
  play(system: TwoRegions): Promise<Report>;
}

export interface RunOptions {
  /** Directory of the lab. A lab that is there is used and kept. */
  readonly directory: string;
  /** Keep a lab that this run makes. An interrupted run removes it all the same, as its state is undefined. */
  readonly keep: boolean;
}

/** Quick enough for a demo; two cores with six nodes, some of them booting, do not keep up with shorter intervals. */
export const checksOnSmallMachine = { profile: "fast", intervalMs: 2_000, timeoutMs: 1_800 } as const;

/** Plays a scenario in a lab and prints its report. @returns the program's exit code */
export async function runScenario(scenario: Scenario, { directory, keep }: RunOptions): Promise<number> {
  const obstacles = await setUpMachine();
  if (obstacles.length > 0) throw new Error(`this machine cannot run the lab. ${obstacles.join(" ")}`);
  if (existsSync(directory)) return conclude(await scenario.play(await reuse(directory, scenario)));
  return inNewLab(directory, keep, async () => {
    const system = await bringUpSystem(directory, say, scenario.settings);
    return conclude(await scenario.play(system));
  });
}

async function inNewLab(directory: string, keep: boolean, run: () => Promise<number>): Promise<number> {
  let isInterrupted = false;
  const interrupted = interruption().catch((error: unknown) => {
    isInterrupted = true;
    throw error;
  });
  try {
    return await Promise.race([run(), interrupted]);
  } finally {
    if (!keep || isInterrupted) {
      say("removing the lab");
      await Lab.destroy(directory);
    }
  }
}

/** Brings a lab that is up to the scenario's settings, as users change theirs: by configuration and `pulumi up`. */
async function reuse(directory: string, { settings }: Scenario): Promise<TwoRegions> {
  say(`using the lab in ${directory}; pulumi up brings it to the settings of this demo`);
  const system = await TwoRegions.open(directory);
  for (const stack of stacks) await system.configure(stack, settings);
  await system.upAll(() => undefined);
  const { record } = await system.watchdogs.untilInSync();
  if (record?.phase !== "serving" || record.active !== "gra") {
    throw new Error(
      "gra does not serve in that lab: bring it home with `es-failover switchover --to gra`, or remove it",
    );
  }
  // The block period after an earlier failover would forbid the next one.
  if (record.blockedUntilMs !== null) await new Operator(system, await system.hosts.router()).show("ack");
  return system;
}
