import type { Stack } from "../../../lab/system/configuration.ts";
import type { CurlAnswer, CurlRequest } from "../../../lab/system/curl.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";

/** The system's users, as Elasticsearch knows them. */
export type UserName = "app" | "es-failover" | "haproxy-check";

interface FollowerInfo {
  readonly follower_index: string;
  readonly leader_index: string;
  readonly remote_cluster: string;
  readonly status: string;
}

/** A follower in the answer of `_ccr/info`. */
export interface FollowedIndex {
  readonly name: string;
  readonly leader: string;
  /** Name of the remote cluster. */
  readonly of: string;
  readonly status: string;
}

interface ShardCopy {
  readonly seq_no: { readonly max_seq_no: number };
  readonly routing: { readonly primary: boolean };
}

/** Asks hosts and clusters directly and not through the watchdogs under test. */
export class Questions {
  readonly #system: TwoRegions;
  readonly #router: string;
  #passwords: Readonly<Record<UserName, string>>;

  private constructor(system: TwoRegions, router: string, passwords: Readonly<Record<UserName, string>>) {
    this.#system = system;
    this.#router = router;
    this.#passwords = passwords;
  }

  static async of(system: TwoRegions): Promise<Questions> {
    return new Questions(system, await system.hosts.router(), await passwordsOf(system));
  }

  /** Uses the passwords that the stacks have now. */
  async renewPasswords(): Promise<void> {
    this.#passwords = await passwordsOf(this.#system);
  }

  passwordOf(name: UserName): string {
    return this.#passwords[name];
  }

  nodesOf(region: Stack): Promise<readonly string[]> {
    return this.#system.hosts.names(new RegExp(`^${region}-es-`));
  }

  /** Elasticsearch on a node, or the entry on the router, over the private network. */
  async privateUrl(host: string): Promise<string> {
    return `https://${(await this.#system.lab.host(host))?.privateIp}:9200`;
  }

  /** Sends a request as one of the users from the router's host. */
  asUser(name: UserName, url: string, request: Partial<CurlRequest> = {}): Promise<CurlAnswer> {
    const user = { name, password: this.#passwords[name] };
    return this.#system.hosts.request(this.#router, { url, caFile: "/etc/es-failover/ca.crt", user, ...request });
  }

  /** Asks a region's nodes in turn, as the watchdog's user, until one answers. */
  async ask(region: Stack, api: string): Promise<unknown> {
    for (const node of await this.nodesOf(region)) {
      const { status, body } = await this.asUser("es-failover", `${await this.privateUrl(node)}${api}`);
      if (status === 200) return JSON.parse(body);
    }
    throw new Error(`no node of ${region} answers ${api}`);
  }

  async clusterHealth(region: Stack): Promise<{ readonly status: string; readonly nodes: number }> {
    const health = await this.ask(region, "/_cluster/health");
    const { status, number_of_nodes: nodes } = health as { status: string; number_of_nodes: number };
    return { status, nodes };
  }

  /** A node of gra other than the master with a copy of an index, the primary if possible: writes involve it. */
  async copyHolder(index: string): Promise<string> {
    const shards = (await this.ask("gra", `/_cat/shards/${index}?format=json`)) as { prirep: string; node: string }[];
    const [master] = (await this.ask("gra", "/_cat/master?format=json")) as { node: string }[];
    const others = shards.filter(({ node }) => node !== master?.node);
    const [holder] = others.toSorted((a, b) => a.prirep.localeCompare(b.prirep));
    if (holder === undefined) throw new Error(`no node but the master holds a copy of ${index}`);
    return holder.node;
  }

  async followersIn(region: Stack): Promise<readonly FollowedIndex[]> {
    const info = (await this.ask(region, "/app-*/_ccr/info")) as { follower_indices: readonly FollowerInfo[] };
    return info.follower_indices
      .map(({ follower_index: name, leader_index: leader, remote_cluster: of, status }) => ({
        name,
        leader,
        of,
        status,
      }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /** What a promotion changes: followers with their leaders, and auto-follow patterns. */
  async replicationOf(region: Stack): Promise<unknown> {
    return { followers: await this.followersIn(region), autoFollow: await this.ask(region, "/_ccr/auto_follow") };
  }

  /** Highest sequence number of every managed shard, by index and shard. */
  async contentOf(region: Stack): Promise<ReadonlyMap<string, number>> {
    const { indices } = (await this.ask(region, "/app-*/_stats?level=shards")) as {
      indices: Record<string, { shards: Record<string, readonly ShardCopy[]> }>;
    };
    const content = new Map<string, number>();
    for (const [index, { shards }] of Object.entries(indices)) {
      for (const [shard, copies] of Object.entries(shards)) {
        const primary = copies.find(({ routing }) => routing.primary);
        content.set(`${index}[${shard}]`, primary?.seq_no.max_seq_no ?? Number.NaN);
      }
    }
    return content;
  }

  /** The arguments of a node's Java process. */
  async javaArguments(node: string): Promise<readonly string[]> {
    const { stdout } = await this.#system.hosts.run(node, ["sh", "-c", "cat /proc/$(pidof java)/cmdline"]);
    return stdout.split("\0");
  }

  async signalWatchdog(signal: "STOP" | "CONT"): Promise<void> {
    const argv = ["systemctl", "kill", `--signal=${signal}`, "es-failover"];
    const { exitCode, stderr } = await this.#system.hosts.run(this.#router, argv);
    if (exitCode !== 0) throw new Error(`systemctl kill: ${stderr}`);
  }

  /** Until when HAProxy's own map lets requests go to a region. */
  async ticketEnd(region: Stack): Promise<number> {
    const script = `
import socket
with socket.socket(socket.AF_UNIX) as haproxy:
    haproxy.connect("/run/haproxy/admin.sock")
    haproxy.sendall(b"show map /var/lib/es-failover/haproxy/ticket.map\\n")
    print(b"".join(iter(lambda: haproxy.recv(65536), b"")).decode())`;
    const { stdout } = await this.#system.hosts.run(this.#router, ["python3", "-c", script]);
    const [, endMs] = new RegExp(` ${region} (\\d+)`).exec(stdout) ?? [];
    if (endMs === undefined) throw new Error(`HAProxy has no ticket for ${region}: ${stdout}`);
    return Number(endMs);
  }
}

async function passwordsOf(system: TwoRegions): Promise<Readonly<Record<UserName, string>>> {
  return {
    app: await system.secret("appPassword"),
    "es-failover": await system.secret("watchdogPassword"),
    "haproxy-check": await system.secret("haproxyCheckPassword"),
  };
}
