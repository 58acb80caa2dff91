/**
 * How long the promotion of many small indices takes, and how many requests it makes, against the least possible number of
 * requests and against promoting one index after another.
 *
 *     node bench/promotion.ts [number of indices, 500 by default]
 *
 * With the project's Node (`npm test` or `npm start` has set it up). Starts two real single-node clusters on loopback,
 * takes a few minutes, prints a comparison, removes everything.
 *
 * Both ways begin alike: every index of gra is followed by bhs, everything is copied, and gra has just been lost. First the
 * watchdog itself promotes, as in production: its own detection, store, steps, batches and parallelism. Then, the
 * indices followed anew, the same requests by the same adapter, one index after another.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { roleDefinitions, users } from "../infra/elasticsearch/users.ts";
import { createTestAuthority } from "../lab/elasticsearch/certificates.ts";
import { type ClusterPair, startCluster } from "../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../lab/util/until.ts";
import { systemClock } from "../watchdog/adapters/clock.ts";
import { createRecordCopy } from "../watchdog/adapters/file-store/store.ts";
import { connectClusters } from "../watchdog/app/clusters.ts";
import { connectStore } from "../watchdog/app/store.ts";
import type { LoadedConfig } from "../watchdog/config/load.ts";
import { watchdogConfigSchema } from "../watchdog/config/schema.ts";
import { createWatchdog } from "../watchdog/controller/watchdog.ts";
import type { Cluster } from "../watchdog/core/ports/cluster.ts";
import type { Router } from "../watchdog/core/ports/router.ts";
import type { Salvage } from "../watchdog/core/ports/salvage.ts";
import type { StateRecord } from "../watchdog/core/state/record.ts";
import { messageOf } from "../watchdog/util/errors.ts";
import type { Logger } from "../watchdog/util/logger.ts";
import { forEachBounded } from "../watchdog/util/loop.ts";
import { CallRecorder } from "./calls.ts";
import { comparison, leastCalls, type Run } from "./report.ts";

const MANAGED = "bench-*";
const PATIENCE_MS = 20 * 60_000;

const say = (sentence: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${sentence}`);

/** A router that takes tickets and routes nothing: what is measured is behind it. */
const router: Router = {
  name: "bench",
  issueTicket: async () => undefined,
  close: async () => undefined,
  state: async () => ({ tickets: [], servers: [] }),
};

const noSalvage: Salvage = {
  export: () => Promise.reject(new Error("nothing is salvaged here")),
  authorizeDelete: () => Promise.reject(new Error("nothing is salvaged here")),
};

const log: Logger = {
  debug: () => undefined,
  info: (fields, message) => (fields["event"] === "step" ? say(message) : undefined),
  warn: (_, message) => say(message),
  error: (_, message) => say(message),
};

async function setUp(pair: ClusterPair, directory: string): Promise<LoadedConfig> {
  const elasticsearchPassword = randomBytes(12).toString("base64url");
  for (const cluster of [pair.gra, pair.bhs]) {
    const role = users.watchdog.role;
    await cluster.call("PUT", `/_security/role/${role}`, { body: roleDefinitions([MANAGED])[role] });
    const body = { password: elasticsearchPassword, roles: [role] };
    await cluster.call("PUT", `/_security/user/${users.watchdog.name}`, { body });
  }
  const passwordFile = path.join(directory, "password");
  await writeFile(passwordFile, elasticsearchPassword, { mode: 0o600 });
  // Patient enough for a machine that does two clusters' work on two cores; all else as it is by default.
  const config = watchdogConfigSchema.parse({
    name: "bench",
    site: "bhs",
    regions: { gra: { nodes: [...pair.gra.urls] }, bhs: { nodes: [...pair.bhs.urls] } },
    firstPrimary: "gra",
    elasticsearch: { username: users.watchdog.name, passwordFile, caFile: pair.bhs.caFile, requestTimeoutMs: 30_000 },
    replication: { patterns: [MANAGED] },
    checks: { intervalMs: 3_000, timeoutMs: 2_900 },
    store: { kind: "file", directory: path.join(directory, "store") },
    router: {},
    stateDirectory: directory,
  });
  return { config, elasticsearchPassword };
}

const inBatchesOf = (size: number, names: readonly string[]): readonly string[][] =>
  Array.from({ length: Math.ceil(names.length / size) }, (_, n) => names.slice(n * size, (n + 1) * size));

/** With a heap for that many indices: the serial collector of the lab's nodes leaves garbage that Elasticsearch counts as used. */
async function startPair(): Promise<ClusterPair> {
  const authority = await createTestAuthority("es-failover bench");
  const options = {
    authority,
    settings: { "cluster.max_shards_per_node": 5_000 },
    javaOptions: ["-Xms4g", "-Xmx4g"],
  };
  const gra = await startCluster({ ...options, name: "gra" });
  const bhs = await startCluster({ ...options, name: "bhs" });
  await gra.connectRemote(bhs);
  await bhs.connectRemote(gra);
  const stop = async () => {
    await Promise.all([gra.stop(), bhs.stop()]);
  };
  return { gra, bhs, stop };
}

/** Small indices with a document each; made by writing to them, which is quicker than making them one by one. */
async function createLeaders({ gra }: ClusterPair, names: readonly string[]): Promise<void> {
  const settings = { number_of_shards: 1, number_of_replicas: 0 };
  const body = { index_patterns: [MANAGED], template: { settings }, priority: 500 };
  await gra.call("PUT", "/_index_template/bench", { body });
  for (const batch of inBatchesOf(50, names)) {
    const lines = batch.flatMap((index) => [{ create: { _index: index, _id: "1" } }, { n: 1 }]);
    const ndjson = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
    const { errors } = await gra.call("POST", "/_bulk", { ndjson, timeoutMs: 300_000 });
    if (errors) throw new Error("not every index could be created");
  }
}

async function untilCopied({ bhs }: ClusterPair, count: number): Promise<void> {
  await eventually(`${count} documents in bhs`, PATIENCE_MS, async () => {
    const { indices } = await bhs.call(
      "GET",
      `/${MANAGED}/_stats/docs?level=shards&filter_path=indices.*.shards.*.seq_no`,
    );
    const shards = Object.values(
      (indices ?? {}) as Record<string, { shards: Record<string, { seq_no: { max_seq_no: number } }[]> }>,
    );
    return shards.filter(({ shards: of }) => of["0"]?.[0]?.seq_no.max_seq_no === 0).length === count;
  });
}

type Clusters = ReturnType<typeof connectClusters>;

/** The watchdog's own way, from the loss of gra on. */
async function promoteByWatchdog(
  pair: ClusterPair,
  { config }: LoadedConfig,
  clusters: Clusters,
  count: number,
): Promise<Run> {
  const { store, coordination } = await connectStore(config, log);
  const copy = createRecordCopy(path.join(config.stateDirectory, "copy.json"));
  const parts = { config, clusters, store, coordination, copy, salvage: noSalvage, router, clock: systemClock, log };
  const watchdog = createWatchdog(parts);
  const end = new AbortController();
  const running = watchdog.run(end.signal);
  const recorder = new CallRecorder(pair.bhs.urls[0] ?? "");
  try {
    await eventually("bhs is in sync", PATIENCE_MS, async () => {
      const { record, replication } = watchdog.status();
      return record?.phase === "serving" && record.standby === "in-sync" && replication?.followers === count;
    });
    await untilCopied(pair, count);
    recorder.take();
    await pair.gra.kill();
    const reached = (what: string, isThere: (record: StateRecord) => boolean) =>
      eventually(what, PATIENCE_MS, async () => {
        const { record } = watchdog.status();
        return record !== null && isThere(record);
      });
    await reached("the promotion begins", ({ phase }) => phase === "promoting");
    const startedMs = performance.now();
    await reached("bhs serves", (record) => record.phase === "serving" && record.active === "bhs");
    const recordBytes = Buffer.byteLength(JSON.stringify(watchdog.status().record));
    say(`the record holds ${Math.round(recordBytes / 1024)} KiB`);
    return { name: "the watchdog", tookMs: performance.now() - startedMs, ...recorder.take() };
  } finally {
    end.abort();
    await running;
    recorder.close();
  }
}

async function followAll(pair: ClusterPair, cluster: Cluster, names: readonly string[]): Promise<void> {
  const follow = (index: string) => cluster.follow(index, { remoteCluster: "gra", index });
  await eventually("bhs follows everything", PATIENCE_MS, async () => {
    const followed = new Set((await cluster.followers()).map(({ index }) => index));
    const left = names.filter((name) => !followed.has(name));
    const failures = await forEachBounded(left, 4, String, follow);
    for (const failure of failures.slice(0, 1)) say(`once more: ${failure}`);
    return left.length === 0;
  });
  await untilCopied(pair, names.length);
  say(`bhs follows ${names.length} indices`);
}

/** Back to where the first way began. */
async function startOver({ gra }: ClusterPair, cluster: Cluster, names: readonly string[]): Promise<void> {
  await gra.restart();
  await forEachBounded(inBatchesOf(50, names), 1, String, (batch) => cluster.deleteIndices(batch));
}

/** Now and then an unfollow fails over its lost leader, or a node is short of memory; the watchdog repeats, too. */
async function again(request: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt < 5; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      say(`once more: ${messageOf(error)}`);
    }
  }
  await request();
}

/** The same requests, one index after another. */
async function promoteOneByOne(pair: ClusterPair, cluster: Cluster, names: readonly string[]): Promise<Run> {
  const recorder = new CallRecorder(pair.bhs.urls[0] ?? "");
  try {
    const startedMs = performance.now();
    for (const index of names) {
      await again(() => cluster.pauseFollow(index));
      await again(() => cluster.closeIndices([index]));
      await again(() => cluster.unfollow(index));
      await again(() => cluster.openIndices([index]));
    }
    return { name: "one by one", tookMs: performance.now() - startedMs, ...recorder.take() };
  } finally {
    recorder.close();
  }
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

async function main(): Promise<void> {
  const count = Number(process.argv[2] ?? 500);
  if (!Number.isInteger(count) || count < 1) throw new Error(`a number of indices, not ${process.argv[2]}`);
  const names = Array.from({ length: count }, (_, n) => `bench-logs-${String(n).padStart(5, "0")}`);
  const directory = await mkdtemp(path.join(tmpdir(), "es-failover-bench-"));
  let pair: ClusterPair | null = null;
  try {
    pair = await startPair();
    const loaded = await setUp(pair, directory);
    const clusters = connectClusters(loaded);
    const { bhs } = clusters;
    if (bhs === undefined) throw new Error("unreachable: the configuration names bhs");
    await createLeaders(pair, names);
    say(`gra holds ${count} indices`);
    await followAll(pair, bhs, names);
    const byWatchdog = await promoteByWatchdog(pair, loaded, clusters, count);
    say(`promoted by the watchdog in ${seconds(byWatchdog.tookMs)}`);
    await startOver(pair, bhs, names);
    await followAll(pair, bhs, names);
    await pair.gra.kill();
    const oneByOne = await promoteOneByOne(pair, bhs, names);
    await Promise.all(Object.values(clusters).map((cluster) => cluster.close()));
    console.log(`\n${comparison([byWatchdog, oneByOne], leastCalls(names))}`);
  } finally {
    await pair?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
