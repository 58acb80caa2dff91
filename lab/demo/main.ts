/**
 * `npm start`: a failover and the way back under load, in a lab on this machine. Three sites by `pulumi up`; the power of
 * the whole of gra cut; its return, the replay of what only gra held, a switchover home; every acknowledged write counted.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { PAGE_PORT } from "../../watchdog/config/page.ts";
import { controllerAddress } from "../hosts/addressing.ts";
import type { StackSettings } from "../system/configuration.ts";
import { roundTrip } from "./round-trip/scenario.ts";
import { runScenario } from "./run-scenario.ts";

const usage = `Usage: npm start [-- --keep] [-- --api-keys] [-- --lab DIRECTORY]

Makes two regions and a witness in a lab on this machine, cuts the power of the whole first region under load, and
shows the failover, the region's return, and the way home.

  --keep      leave the lab running and print how to look around; the next run with --keep uses it again
  --api-keys  connect the regions' clusters by cross-cluster API keys instead of certificates
  --lab       directory of the lab; default: .lab/start in this checkout`;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: "boolean", default: false },
      "api-keys": { type: "boolean", default: false },
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
  const settings: StackSettings = {
    ...roundTrip.settings,
    ...(values.keep ? lookAround : {}),
    ...(values["api-keys"] ? { remoteClusterSecurity: "api_key" } : {}),
  };
  const scenario = { ...roundTrip, settings };
  const code = await runScenario(scenario, { directory, keep: values.keep });
  if (values.keep) console.log(howToLookAround(directory));
  return code;
}

/** No receiver listens there: a lab sends no message. */
const noReceiver = `http://${controllerAddress}:9/`;
/** What a lab that is kept has besides, for people to look at. */
const lookAround: StackSettings = {
  page: { authentication: "proxy" },
  monitoring: {
    section: { alerts: { kind: "webhook" }, plainHttp: true },
    deadMansSwitchUrl: noReceiver,
    alertsUrl: noReceiver,
  },
};

function howToLookAround(directory: string): string {
  const lab = `--lab ${directory}`;
  return [
    "The lab keeps running. Look around:",
    `  npm run lab -- status ${lab}`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover status`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover explain`,
    `  npm run lab -- ssh witness-1 ${lab} sudo es-failover history`,
    `  npm run lab -- tunnel bhs-haproxy-1 ${PAGE_PORT} ${lab}   # then http://localhost:${PAGE_PORT} is its status page`,
    `  npm run lab -- tunnel witness-1 9090 ${lab}   # then http://localhost:9090 is Prometheus`,
    `  npm run lab -- tunnel witness-1 9093 ${lab}   # then http://localhost:9093 is Alertmanager`,
    `  npm run lab -- down ${lab}`,
  ].join("\n");
}
