import { SNAPSHOT_POLICY, SNAPSHOT_REPOSITORY } from "../../config/snapshots.ts";
import type { ClusterLicence, ClusterReadiness } from "../../core/state/cluster.ts";
import { unlessUnlicensed } from "./errors.ts";
import type { RegionNodes } from "./nodes.ts";
import { type FileSystem, isAboveWatermark } from "./watermark.ts";

/** Licence types that include cross-cluster replication (Elastic's subscription list: Platinum and above, or trial). */
const CCR_LICENCES: ReadonlySet<string> = new Set(["platinum", "enterprise", "trial"]);

/** Far beyond any licence: what a licence without an end has as its end. */
const UNLIMITED = Date.UTC(2200, 0);

const DISK = "cluster.routing.allocation.disk";
const ALLOCATION = "cluster.routing.allocation.enable";
const READ_ONLY_BLOCKS = ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"];

/** TCP, TLS and the nodes' own handshakes are six round trips: nearly two seconds at 300 ms each. */
const RECONNECT_TIMEOUT_MS = 3_000;

/** Settings by their full name, such as "cluster.blocks.read_only"; values are strings in all but odd cases. */
type FlatSettings = Readonly<Record<string, unknown>>;

/** What a promotion or a follow needs to know of a cluster before anything is touched. */
export async function readReadiness(
  nodes: RegionNodes,
  remoteAlias: string,
  reconnect: boolean,
): Promise<ClusterReadiness> {
  const [licence, version, remote, settings, fileSystems, snapshotting] = await Promise.all([
    readLicence(nodes),
    nodes.read("read version", async (client, options) => (await client.info({}, options)).version.number),
    readRemote(nodes, remoteAlias, reconnect),
    readClusterSettings(nodes),
    unlessUnlicensed(readFileSystems(nodes), []),
    readSnapshotting(nodes),
  ]);
  return {
    licence,
    version,
    remote,
    nodesLowOnDisk: nodesLowOnDisk(settings, fileSystems),
    readOnly: READ_ONLY_BLOCKS.some((block) => String(settings[block]) === "true"),
    snapshotting,
    allocatesPrimaries: ["all", "primaries"].includes(String(settings[ALLOCATION] ?? "all")),
  };
}

/**
 * Indices of the snapshots that run now. Known, it spares an attempt that must fail; where the cluster does not tell, as one
 * whose role of the watchdog is of an earlier version, none counts.
 */
async function readSnapshotting(nodes: RegionNodes): Promise<readonly string[]> {
  try {
    const fields = ["snapshots.repository", "snapshots.snapshot", "snapshots.indices.*.shards_stats.total"];
    const { snapshots = [] } = await nodes.read("read running snapshots", (client, options) =>
      client.snapshot.status({ filter_path: fields }, options),
    );
    const holding = snapshots.filter((snapshot) => !isOwnSnapshot(snapshot));
    return [...new Set(holding.flatMap(({ indices }) => Object.keys(indices ?? {})))].sort();
  } catch {
    return [];
  }
}

/** Those of the own policy may be partial, so that they keep no index from being closed. */
function isOwnSnapshot({ repository, snapshot }: { readonly repository: string; readonly snapshot: string }): boolean {
  return repository === SNAPSHOT_REPOSITORY && snapshot.startsWith(`${SNAPSHOT_POLICY}-`);
}

export async function readLicence(nodes: RegionNodes): Promise<ClusterLicence> {
  const { license } = await nodes.read("read licence", (client, options) => client.license.get({}, options));
  const active = license.status === "active";
  const expiresAtMs = Number(license.expiry_date_in_millis ?? UNLIMITED);
  return {
    type: license.type,
    active,
    allowsCcr: active && CCR_LICENCES.has(license.type),
    expiresAtMs: expiresAtMs < UNLIMITED ? expiresAtMs : null,
  };
}

async function readRemote(nodes: RegionNodes, remote: string, reconnect: boolean): Promise<ClusterReadiness["remote"]> {
  const remotes = await nodes.read("read remote clusters", (client, options) => client.cluster.remoteInfo({}, options));
  const connection = remotes[remote];
  const configured = connection !== undefined;
  const keyed = connection !== undefined && "cluster_credentials" in connection;
  if (!configured || connection.connected || !reconnect)
    return { configured, connected: connection?.connected === true, keyed };
  // Asks the remotes themselves, and so connects to them.
  const resolved = await nodes.read("connect to remote clusters", (client, options) =>
    client.indices.resolveCluster(
      { timeout: `${Math.min(RECONNECT_TIMEOUT_MS, Math.floor(nodes.requestTimeoutMs * 0.8))}ms` },
      options,
    ),
  );
  return { configured, connected: resolved[remote]?.connected === true, keyed };
}

async function readClusterSettings(nodes: RegionNodes): Promise<FlatSettings> {
  const answer = await nodes.read("read cluster settings", (client, options) =>
    client.cluster.getSettings({ include_defaults: true, flat_settings: true, filter_path: "*.cluster*" }, options),
  );
  // Precedence as in Elasticsearch: transient, then persistent, then elasticsearch.yml and built-in defaults.
  return { ...answer.defaults, ...answer.persistent, ...answer.transient };
}

interface NodeFileSystem extends FileSystem {
  readonly node: string;
}

async function readFileSystems(nodes: RegionNodes): Promise<readonly NodeFileSystem[]> {
  const stats = await nodes.read("read disk usage", (client, options) =>
    client.nodes.stats({ metric: "fs", filter_path: ["nodes.*.name", "nodes.*.fs.total"] }, options),
  );
  return Object.entries(stats.nodes ?? {}).map(([id, { name, fs }]) => ({
    node: name ?? id,
    totalBytes: fs?.total?.total_in_bytes ?? 0,
    availableBytes: fs?.total?.available_in_bytes ?? 0,
  }));
}

/** Above the high watermark Elasticsearch moves shards away and gives a node no new ones: no place for a copy. */
function nodesLowOnDisk(settings: FlatSettings, fileSystems: readonly NodeFileSystem[]): readonly string[] {
  if (String(settings[`${DISK}.threshold_enabled`]) === "false") return [];
  const high = String(settings[`${DISK}.watermark.high`] ?? "90%");
  const maxHeadroom = String(settings[`${DISK}.watermark.high.max_headroom`] ?? "-1");
  return fileSystems
    .filter((fileSystem) => isAboveWatermark(fileSystem, high, maxHeadroom))
    .map(({ node }) => node)
    .sort();
}
