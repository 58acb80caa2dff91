/**
 * `npm start`: a failover and the way back under load, in a lab on this machine. Three sites by `pulumi up`; the power of
 * the whole of gra cut; its return, the replay of what only gra held, a switchover home; every acknowledged write counted.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { roundTrip } from "./round-trip/scenario.ts";
import { runScenario } from "./run-scenario.ts";

const usage = `Usage: npm start [-- --keep] [-- --lab DIRECTORY]

Makes two regions and a witness in a lab on this machine, cuts the power of the whole first region under load, and
shows the failover, the region's return, and the way home.

  --keep  leave the lab running and print how to look around; the next run with --keep uses it again
  --lab   directory of the lab; default: .lab/start in this checkout`;

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
  const directory = path.resolve(values.lab);
  if (existsSync(directory) && !values.keep) {
    throw new Error(
      `there is a lab in ${directory} already: use it with --keep, or remove it with \`npm run lab -- down --lab ${directory}\``,
    );
  }
  const code = await runScenario(roundTrip, { directory, keep: values.keep });
  if (values.keep) console.log(howToLookAround(directory));
  return code;
}

function howToLookAround(directory: string): string {
  const lab = `--lab ${directory}`;
  return [
    "The lab keeps running. Look around:",
    `  npm run lab -- status ${lab}`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover status`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover explain`,
    `  npm run lab -- ssh witness-1 ${lab} sudo es-failover history`,
    `  npm run lab -- down ${lab}`,
  ].join("\n");
}
