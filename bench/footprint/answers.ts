import type { RegionName } from "../../watchdog/config/address.ts";
import { autoFollowName } from "../../watchdog/core/plans/auto-follow.ts";

export interface Contents {
  readonly indices: readonly string[];
  /** Of each index. */
  readonly shards: number;
  /** The managed patterns. */
  readonly patterns: readonly string[];
}

/** The identifiers of Elasticsearch have 22 characters. */
const identifier = (region: RegionName, name: string) => `${region}-${name}`.padEnd(22, "x").slice(-22);

const byName = <T>(names: readonly string[], value: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, value(name)]));

const byShard = <T>({ shards }: Contents, value: (shard: number) => T): Record<string, T> =>
  Object.fromEntries(Array.from({ length: shards }, (_, shard) => [shard, value(shard)]));

/** What the region answers to `GET path`, as the watchdog filters it; undefined where it is not imitated. bhs follows gra. */
export function answersOf(region: RegionName, contents: Contents): (path: string) => unknown {
  const { indices } = contents;
  const following = region === "bhs";
  const patterns = (text: string) => contents.patterns.some((pattern) => text.startsWith(`/${pattern}`));
  const settings = (name: string) => ({
    "index.creation_date": "1795697248283",
    "index.number_of_replicas": "1",
    "index.number_of_shards": String(contents.shards),
    "index.provided_name": name,
    "index.routing.allocation.include._tier_preference": "data_content",
    "index.uuid": identifier(region, name),
    "index.version.created": "9111000",
    ...(following && { "index.xpack.ccr.following_index": "true" }),
  });
  return (path) => {
    if (path.startsWith("/_cluster/health/")) {
      const health = { status: "green", number_of_shards: contents.shards, active_primary_shards: contents.shards };
      return { timed_out: false, indices: byName(indices, () => health) };
    }
    if (path.startsWith("/_resolve/index/")) {
      const found = indices.map((name) => ({ name, attributes: ["open"], mode: "standard" }));
      return { indices: found, aliases: [], data_streams: [] };
    }
    if (path.startsWith("/_cluster/state/metadata/")) {
      const asked = path.slice("/_cluster/state/metadata/".length).split(",");
      return {
        metadata: { indices: byName(asked, (name) => ({ ccr: { leader_index_uuid: identifier("gra", name) } })) },
      };
    }
    if (patterns(path) && path.endsWith("/_stats/docs"))
      return { indices: byName(indices, () => shardStats(contents)) };
    if (patterns(path) && path.includes("/_settings/")) {
      const asked = (name: string) => ({
        "index.uuid": identifier(region, name),
        ...(following && { "index.xpack.ccr.following_index": "true" }),
      });
      return byName(indices, (name) => ({ settings: asked(name) }));
    }
    if (patterns(path) && path.includes("/_alias/")) return {};
    if (patterns(path)) return byName(indices, (name) => ({ aliases: {}, mappings: {}, settings: settings(name) }));
    return ofCluster(region, contents)[path];
  };
}

const shardStats = (contents: Contents) => ({
  shards: byShard(contents, () => [{ routing: { primary: true }, seq_no: { max_seq_no: 71, global_checkpoint: 71 } }]),
});

function ofCluster(region: RegionName, contents: Contents): Readonly<Record<string, unknown>> {
  const node = { name: `${region}-es-1` };
  const disk = { total_in_bytes: 270_553_174_016, available_in_bytes: 164_711_221_248 };
  const pattern = {
    active: true,
    remote_cluster: "gra",
    leader_index_patterns: contents.patterns,
    leader_index_exclusion_patterns: [],
    follow_index_pattern: "{{leader_index}}",
  };
  return {
    "/": { name: node.name, cluster_name: region, cluster_uuid: `uuid-${region}`, version: { number: "9.5.3" } },
    "/_cluster/state/master_node,nodes,blocks": { master_node: "n", nodes: { n: node }, blocks: {} },
    "/_license": { license: { status: "active", type: "trial", expiry_date_in_millis: Date.now() + 86_400_000_000 } },
    "/_remote/info": { [region === "gra" ? "bhs" : "gra"]: { connected: true, mode: "sniff" } },
    "/_cluster/settings": { persistent: {}, transient: {}, defaults: { "cluster.routing.allocation.enable": "all" } },
    "/_nodes/stats/fs": { nodes: { n: { ...node, fs: { total: disk } } } },
    "/_snapshot/_status": { snapshots: [] },
    "/_index_template": { index_templates: [] },
    "/_component_template": { component_templates: [] },
    "/_data_stream/*": { data_streams: [] },
    "/_ccr/auto_follow": { patterns: region === "bhs" ? [{ name: autoFollowName("gra"), pattern }] : [] },
    "/_ccr/stats": region === "bhs" ? { follow_stats: { indices: contents.indices.map(followStats(contents)) } } : {},
  };
}

/** `read_poll_timeout`. */
const READ_INTERVAL_MS = 60_000;

const followStats = (contents: Contents) => (index: string) => ({
  index,
  shards: Array.from({ length: contents.shards }, (_, shard_id) => ({
    remote_cluster: "gra",
    leader_index: index,
    shard_id,
    leader_global_checkpoint: 71,
    follower_global_checkpoint: 71,
    // A follower at rest reads once a minute, each at another time.
    successful_read_requests: Math.floor(Date.now() / READ_INTERVAL_MS),
    failed_read_requests: 0,
    failed_write_requests: 0,
    time_since_last_read_millis: Math.floor(Math.random() * READ_INTERVAL_MS),
  })),
});
