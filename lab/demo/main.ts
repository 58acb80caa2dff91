/**
 * `npm start`: the whole system in a lab on this machine, and a real failover there and home again. Three sites from
 * `pulumi up`, replication in sync, an application at work, the power of the whole of gra cut; gra's return, the replay
 * of what it alone held, a switchover home; and an account of every acknowledged write.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { Lab } from "../hosts/lab.ts";
import { interruption } from "../system/interruption.ts";
import { setUpMachine } from "../system/set-up.ts";
import { journeyInKeptLab, journeyInNewLab } from "./journey.ts";
import { say } from "./screen.ts";

const usage = `Usage: npm start [-- --keep] [-- --lab DIRECTORY]

Makes two regions and a witness in a lab on this machine, cuts the power of the whole first region under load, and
shows the failover, the region's return, and the way home.

  --keep  leave the lab running afterwards and say how to look around; used again by the next run with --keep
  --lab   where the lab is made; by default .lab/start in this checkout`;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: "boolean", default: false },
      lab: { type: "string", default: path.resolve(import.meta.dirname, "..", "..", ".lab", "start") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const obstacles = await setUpMachine();
  if (obstacles.length > 0) throw new Error(`this machine cannot run the lab. ${obstacles.join(" ")}`);
  const directory = path.resolve(values.lab);
  if (existsSync(directory) && !values.keep) {
    throw new Error(
      `there is a lab in ${directory} already: use it with --keep, or remove it with \`npm run lab -- down --lab ${directory}\``,
    );
  }
  return inLab(directory, values.keep);
}

/** Whatever happens in between, also Ctrl-C: the lab is removed again, unless it is to be kept. */
async function inLab(directory: string, keep: boolean): Promise<number> {
  let interrupted = false;
  const untilInterrupted = interruption().catch((error: unknown) => {
    interrupted = true;
    throw error;
  });
  try {
    const code = await Promise.race([
      existsSync(directory) ? journeyInKeptLab(directory) : journeyInNewLab(directory),
      untilInterrupted,
    ]);
    if (keep) console.log(howToLookAround(directory));
    return code;
  } finally {
    if (!keep || interrupted) {
      say("removing the lab");
      await Lab.destroy(directory);
    }
  }
}

function howToLookAround(directory: string): string {
  const lab = `--lab ${directory}`;
  return [
    "The lab goes on. Look around:",
    `  npm run lab -- status ${lab}`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover status`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover explain`,
    `  npm run lab -- ssh witness-1 ${lab} sudo es-failover history`,
    `  npm run lab -- down ${lab}`,
  ].join("\n");
}
