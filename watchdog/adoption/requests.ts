import type { RegionName } from "../config/address.ts";
import { type RoleScope, roleDefinitions, users } from "../config/roles.ts";
import type { ClusterFacts, LoginKey } from "./facts.ts";
import type { AdoptionConfig, Aliases } from "./judgement.ts";

/** One change of a cluster. It states the whole object, so that it can be repeated. */
export interface ClusterRequest {
  readonly region: RegionName;
  readonly method: "PUT";
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The user whose password belongs into the body. */
  readonly passwordOf?: LoginKey;
  readonly why: string;
}

/** What a cluster lacks: the remote cluster, roles and users. */
export function requestsFor(
  cluster: ClusterFacts,
  other: ClusterFacts,
  aliases: Aliases,
  config: AdoptionConfig,
): readonly ClusterRequest[] {
  const alias = aliases[other.region] ?? other.region;
  return [...remoteRequest(cluster, other, alias, config), ...userRequests(cluster, alias, config)];
}

function remoteRequest(
  { region, remotes }: ClusterFacts,
  other: ClusterFacts,
  alias: string,
  config: AdoptionConfig,
): readonly ClusterRequest[] {
  const seeds = seedsOf(other, config);
  if (remotes.some((remote) => remote.alias === alias) || seeds.length === 0) return [];
  // An idle follower only waits for its leader's next operation: without pings a dead connection shows minutes later.
  const settings = { mode: "sniff", seeds, transport: { ping_schedule: "5s" } };
  return [
    {
      region,
      method: "PUT",
      path: "/_cluster/settings",
      body: { persistent: { cluster: { remote: { [alias]: settings } } } },
      why: `${region} reaches ${other.region} as the remote cluster ${alias}`,
    },
  ];
}

/** In sniff mode a few addresses are enough to discover all nodes. */
const SEEDS_MAX = 3;

export const seedsOf = ({ region, transportAddresses }: ClusterFacts, { remoteSeeds }: AdoptionConfig) =>
  remoteSeeds[region] ?? transportAddresses.slice(0, SEEDS_MAX);

function userRequests(
  { region, roles, logins }: ClusterFacts,
  otherAlias: string,
  config: AdoptionConfig,
): readonly ClusterRequest[] {
  const definitions = roleDefinitions(scopeOf(otherAlias, config));
  return (["watchdog", "haproxyCheck"] as const).flatMap((key): ClusterRequest[] => {
    const { role } = users[key];
    const login = logins[key];
    const isKey = key === "watchdog" && config.keyed[region] === true;
    // Users of the file realm have their roles from files on the nodes.
    const isElsewhere = !isKey && login.kind === "accepted" && login.realm !== "native";
    const wanted = definitions[role];
    if (login.kind === "unused" || isElsewhere || wanted === undefined) return [];
    const putRole: ClusterRequest = {
      region,
      method: "PUT",
      path: `/_security/role/${role}`,
      body: { ...wanted },
      // Between clusters that trust each other's certificates the leader's cluster looks a follower's user up by its roles.
      why: isKey ? "what the other region's watchdog user may read here as a follower" : `what ${login.user} may do`,
    };
    const putUser: ClusterRequest = {
      region,
      method: "PUT",
      path: `/_security/user/${encodeURIComponent(login.user)}`,
      body: { roles: [role] },
      passwordOf: key,
      why: key === "watchdog" ? "the watchdogs' user" : "the user of HAProxy's health checks and of canaries",
    };
    const needsUser = !isKey && login.kind === "absent";
    return [...(isRole(roles[role], wanted) ? [] : [putRole]), ...(needsUser ? [putUser] : [])];
  });
}

/** A cluster whose nodes trust each other's certificates asks for no privileges on a remote one. */
function scopeOf(otherAlias: string, { replication, remoteClusterSecurity }: AdoptionConfig): RoleScope {
  const { patterns } = replication;
  return { patterns, ...(remoteClusterSecurity === "api_key" ? { keyedRemote: otherAlias } : {}) };
}

/** Whether a role is there with all that is wanted, and no more. What Elasticsearch adds to the answer does not count. */
function isRole(present: unknown, wanted: object): boolean {
  if (typeof present !== "object" || present === null) return false;
  return Object.entries(wanted).every(([key, value]) => covers(Reflect.get(present, key), value));
}

function covers(present: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(present) || present.length !== wanted.length) return false;
    const sorted = (list: readonly unknown[]) =>
      list.every((each) => typeof each === "string") ? list.toSorted() : list;
    const there = sorted(present);
    return sorted(wanted).every((each, position) => covers(there[position], each));
  }
  if (typeof wanted !== "object" || wanted === null) return present === wanted;
  return typeof present === "object" && present !== null
    ? Object.entries(wanted).every(([key, value]) => covers(Reflect.get(present, key), value))
    : false;
}

/** The request by which an administrator makes an API key with the watchdog's privileges. */
export function apiKeyRequest(otherAlias: string, config: AdoptionConfig): string {
  const { name, role } = users.watchdog;
  const definition = roleDefinitions(scopeOf(otherAlias, config))[role];
  return `POST /_security/api_key ${JSON.stringify({ name, role_descriptors: { [role]: definition } })}`;
}
