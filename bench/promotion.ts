/**
 * Duration and number of requests of the promotion of many small indices, against the minimum number of requests and
 * against promoting one index after another.
 *
 *     node bench/promotion.ts [number of indices, default 500] [--watchdog-only]
 *
 * Needs the project's Node (`npm test` or `npm start` installs it). Starts two real single-node clusters on loopback,
 * takes some minutes, prints a comparison and removes everything.
 *
 * Both measurements begin with every index of gra followed by bhs and copied, and gra just lost. First the watchdog
 * promotes as in production, with its own detection, store, steps, batches and parallelism. After following again, the
 * same adapter sends the same requests one index after another; with `--watchdog-only` that is left out.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { ClusterPair } from "../lab/elasticsearch/start-cluster.ts";
import { connectClusters } from "../watchdog/app/clusters.ts";
import { promoteByWatchdog } from "./promotion/by-watchdog.ts";
import { configureWatchdog, createLeaders, followAll, indexNames, reset, say, startPair } from "./promotion/fixture.ts";
import { promoteOneByOne } from "./promotion/one-by-one.ts";
import { comparison, leastCalls, seconds } from "./promotion/report.ts";

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "watchdog-only": { type: "boolean" } },
  });
  const count = Number(positionals[0] ?? 500);
  if (!Number.isInteger(count) || count < 1) throw new Error(`not a number of indices: ${positionals[0]}`);
  const names = indexNames(count);
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-bench-"));
  let pair: ClusterPair | null = null;
  try {
    pair = await startPair(count);
    const loaded = await configureWatchdog(pair, directory);
    const clusters = connectClusters(loaded);
    const { bhs } = clusters;
    if (bhs === undefined) throw new Error("unreachable: the configuration names bhs");
    await createLeaders(pair, names);
    await followAll(pair, bhs, names);
    const byWatchdog = await promoteByWatchdog(pair, loaded, clusters, count);
    say(`promoted by the watchdog in ${seconds(byWatchdog.tookMs)}`);
    const runs = [byWatchdog];
    if (!values["watchdog-only"]) {
      await reset(pair, bhs, names);
      await followAll(pair, bhs, names);
      await pair.gra.kill();
      runs.push(await promoteOneByOne(pair, bhs, names));
    }
    await Promise.all(Object.values(clusters).map((cluster) => cluster.close()));
    console.log(`\n${comparison(runs, leastCalls(names))}`);
  } finally {
    await pair?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
