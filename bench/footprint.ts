/**
 * Memory and processor time of a watchdog at rest, beside a number of followed indices of three shards.
 *
 *     node bench/footprint.ts [numbers of indices, default 0 1000 5000] [-- flags of Node instead of the unit's]
 *
 * Needs the project's Node (`npm test` or `npm start` installs it). Starts the bundle as its unit starts it, with HAProxy and
 * two regions that are imitated, takes some minutes, prints a table and removes everything.
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { EntryHaproxy } from "../test/integration/support/watchdog-haproxy.ts";
import { buildWatchdogBundle } from "../watchdog/bundle.ts";
import { defaultRouterSettings, type WatchdogConfig, watchdogConfigSchema } from "../watchdog/config/schema.ts";
import { size, table } from "../watchdog/util/text.ts";
import { type ImitatedPair, imitatePair } from "./footprint/imitation.ts";
import { type Footprint, measureAtRest } from "./footprint/process.ts";
import { type StartedByUnit, startedByUnit } from "./footprint/unit.ts";
import { indexNames, say } from "./promotion/fixture.ts";

const SHARDS = 3;
const PATTERNS = ["bench-*"];

async function main(): Promise<void> {
  const [numbers, flags] = readArguments(process.argv.slice(2));
  const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-bench-"));
  try {
    const program = path.join(scratch, "program");
    await mkdir(program);
    const { archivePath } = await buildWatchdogBundle();
    await promisify(execFile)("tar", ["xzf", archivePath, "-C", program]);
    const started = await startedByUnit(program, flags);
    const rows: string[][] = [["indices", "resident", "highest", "of it private", "its share", "of a core"]];
    for (const number of numbers) {
      const directory = path.join(scratch, String(number));
      await mkdir(directory);
      const { rssBytes, peakBytes, privateBytes, shareBytes, coreShare } = await measure(number, directory, started);
      const memory = [rssBytes, peakBytes, privateBytes, shareBytes].map(size);
      rows.push([String(number), ...memory, `${(coreShare * 100).toFixed(1)} %`]);
      say(rows.at(-1)?.join("  ") ?? "");
    }
    console.log(`\n${table(rows)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function measure(number: number, directory: string, started: StartedByUnit): Promise<Footprint> {
  const pair = await imitatePair(directory, { indices: indexNames(number), shards: SHARDS, patterns: PATTERNS });
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
    const config = { ...(await configure(pair, directory)), router };
    return await measureAtRest({ ...started, config, directory, followers: number });
  } finally {
    await haproxy?.stop();
    await pair.stop();
  }
}

/** Defaults, with the intervals that hosts have. */
async function configure(pair: ImitatedPair, directory: string): Promise<WatchdogConfig> {
  const passwordFile = path.join(directory, "password");
  await writeFile(passwordFile, "unused", { mode: 0o600 });
  return watchdogConfigSchema.parse({
    name: "bench",
    site: "bhs",
    regions: { gra: { nodes: pair.gra.urls }, bhs: { nodes: pair.bhs.urls } },
    firstPrimary: "gra",
    elasticsearch: { username: "es-failover", passwordFile, caFile: pair.caFile },
    replication: { patterns: PATTERNS },
    store: { kind: "file", directory: path.join(directory, "store") },
    router: {},
    stateDirectory: directory,
    controlSocket: path.join(directory, "control.sock"),
  });
}

function readArguments(args: readonly string[]): readonly [readonly number[], readonly string[] | null] {
  const end = args.indexOf("--");
  const numbers = (end < 0 ? args : args.slice(0, end)).map(Number);
  if (numbers.some((number) => !Number.isInteger(number) || number < 0)) {
    throw new Error(`not numbers of indices: ${args.join(" ")}`);
  }
  return [numbers.length > 0 ? numbers : [0, 1_000, 5_000], end < 0 ? null : args.slice(end + 1)];
}

await main();
