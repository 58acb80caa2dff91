import type { TestCluster } from "../../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../../lab/util/until.ts";
import { pauseFollowers } from "./pause-followers.ts";

/** Something in a cluster that was not there after its start. */
interface Leftover {
  readonly what: string;
  /** The request that removes it. */
  readonly removal: readonly [method: string, pathAndQuery: string, body?: object];
}

/**
 * Brings both clusters back to what they were right after their start, and makes sure of it.
 *
 * @throws Error that names what cannot be undone
 */
export async function reset({ gra, bhs }: ClusterPair): Promise<void> {
  await Promise.all([revive(gra), revive(bhs)]);
  await Promise.all([assertTrialLicence(gra), assertTrialLicence(bhs)]);
  // One by one: a follower that goes first releases what it holds on its leader.
  for (const cluster of [bhs, gra]) {
    await pauseFollowers(cluster);
    await removeLeftovers(cluster);
  }
  await Promise.all([untilConnected(gra, bhs), untilConnected(bhs, gra)]);
  for (const cluster of [gra, bhs]) {
    const remaining = await leftoversOf(cluster);
    if (remaining.length > 0) throw new Error(`${cluster.name} still has ${listed(remaining)}`);
  }
}

/** Nodes may be frozen or killed, and indices may be red that are about to be deleted. */
async function revive(cluster: TestCluster): Promise<void> {
  await cluster.thaw().catch(() => cluster.restart("red"));
  await eventually(`${cluster.name} serves`, 60_000, async () => {
    const { status } = await cluster.rest("GET", "/_cluster/health?timeout=1s");
    return status === 200;
  });
}

/** A trial that was given up does not come back. */
async function assertTrialLicence(cluster: TestCluster): Promise<void> {
  const { license } = await cluster.call("GET", "/_license");
  if (license.type !== "trial") throw new Error(`${cluster.name} has a ${license.type} licence`);
}

async function removeLeftovers(cluster: TestCluster): Promise<void> {
  // In the order of `leftoversOf`: a block on the whole cluster would refuse what comes after it.
  for (const { removal } of await leftoversOf(cluster)) {
    const [method, pathAndQuery, body] = removal;
    await cluster.call(method, pathAndQuery, body === undefined ? {} : { body });
  }
}

async function untilConnected(cluster: TestCluster, remote: TestCluster): Promise<void> {
  await eventually(`${cluster.name} is connected to ${remote.name}`, 60_000, async () => {
    // Nothing but a request to the remote makes a cluster connect to one that was away.
    const resolved = await cluster.call("GET", "/_resolve/cluster?timeout=5s");
    return resolved[remote.name]?.connected === true;
  });
}

async function leftoversOf(cluster: TestCluster): Promise<readonly Leftover[]> {
  const [settings, patterns, indices, ...others] = await Promise.all([
    changedSettings(cluster),
    autoFollowPatterns(cluster),
    indicesOf(cluster),
    namedParts(cluster, "index template", "/_index_template", ({ index_templates }) => namesIn(index_templates)),
    namedParts(cluster, "component template", "/_component_template", (body) => namesIn(body.component_templates)),
    namedParts(cluster, "ingest pipeline", "/_ingest/pipeline", Object.keys),
    namedParts(cluster, "snapshot repository", "/_snapshot", Object.keys),
    namedParts(cluster, "user", "/_security/user", changeableIn),
    namedParts(cluster, "role", "/_security/role", changeableIn),
  ]);
  return [...settings, ...patterns, ...indices, ...others.flat()];
}

async function changedSettings(cluster: TestCluster): Promise<readonly Leftover[]> {
  const all = await cluster.call("GET", "/_cluster/settings?flat_settings=true");
  return (["persistent", "transient"] as const).flatMap((kind) => {
    const changed = Object.keys(all[kind]).filter(
      (setting) => !/^cluster\.remote\.(gra|bhs)\.(mode|seeds)$/.test(setting),
    );
    // A block on the whole cluster lets nothing but its own removal through.
    const blocks = changed.filter((setting) => setting.startsWith("cluster.blocks."));
    // Together: those of one remote cluster are not valid one without the other.
    const others = changed.filter((setting) => !blocks.includes(setting));
    return [...blocks.map((block) => [block]), others].flatMap((names) => settingsOf(kind, names));
  });
}

function settingsOf(kind: "persistent" | "transient", names: readonly string[]): readonly Leftover[] {
  if (names.length === 0) return [];
  const none = Object.fromEntries(names.map((name) => [name, null]));
  return [{ what: `settings ${names.join(", ")}`, removal: ["PUT", "/_cluster/settings", { [kind]: none }] }];
}

async function autoFollowPatterns(cluster: TestCluster): Promise<readonly Leftover[]> {
  const { patterns } = await cluster.call("GET", "/_ccr/auto_follow");
  return namesIn(patterns).map((name) => ({
    what: `auto-follow pattern ${name}`,
    removal: ["DELETE", `/_ccr/auto_follow/${name}`],
  }));
}

async function indicesOf(cluster: TestCluster): Promise<readonly Leftover[]> {
  const { indices, data_streams } = await cluster.call("GET", "/_resolve/index/*?expand_wildcards=all");
  // A data stream's write index goes with the stream alone.
  const streams = namesIn(data_streams).map((name): Leftover => {
    return { what: `data stream ${name}`, removal: ["DELETE", `/_data_stream/${name}?expand_wildcards=all`] };
  });
  const ofNone = indices.filter(({ data_stream }: { data_stream?: string }) => data_stream === undefined);
  const names = namesIn(ofNone.filter(({ attributes }: { attributes: string[] }) => !attributes.includes("system")));
  if (names.length === 0) return streams;
  return [
    ...streams,
    { what: `indices ${names.join(", ")}`, removal: ["DELETE", `/${names.join(",")}?expand_wildcards=all`] },
  ];
}

/** Things that are listed and deleted under one path. */
async function namedParts(
  cluster: TestCluster,
  kind: string,
  path: string,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the REST API answers
  namesOf: (body: any) => readonly string[],
): Promise<readonly Leftover[]> {
  let { status, body } = await cluster.rest("GET", path);
  // After a restart the security index recovers last; until then its API answers 503.
  await eventually(`${cluster.name} answers GET ${path}`, 60_000, async () => {
    if (status === 503) ({ status, body } = await cluster.rest("GET", path));
    return status !== 503;
  });
  if (status !== 200 && status !== 404) throw new Error(`${cluster.name}: GET ${path} answered ${status}`);
  return namesOf(body).map((name) => ({ what: `${kind} ${name}`, removal: ["DELETE", `${path}/${name}`] }));
}

const namesIn = (list: readonly { readonly name: string }[] = []): readonly string[] => list.map(({ name }) => name);

/** Users and roles that Elasticsearch does not bring along. */
function changeableIn(body: Record<string, { metadata?: { _reserved?: boolean } }>): readonly string[] {
  return Object.entries(body).flatMap(([name, { metadata }]) => (metadata?._reserved === true ? [] : [name]));
}

const listed = (leftovers: readonly Leftover[]): string => leftovers.map(({ what }) => what).join("; ");
