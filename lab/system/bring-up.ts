import { createWriteStream } from "node:fs";
import path from "node:path";
import { regions, type StackSettings } from "./configuration.ts";
import { type Say, TwoRegions } from "./two-regions.ts";

/** Brings the whole system up in a new lab: networks, all three sites by `pulumi up`; returns when routers route to gra. */
export async function bringUpSystem(directory: string, say: Say, settings: StackSettings = {}): Promise<TwoRegions> {
  say("making the lab: three regions of hosts, a WAN of 80 ms round trip between gra and bhs");
  const system = await TwoRegions.create(directory, say, settings);
  say("pulumi up: gra, bhs and the witness at once");
  await system.upAll(progress(directory, say));
  if (settings.remoteClusterSecurity === "api_key") await exchangeKeys(system, directory, say);
  await system.watchdogs.until(
    "gra serves",
    ({ record, router }) => record?.phase === "serving" && router !== null && router.ticket !== null,
  );
  return system;
}

/** Each region's cluster gets the key of the other one, as an operator would give it. */
async function exchangeKeys(system: TwoRegions, directory: string, say: Say): Promise<void> {
  say("npm run remote-keys -- begin: each region's cluster makes a key for the other one");
  await system.remoteKeys(["begin"], (line) => say(`  ${line}`));
  await Promise.all(regions.map((region) => system.up(region, progress(directory, say))));
}

/** Writes the engine's lines to a file and reports every 25th created resource. */
function progress(directory: string, say: Say): Say {
  const file = path.join(directory, "pulumi.log");
  const log = createWriteStream(file, { mode: 0o600, flags: "a" });
  const made = new Map<string, number>();
  say(`  (output of pulumi: ${file})`);
  return (line) => {
    log.write(`${line}\n`);
    if (!/ created \(/.test(line)) return;
    const stack = line.slice(0, line.indexOf(":"));
    const count = (made.get(stack) ?? 0) + 1;
    made.set(stack, count);
    if (count % 25 === 0) say(`  ${stack}: ${count} resources created`);
  };
}
