import { isManaged, type ManagedPatterns, requestTarget } from "../../core/state/patterns.ts";
import type { NodeClock, ShardLease, Storage, Survey } from "../../diagnostics/preflight/survey.ts";
import type { NodesOptions } from "./node-client.ts";
import { RegionNodes } from "./nodes.ts";
import { property } from "./property.ts";

/** Elasticsearch's own default of `index.soft_deletes.retention_lease.period`. */
const DEFAULT_RETENTION = "12h";
const ROUND_TRIPS = 5;

/** @throws Error when the CA file cannot be read; methods throw `ClusterError` */
export function createSurvey(options: NodesOptions, managed: ManagedPatterns): Survey {
  const nodes = new RegionNodes(options);
  return {
    storage: () => readStorage(nodes, managed),
    versions: () => readVersions(nodes),
    retention: () => readRetention(nodes, managed),
    leases: () => readLeases(nodes, managed),
    clocks: () => readClocks(nodes),
    roundTripMs: () => measureRoundTrip(nodes),
    close: () => nodes.close(),
  };
}

export async function readStorage(nodes: RegionNodes, managed: ManagedPatterns): Promise<Storage> {
  const [stats, fileSystems] = await Promise.all([
    nodes.read("read sizes of indices", (client, options) =>
      client.indices.stats(
        {
          index: requestTarget(managed),
          metric: "store",
          expand_wildcards: "all",
          forbid_closed_indices: false,
          filter_path: ["indices.*.primaries.store.size_in_bytes", "indices.*.total.store.size_in_bytes"],
        },
        options,
      ),
    ),
    nodes.read("read disk usage", (client, options) =>
      client.nodes.stats({ metric: "fs", filter_path: ["nodes.*.name", "nodes.*.fs.total"] }, options),
    ),
  ]);
  const sizes = Object.entries(stats.indices ?? {}).filter(([index]) => isManaged(managed, index));
  const sum = (bytesOf: (stats: (typeof sizes)[number][1]) => number | undefined): number =>
    sizes.reduce((total, [, index]) => total + (bytesOf(index) ?? 0), 0);
  return {
    managedPrimaryBytes: sum(({ primaries }) => primaries?.store?.size_in_bytes),
    managedBytes: sum(({ total }) => total?.store?.size_in_bytes),
    nodes: Object.entries(fileSystems.nodes ?? {}).map(([id, { name, fs }]) => ({
      node: name ?? id,
      availableBytes: fs?.total?.available_in_bytes ?? 0,
      totalBytes: fs?.total?.total_in_bytes ?? 0,
    })),
  };
}

/** Every node with its version. */
export async function readVersions(nodes: RegionNodes): Promise<readonly { node: string; version: string }[]> {
  const info = await nodes.read("read versions of nodes", (client, options) =>
    client.nodes.info({ metric: "process", filter_path: ["nodes.*.name", "nodes.*.version"] }, options),
  );
  return Object.values(info.nodes ?? {}).map(({ name, version }) => ({ node: name, version }));
}

async function readRetention(
  nodes: RegionNodes,
  managed: ManagedPatterns,
): Promise<readonly { index: string; periodMs: number }[]> {
  const name = "index.soft_deletes.retention_lease.period";
  const answer = await nodes.read("read retention of history", (client, options) =>
    client.indices.getSettings(
      { index: requestTarget(managed), name, include_defaults: true, flat_settings: true, expand_wildcards: "all" },
      options,
    ),
  );
  return Object.entries(answer)
    .filter(([index]) => isManaged(managed, index))
    .map(([index, { settings, defaults }]) => {
      const period = property(settings, name) ?? property(defaults, name) ?? DEFAULT_RETENTION;
      return { index, periodMs: timeValueMs(String(period)) };
    });
}

/** Of the leases of followers on a shard the newest one counts: a follower that was deleted may have left one behind. */
async function readLeases(nodes: RegionNodes, managed: ManagedPatterns): Promise<readonly ShardLease[]> {
  const stats = await nodes.read("read retention leases", (client, options) =>
    client.indices.stats(
      {
        index: requestTarget(managed),
        metric: "docs",
        level: "shards",
        expand_wildcards: "all",
        forbid_closed_indices: false,
        filter_path: ["routing.primary", "retention_leases.leases.source", "retention_leases.leases.timestamp"].map(
          (field) => `indices.*.shards.*.${field}`,
        ),
      },
      options,
    ),
  );
  return Object.entries(stats.indices ?? {})
    .filter(([index]) => isManaged(managed, index))
    .flatMap(([index, { shards = {} }]) =>
      Object.entries(shards).flatMap(([shard, copies]) => {
        const primary = copies.find(({ routing }) => routing?.primary === true);
        if (primary === undefined) return [];
        const times = (primary.retention_leases?.leases ?? [])
          .filter(({ source }) => source === "ccr")
          .map(({ timestamp }) => timestamp);
        return [{ index, shard: Number(shard), renewedAtMs: times.length === 0 ? null : Math.max(...times) }];
      }),
    );
}

async function readClocks(nodes: RegionNodes): Promise<readonly NodeClock[]> {
  const askedMs = performance.now();
  // The timestamp at the top of a node's answer is that of the answer; those within may be a second old.
  const stats = await nodes.read("read clocks of nodes", (client, options) =>
    client.nodes.stats({ metric: "os", filter_path: ["nodes.*.name", "nodes.*.timestamp"] }, options),
  );
  const tookMs = performance.now() - askedMs;
  const middleMs = Date.now() - tookMs / 2;
  return Object.entries(stats.nodes ?? {}).flatMap(([id, { name, timestamp }]) =>
    timestamp === undefined ? [] : [{ node: name ?? id, aheadMs: timestamp - middleMs, uncertaintyMs: tookMs / 2 }],
  );
}

async function measureRoundTrip(nodes: RegionNodes): Promise<number> {
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < ROUND_TRIPS; turn += 1) {
    const startedMs = performance.now();
    await nodes.read("measure the round trip", (client, options) => client.ping({}, options));
    shortestMs = Math.min(shortestMs, performance.now() - startedMs);
  }
  return shortestMs;
}

/** Milliseconds. */
const TIME_UNITS: ReadonlyMap<string, number> = new Map([
  ["nanos", 1e-6],
  ["micros", 1e-3],
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** "12h", "500ms", "-1": a time as Elasticsearch writes it. @throws Error for anything else */
export function timeValueMs(text: string): number {
  const [, amount, unit = "ms"] = /^(-?\d+(?:\.\d+)?)([a-z]+)?$/.exec(text) ?? [];
  const unitMs = TIME_UNITS.get(unit);
  if (amount === undefined || unitMs === undefined)
    throw new Error(`"${text}" is not a time as Elasticsearch writes it`);
  return Number(amount) * unitMs;
}
