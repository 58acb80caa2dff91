/**
 * `npm start`: the whole system in a lab on this machine, and one real failover of it. Two regions from `pulumi up`,
 * replication in sync, an application at work, the power of all of gra's Elasticsearch nodes cut; then what the
 * watchdog does, as it does it, and an account of every acknowledged write.
 */
import { createWriteStream, existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { setUpMachine } from "../../setup/steps.ts";
import { Lab } from "../hosts/lab.ts";
import { type Say, TwoRegions } from "../system/two-regions.ts";
import type { Traffic } from "../traffic/traffic.ts";
import { followJournal, journalCommand } from "./journal.ts";
import { type FailoverRun, faultsOf, reportRows, table } from "./report.ts";

const usage = `Usage: npm start [-- --keep] [-- --lab DIRECTORY]

Makes two regions in a lab on this machine, cuts the power of the first one's Elasticsearch, and shows the failover.

  --keep  leave the lab running afterwards and say how to look around
  --lab   where the lab is made; by default .lab/start in this checkout`;

/** Acknowledged writes to wait for: enough that replication, its lag and the rate of writes are all observed. */
const WRITES_BEFORE = 300;
const WRITES_AFTER = 200;
const INDEX = "app-orders";

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
  if (existsSync(directory)) {
    throw new Error(
      `there is a lab in ${directory} already: remove it with \`npm run lab -- down --lab ${directory}\``,
    );
  }
  return inLab(directory, values.keep);
}

/** Whatever happens in between, also Ctrl-C: the lab is removed again, unless it is to be kept. */
async function inLab(directory: string, keep: boolean): Promise<number> {
  let interrupted = false;
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        interrupted = true;
        reject(new Error(`interrupted by ${signal}: removing the lab`));
      });
    }
  });
  try {
    const code = await Promise.race([failoverUnderLoad(directory), interruption]);
    if (keep) console.log(howToLookAround(directory));
    return code;
  } finally {
    if (!keep || interrupted) {
      say("removing the lab");
      await Lab.destroy(directory);
    }
  }
}

const startedAtMs = Date.now();
const say: Say = (line) => sayAt(Date.now(), line);

/** What is heard of later is shown with the time when it happened. */
function sayAt(atMs: number, line: string): void {
  console.log(`${((atMs - startedAtMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

async function failoverUnderLoad(directory: string): Promise<number> {
  say("making the lab: three regions of hosts, a WAN of 80 ms round trip between gra and bhs");
  const system = await TwoRegions.create(directory, say);
  say("pulumi up: gra, bhs and the witness at once");
  await system.upAll(progress(directory));
  say("waiting until bhs follows gra");
  const traffic = await startTraffic(system);
  try {
    const run = await cutPowerOfGra(system, traffic);
    console.log(`\n${table(reportRows(run))}\n\n  ${run.failover.loss.explanation}\n`);
    const faults = faultsOf(run);
    for (const fault of faults) console.log(`  FAULT: ${fault}`);
    if (faults.length === 0) say("writes resumed in bhs, and every acknowledged write is accounted for");
    return faults.length === 0 ? 0 : 1;
  } finally {
    await traffic.close();
  }
}

async function startTraffic(system: TwoRegions): Promise<Traffic> {
  await system.until(
    "gra serves",
    ({ record, router }) => record?.phase === "serving" && router !== null && router.ticket !== null,
  );
  const traffic = await system.traffic(INDEX);
  let acknowledged = 0;
  await traffic.next("write-acknowledged", 60_000, () => ++acknowledged === WRITES_BEFORE);
  const { replication } = await system.untilInSync();
  const { followers, lagOperations } = replication ?? { followers: 0, lagOperations: null };
  say(
    `an application writes and reads through HAProxy; bhs is in sync: ${followers} follower(s), lag ${lagOperations}`,
  );
  return traffic;
}

async function cutPowerOfGra(system: TwoRegions, traffic: Traffic): Promise<FailoverRun> {
  const stopFollowing = followJournal(
    await system.lab.sshCommand(await system.routerHost(), [...journalCommand]),
    ({ message, atMs }) => sayAt(atMs, `  watchdog: ${message}`),
  );
  try {
    say("cutting the power of every Elasticsearch node of gra");
    await system.killElasticsearch("gra");
    const killedAtMs = Date.now();
    const first = await traffic.next("write-acknowledged", 180_000, ({ atMs }) => atMs > killedAtMs);
    say(`first write acknowledged again, ${((first.atMs - killedAtMs) / 1000).toFixed(1)} s after the power was cut`);
    let acknowledged = 0;
    await traffic.next("write-acknowledged", 60_000, () => ++acknowledged === WRITES_AFTER);
    await traffic.stop();
    const { record } = await system.until("bhs serves", (status) => status.record?.phase === "serving");
    if (record === null || record.lastFailover === null) throw new Error("the record tells of no failover");
    say("reading every acknowledged write back");
    const { found, missing } = await traffic.verify();
    const { writesFailed, readsFailed, acknowledged: writes } = traffic.ledger;
    return {
      ...{ killedAtMs, failover: record.lastFailover, firstWriteAtMs: first.atMs, writesFailed, readsFailed },
      ...{ writesAcknowledged: writes.size, found, missing: missing.length },
    };
  } finally {
    stopFollowing();
  }
}

/** The engine's own lines go to a file; on the screen a line tells now and then how far it is. */
function progress(directory: string): Say {
  const log = createWriteStream(path.join(directory, "pulumi.log"), { mode: 0o600 });
  const done = new Map<string, number>();
  say(`(all that pulumi says: ${path.join(directory, "pulumi.log")})`);
  return (line) => {
    log.write(`${line}\n`);
    const stack = line.slice(0, line.indexOf(":"));
    if (!/ created \(/.test(line)) return;
    const count = (done.get(stack) ?? 0) + 1;
    done.set(stack, count);
    if (count % 25 === 0) say(`  ${stack}: ${count} resources made`);
  };
}

function howToLookAround(directory: string): string {
  const lab = `--lab ${directory}`;
  return [
    "The lab goes on. Look around:",
    `  npm run lab -- status ${lab}`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover status`,
    `  npm run lab -- ssh bhs-haproxy-1 ${lab} sudo es-failover explain`,
    `  npm run lab -- start gra-es-1 ${lab}`,
    `  npm run lab -- down ${lab}`,
  ].join("\n");
}
