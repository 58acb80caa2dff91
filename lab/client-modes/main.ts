/**
 * `npm run lab -- ways`: three ways for an application to follow a failover, side by side under the loss of the whole of
 * gra, and what stops an application that follows none.
 */
import { existsSync } from "node:fs";
import { checksOnSmallMachine, untilHomeServes } from "../demo/journey.ts";
import { say } from "../demo/screen.ts";
import { Lab } from "../hosts/lab.ts";
import { bringUpSystem } from "../system/bring-up.ts";
import { type StackSettings, stacks } from "../system/configuration.ts";
import { interruption } from "../system/interruption.ts";
import { setUpMachine } from "../system/set-up.ts";
import { TwoRegions } from "../system/two-regions.ts";
import { journey } from "./journey.ts";

/** The first Elasticsearch node of each region: what the two ways without a router are told. */
const endpointAddresses = {
  gra: { host: "192.168.1.11", port: 9200 },
  bhs: { host: "192.168.2.11", port: 9200 },
} as const;

const settings: StackSettings = { checks: checksOnSmallMachine, endpointAddresses };

/** @returns what the program exits with */
export async function showWays(directory: string): Promise<number> {
  if (existsSync(directory)) return inKeptLab(directory);
  const obstacles = await setUpMachine();
  if (obstacles.length > 0) throw new Error(`this machine cannot run the lab. ${obstacles.join(" ")}`);
  return inOwnLab(directory, async () => journey(await bringUpSystem(directory, say, settings), endpointAddresses));
}

/** A lab that is up is given the endpoint service, as a user would do it: by configuration and `pulumi up`. */
async function inKeptLab(directory: string): Promise<number> {
  say(`the lab in ${directory} is used; pulumi up gives it the endpoint service, where it has none`);
  const system = await TwoRegions.open(directory);
  for (const stack of stacks) await system.configure(stack, settings);
  await system.upAll(() => undefined);
  await untilHomeServes(system);
  return journey(system, endpointAddresses);
}

/** Whatever happens in between, also Ctrl-C: the lab is removed again. */
async function inOwnLab(directory: string, run: () => Promise<number>): Promise<number> {
  try {
    return await Promise.race([run(), interruption()]);
  } finally {
    say("removing the lab");
    await Lab.destroy(directory);
  }
}
