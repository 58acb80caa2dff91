import { bringUpSystem } from "../system/bring-up.ts";
import { TwoRegions } from "../system/two-regions.ts";
import { Ledger } from "../traffic/ledger.ts";
import type { Traffic } from "../traffic/traffic.ts";
import { powerOnGra, replaySalvage, switchOverToGra } from "./failback.ts";
import { cutPowerOfGra, startTraffic } from "./failover.ts";
import { Journals } from "./journal.ts";
import { Operator } from "./operator.ts";
import { type Journey, journeyFaults, sectionsOf, table } from "./report.ts";
import { headline, say } from "./screen.ts";

const INDEX = "app-orders";

/** As quick as a machine with two cores allows: the nodes that boot leave the others of six little of it. */
export const checksOnSmallMachine = { profile: "fast", intervalMs: 2_000, timeoutMs: 1_800 } as const;

/** The whole system in a new lab, and the journey in it. @returns what the program exits with */
export async function journeyInNewLab(directory: string): Promise<number> {
  return journey(await bringUpSystem(directory, say, { checks: checksOnSmallMachine }), INDEX);
}

/** Once more in a lab that is up, with an index of its own; it begins where gra serves and bhs is in sync. */
export async function journeyInKeptLab(directory: string): Promise<number> {
  say(`the lab in ${directory} is used again`);
  const system = await TwoRegions.open(directory);
  await untilHomeServes(system);
  return journey(system, `${INDEX}-${Date.now()}`);
}

/** Waits until gra serves with bhs in sync, and an automatic failover is allowed. @throws Error when bhs serves */
export async function untilHomeServes(system: TwoRegions): Promise<void> {
  const { record } = await system.watchdogs.untilInSync();
  if (record?.phase !== "serving" || record.active !== "gra") {
    throw new Error(
      "gra does not serve in that lab: bring it home with `es-failover switchover --to gra`, or remove it",
    );
  }
  // Else there is no second automatic failover within the hour.
  if (record.blockedUntilMs !== null) await new Operator(system, await system.hosts.router()).shows("ack");
}

async function journey(system: TwoRegions, index: string): Promise<number> {
  const traffic = await startTraffic(system, index);
  const journals = new Journals(system);
  try {
    await journals.follow(await system.hosts.withWatchdog());
    return conclude(await thereAndHomeAgain(system, traffic, journals));
  } finally {
    journals.stop();
    await traffic.close();
  }
}

async function thereAndHomeAgain(system: TwoRegions, traffic: Traffic, journals: Journals): Promise<Journey> {
  const { run, missing } = await cutPowerOfGra(system, traffic);
  const back = await powerOnGra(system, journals);
  const salvaged = await replaySalvage(system, traffic);
  const switchover = await switchOverToGra(system, traffic);
  headline("The account");
  await traffic.stop();
  const end = await traffic.verify();
  const readBacks = {
    ...{ afterFailover: missing, afterReplay: salvaged.missing },
    ...{ atTheEnd: end.missing, foundAtTheEnd: end.found },
  };
  const writesAcknowledged = traffic.ledger.acknowledged.size;
  const reigns = Ledger.reigns([traffic.ledger]);
  return { failover: run, back, salvaged, switchover, readBacks, writesAcknowledged, reigns };
}

function conclude(journey: Journey): number {
  console.log(`\n${table(sectionsOf(journey))}\n`);
  console.log(`  The estimate: ${journey.failover.failover.loss.explanation}.`);
  for (const limit of journey.salvaged.receipt.limits) console.log(`  The receipt: ${limit}`);
  console.log("");
  const faults = journeyFaults(journey);
  for (const fault of faults) console.log(`  FAULT: ${fault}`);
  if (faults.length === 0) say("gra serves again, bhs is its standby, and every acknowledged write is accounted for");
  return faults.length === 0 ? 0 : 1;
}
