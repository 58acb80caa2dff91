import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { initialPrimariesRecoveries } from "../../infra/elasticsearch/node-files.ts";
import { type ClusterPair, startClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import type { LoadedConfig } from "../../watchdog/config/load.ts";
import { roleDefinitions, users } from "../../watchdog/config/roles.ts";
import { watchdogConfigSchema } from "../../watchdog/config/schema.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import { forEachBounded } from "../../watchdog/util/concurrency.ts";

/** Two clusters with many small indices, followed from gra to bhs: where both ways of promoting begin. */

const MANAGED = "bench-*";
/** For each wait: a busy machine with two cores needs more than half an hour to follow 2,000 indices. */
export const PATIENCE_MS = 60 * 60_000;
const BULK_TIMEOUT_MS = 300_000;
const FOLLOW_PARALLELISM = 4;
const BATCH_SIZE = 50;

export const say = (sentence: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${sentence}`);

export const indexNames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `bench-logs-${String(n).padStart(5, "0")}`);

/** Many indices need a large heap: the serial collector of the lab's nodes leaves garbage that Elasticsearch counts as used. */
export function startPair(indices: number): Promise<ClusterPair> {
  const heap = indices > 100 ? "4g" : "512m";
  const settings = {
    "cluster.max_shards_per_node": 5_000,
    "cluster.routing.allocation.node_initial_primaries_recoveries": initialPrimariesRecoveries,
  };
  return startClusterPair(settings, [`-Xms${heap}`, `-Xmx${heap}`]);
}

/** Creates the watchdog's user in both clusters, and its configuration: defaults, but checks for two busy cores. */
export async function configureWatchdog(pair: ClusterPair, directory: string): Promise<LoadedConfig> {
  const elasticsearchPassword = randomBytes(12).toString("base64url");
  for (const cluster of [pair.gra, pair.bhs]) {
    const role = users.watchdog.role;
    await cluster.call("PUT", `/_security/role/${role}`, { body: roleDefinitions({ patterns: [MANAGED] })[role] });
    const body = { password: elasticsearchPassword, roles: [role] };
    await cluster.call("PUT", `/_security/user/${users.watchdog.name}`, { body });
  }
  const passwordFile = path.join(directory, "password");
  await writeFile(passwordFile, elasticsearchPassword, { mode: 0o600 });
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
  return { config, secrets: { gra: [elasticsearchPassword], bhs: [elasticsearchPassword] } };
}

/** Creates small indices with a document each by bulk writes, which are faster than index creations. */
export async function createLeaders({ gra }: ClusterPair, names: readonly string[]): Promise<void> {
  const settings = { number_of_shards: 1, number_of_replicas: 0 };
  const body = { index_patterns: [MANAGED], template: { settings }, priority: 500 };
  await gra.call("PUT", "/_index_template/bench", { body });
  for (const batch of batchesOf(names)) {
    const lines = batch.flatMap((index) => [{ create: { _index: index, _id: "1" } }, { n: 1 }]);
    const ndjson = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
    const { errors } = await gra.call("POST", "/_bulk", { ndjson, timeoutMs: BULK_TIMEOUT_MS });
    if (errors) throw new Error("not every index could be created");
  }
  say(`gra holds ${names.length} indices`);
}

/** Follows all indices from bhs and waits until they are copied. */
export async function followAll(pair: ClusterPair, cluster: Cluster, names: readonly string[]): Promise<void> {
  const follow = (index: string) => cluster.follow(index, { remoteCluster: "gra", index });
  await eventually("bhs follows every index", PATIENCE_MS, async () => {
    const followed = new Set((await cluster.followers()).map(({ index }) => index));
    const left = names.filter((name) => !followed.has(name));
    const failures = await forEachBounded(left, FOLLOW_PARALLELISM, String, follow);
    for (const failure of failures.slice(0, 1)) say(`repeating: ${failure}`);
    return left.length === 0;
  });
  await untilCopied(pair, names.length);
  say(`bhs follows ${names.length} indices`);
}

export async function untilCopied({ bhs }: ClusterPair, count: number): Promise<void> {
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

/** Restarts gra and deletes the promoted indices of bhs, so that bhs can follow again. */
export async function reset({ gra }: ClusterPair, cluster: Cluster, names: readonly string[]): Promise<void> {
  await gra.restart();
  await forEachBounded(batchesOf(names), 1, String, (batch) => cluster.deleteIndices(batch));
}

const batchesOf = (names: readonly string[]): readonly string[][] =>
  Array.from({ length: Math.ceil(names.length / BATCH_SIZE) }, (_, n) =>
    names.slice(n * BATCH_SIZE, (n + 1) * BATCH_SIZE),
  );
