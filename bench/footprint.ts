/**
 * Memory and processor time of a watchdog at rest, beside a number of followed indices.
 *
 *     node bench/footprint.ts [numbers of indices, default 0 1000] [-- flags of Node instead of the unit's]
 *
 * Needs the project's Node (`npm test` or `npm start` installs it). Starts two real single-node clusters on loopback, and the
 * bundle as its unit starts it, takes some minutes, prints a table and removes everything.
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { EntryHaproxy } from "../test/integration/support/watchdog-haproxy.ts";
import { connectClusters } from "../watchdog/app/clusters.ts";
import { buildWatchdogBundle } from "../watchdog/bundle.ts";
import { profiles } from "../watchdog/config/profiles.ts";
import { defaultRouterSettings } from "../watchdog/config/schema.ts";
import { size, table } from "../watchdog/util/text.ts";
import { measureAtRest } from "./footprint/process.ts";
import { configureWatchdog, createLeaders, followAll, indexNames, say, startPair } from "./promotion/fixture.ts";

async function main(): Promise<void> {
  const [numbers, flags] = readArguments(process.argv.slice(2));
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-bench-"));
  const pair = await startPair(Math.max(...numbers));
  let haproxy: EntryHaproxy | null = null;
  try {
    const ticketMapFile = path.join(directory, "ticket.map");
    await writeFile(ticketMapFile, "");
    // Its checks of the clusters are refused: only its sockets matter to the watchdog.
    const options = {
      pair,
      directory: path.join(directory, "haproxy"),
      ticketMapFile,
      checkPassword: "unused",
      gid: 0,
    };
    haproxy = await EntryHaproxy.start(options);
    const { adminSocket, masterSocket } = haproxy;
    const configFile = path.join(options.directory, "haproxy.cfg");
    const router = { ...defaultRouterSettings, adminSocket, masterSocket, configFile, ticketMapFile };
    const program = path.join(directory, "program");
    await mkdir(program);
    const { archivePath } = await buildWatchdogBundle();
    await promisify(execFile)("tar", ["xzf", archivePath, "-C", program]);
    const loaded = await configureWatchdog(pair, directory);
    const { bhs } = connectClusters(loaded);
    if (bhs === undefined) throw new Error("unreachable: the configuration names bhs");
    const rows: string[][] = [["indices", "resident", "highest", "of a core"]];
    for (const number of numbers.toSorted((a, b) => a - b)) {
      const names = indexNames(number);
      if (number > 0) {
        await createLeaders(pair, names);
        await followAll(pair, bhs, names);
      }
      const { rssBytes, peakBytes, coreShare } = await measureAtRest({
        argv: [
          path.join(program, "node"),
          ...(flags ?? (await unitFlags(program))),
          path.join(program, "es-failover.mjs"),
        ],
        config: {
          ...loaded.config,
          checks: { ...loaded.config.checks, ...profiles.standard.checks },
          router,
          controlSocket: path.join(directory, "control.sock"),
        },
        directory,
        followers: number,
      });
      rows.push([String(number), size(rssBytes), size(peakBytes), `${(coreShare * 100).toFixed(1)} %`]);
      say(rows.at(-1)?.join("  ") ?? "");
    }
    await bhs.close();
    console.log(`\n${table(rows)}`);
  } finally {
    await haproxy?.stop();
    await pair.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function readArguments(args: readonly string[]): readonly [readonly number[], readonly string[] | null] {
  const end = args.indexOf("--");
  const numbers = (end < 0 ? args : args.slice(0, end)).map(Number);
  if (numbers.some((number) => !Number.isInteger(number) || number < 0)) {
    throw new Error(`not numbers of indices: ${args.join(" ")}`);
  }
  return [numbers.length > 0 ? numbers : [0, 1_000], end < 0 ? null : args.slice(end + 1)];
}

/** Node's flags in the unit: its program runs as on a host. */
async function unitFlags(program: string): Promise<readonly string[]> {
  const unit = await readFile(path.join(program, "es-failover.service"), "utf8");
  const command = unit.match(/^ExecStart=(.*)$/m)?.[1]?.split(" ") ?? [];
  return command.slice(1).filter((word) => word.startsWith("--"));
}

await main();
