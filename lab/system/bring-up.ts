import { createWriteStream } from "node:fs";
import path from "node:path";
import type { StackSettings } from "./configuration.ts";
import { type Say, TwoRegions } from "./two-regions.ts";

/** The whole system in a new lab: networks, both regions and the witness by `pulumi up`, and watchdogs that route to gra. */
export async function bringUpSystem(directory: string, say: Say, settings: StackSettings = {}): Promise<TwoRegions> {
  say("making the lab: three regions of hosts, a WAN of 80 ms round trip between gra and bhs");
  const system = await TwoRegions.create(directory, say, settings);
  say("pulumi up: gra, bhs and the witness at once");
  await system.upAll(progress(directory, say));
  await system.watchdogs.until(
    "gra serves",
    ({ record, router }) => record?.phase === "serving" && router !== null && router.ticket !== null,
  );
  return system;
}

/** The engine's own lines go to a file; on the screen a line tells now and then how far it is. */
function progress(directory: string, say: Say): Say {
  const file = path.join(directory, "pulumi.log");
  const log = createWriteStream(file, { mode: 0o600 });
  const made = new Map<string, number>();
  say(`  (all that pulumi says: ${file})`);
  return (line) => {
    log.write(`${line}\n`);
    if (!/ created \(/.test(line)) return;
    const stack = line.slice(0, line.indexOf(":"));
    const count = (made.get(stack) ?? 0) + 1;
    made.set(stack, count);
    if (count % 25 === 0) say(`  ${stack}: ${count} resources made`);
  };
}
