import { expect } from "vitest";
import type { Credentials } from "../../../lab/elasticsearch/cluster.ts";
import { eventually } from "../../../lab/util/until.ts";
import type { RestCluster } from "./ccr-pair.ts";
import { setCopyLimits } from "./copy-limits.ts";

/** Everything of a document that replication must keep. */
export interface StoredDocument {
  readonly id: string;
  readonly version: number;
  readonly seqNo: number;
  readonly routing: string | undefined;
  readonly source: unknown;
}

/** All documents of an index, by id. For indices of up to 10,000 documents. */
export async function documentsOf(cluster: RestCluster, index: string): Promise<StoredDocument[]> {
  await cluster.call("POST", `/${index}/_refresh`);
  const found = await cluster.call("GET", `/${index}/_search`, {
    body: { size: 10_000, version: true, seq_no_primary_term: true },
  });
  const hits = found.hits.hits as {
    _id: string;
    _version: number;
    _seq_no: number;
    _routing?: string;
    _source: unknown;
  }[];
  return hits
    .map((hit) => ({
      id: hit._id,
      version: hit._version,
      seqNo: hit._seq_no,
      routing: hit._routing,
      source: hit._source,
    }))
    .sort((a, b) => a.id.localeCompare(b.id));
}

/** Waits until the follower has every document of its leader, and nothing else, in the very same state. */
export async function expectEqualDocuments(
  leader: { readonly cluster: RestCluster; readonly index: string },
  follower: { readonly cluster: RestCluster; readonly index: string },
  timeoutMs = 30_000,
): Promise<void> {
  let difference: unknown;
  await eventually(`${follower.index} equals ${leader.index}`, timeoutMs, async () => {
    const expected = await documentsOf(leader.cluster, leader.index);
    const actual = await documentsOf(follower.cluster, follower.index);
    difference = { expected, actual };
    return JSON.stringify(expected) === JSON.stringify(actual);
  }).catch((error: unknown) => {
    if (difference === undefined) throw error;
    const { expected, actual } = difference as { expected: unknown; actual: unknown };
    expect(actual).toEqual(expected);
  });
}

/** One operation per line, as `_bulk` takes them. */
export type BulkOperation =
  | { readonly index: string; readonly document: object; readonly routing?: string }
  | { readonly update: string; readonly document: object; readonly routing?: string }
  | { readonly delete: string; readonly routing?: string };

export async function bulk(
  cluster: RestCluster,
  index: string,
  operations: readonly BulkOperation[],
  as?: Credentials,
): Promise<{ errors: boolean; items: Record<string, { status: number; error?: { reason: string } }>[] }> {
  const lines = operations.flatMap((operation) => {
    const routing = operation.routing === undefined ? {} : { routing: operation.routing };
    if ("index" in operation) return [{ index: { _id: operation.index, ...routing } }, operation.document];
    if ("update" in operation) return [{ update: { _id: operation.update, ...routing } }, { doc: operation.document }];
    return [{ delete: { _id: operation.delete, ...routing } }];
  });
  return cluster.call("POST", `/${index}/_bulk`, {
    ndjson: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    ...(as === undefined ? {} : { as }),
  });
}

/** Failed reads and writes are tried again within a second, not within the minute that is the default. */
export const quickRetries = { read_poll_timeout: "1s" };

/** Follows and waits until the first copy is there: what the leader had in its last commit. */
export async function follow(
  cluster: RestCluster,
  follower: string,
  remote: string,
  leader = follower,
  parameters: object = {},
): Promise<void> {
  const answer = await cluster.call("PUT", `/${follower}/_ccr/follow?wait_for_active_shards=1`, {
    body: { remote_cluster: remote, leader_index: leader, ...parameters },
    timeoutMs: 60_000,
  });
  expect(answer).toEqual({
    follow_index_created: true,
    follow_index_shards_acked: true,
    index_following_started: true,
  });
}

/** The documented way from a follower to a common index that takes writes. */
export async function promote(cluster: RestCluster, index: string): Promise<void> {
  await cluster.call("POST", `/${index}/_ccr/pause_follow`);
  await cluster.call("POST", `/${index}/_close`);
  await cluster.call("POST", `/${index}/_ccr/unfollow`);
  await cluster.call("POST", `/${index}/_open?wait_for_active_shards=1`);
}

export interface ShardStats {
  readonly leader_global_checkpoint: number;
  readonly follower_global_checkpoint: number;
  readonly time_since_last_read_millis: number;
  readonly failed_read_requests: number;
  readonly failed_write_requests: number;
  readonly operations_written: number;
  readonly read_exceptions: readonly {
    readonly retries: number;
    readonly exception: { readonly type: string; readonly reason: string };
  }[];
  readonly fatal_exception?: { readonly type: string; readonly reason: string };
  readonly [field: string]: unknown;
}

/** `_ccr/stats` of one follower, shard by shard. */
export async function shardStats(cluster: RestCluster, index: string): Promise<ShardStats[]> {
  const stats = await cluster.call("GET", `/${index}/_ccr/stats`);
  return stats.indices[0].shards;
}

/** `_ccr/stats` of the first shard of one follower. */
export async function firstShard(cluster: RestCluster, index: string): Promise<ShardStats> {
  const [shard] = await shardStats(cluster, index);
  if (shard === undefined) throw new Error(`no shard stats of ${index}`);
  return shard;
}

/** `active`, `paused`, or undefined when the index is no follower. */
export async function followStatus(cluster: RestCluster, index: string): Promise<"active" | "paused" | undefined> {
  const info = await cluster.call("GET", `/${index}/_ccr/info`);
  return info.follower_indices[0]?.status;
}

/** Names of the retention leases that followers hold on the first shard of a leader. */
export async function followerLeases(cluster: RestCluster, leader: string): Promise<string[]> {
  const stats = await cluster.call("GET", `/${leader}/_stats?level=shards`);
  const copies = stats.indices[leader].shards["0"] as {
    routing: { primary: boolean };
    retention_leases: { leases: { id: string; source: string }[] };
  }[];
  const leases = copies.find((copy) => copy.routing.primary)?.retention_leases.leases ?? [];
  return leases.filter((lease) => lease.source === "ccr").map((lease) => lease.id);
}

/** Runs `work` while the lab's CCR misbehaves in this way for these followers. */
export async function whileMisbehaving(
  cluster: RestCluster,
  kind: "fatal" | "read_fails" | "stalls" | "pause_hangs" | "unfollow_hangs" | "lease_removal_fails",
  followers: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const setTo = (value: readonly string[] | null) =>
    cluster.call("PUT", "/_cluster/settings", { body: { persistent: { [`lab_ccr.misbehave.${kind}`]: value } } });
  await setTo(followers);
  try {
    await work();
  } finally {
    await setTo(null);
  }
}

/** Writes one document of the given index and makes it visible. */
export async function write(cluster: RestCluster, index: string, id: string, document: object = {}): Promise<void> {
  await cluster.call("PUT", `/${index}/_doc/${id}?refresh=true`, { body: document });
}

/** Status and error of an answer that is expected to be a refusal. */
export async function refusal(
  cluster: RestCluster,
  method: string,
  pathAndQuery: string,
  body?: object,
): Promise<{ readonly status: number; readonly type: string; readonly reason: string; readonly cause?: string }> {
  const answer = await cluster.rest(method, pathAndQuery, body === undefined ? {} : { body });
  const { type, reason, caused_by: cause } = answer.body.error ?? {};
  return { status: answer.status, type, reason, ...(cause === undefined ? {} : { cause: cause.type }) };
}

/** Sets how fast first copies come to this cluster, all of them together; null for the usual speed. */
export async function copySlowly(cluster: RestCluster, bytesPerSecond: number | null): Promise<void> {
  await setCopyLimits(cluster, {
    "ccr.indices.recovery.max_bytes_per_sec": bytesPerSecond === null ? null : `${bytesPerSecond}b`,
    // Or else a file of a megabyte would come at once, and the pause after it.
    "ccr.indices.recovery.chunk_size": bytesPerSecond === null ? null : "1kb",
  });
}

/** A leader of this many kilobytes that do not compress, all of them in its last commit. */
export async function createLargeLeader(cluster: RestCluster, index: string, kilobytes: number): Promise<void> {
  await cluster.call("PUT", `/${index}`, {
    body: { mappings: { properties: { filler: { type: "keyword", index: false, doc_values: false } } } },
  });
  const filler = () => Buffer.from(crypto.getRandomValues(new Uint8Array(1024))).toString("base64");
  const documents = Array.from({ length: kilobytes }, (_, i) => ({ index: `${i}`, document: { filler: filler() } }));
  await bulk(cluster, index, documents);
  await cluster.call("POST", `/${index}/_flush?force=true`);
}

/** The same, of a name that auto-follow matches: a clone has all documents in its last commit when auto-follow finds it. */
export async function cloneLargeLeader(cluster: RestCluster, index: string, kilobytes: number): Promise<void> {
  const source = "staging";
  await createLargeLeader(cluster, source, kilobytes);
  await cluster.call("PUT", `/${source}/_block/write`);
  const settings = { "index.blocks.write": null, "index.number_of_replicas": 0 };
  await cluster.call("POST", `/${source}/_clone/${index}`, { body: { settings } });
  await cluster.call("DELETE", `/${source}`);
}

/** `green`, `yellow` or `red`, of one index. */
export async function health(cluster: RestCluster, index: string): Promise<string> {
  return (await cluster.call("GET", `/_cluster/health/${index}?expand_wildcards=all`)).status;
}
