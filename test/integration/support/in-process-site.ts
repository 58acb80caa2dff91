import path from "node:path";
import type { TestCluster } from "../../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../../lab/util/until.ts";
import { systemClock } from "../../../watchdog/adapters/clock.ts";
import {
  createElasticsearchCluster,
  type ElasticsearchCluster,
} from "../../../watchdog/adapters/elasticsearch/cluster.ts";
import {
  createElasticsearchDocuments,
  type ElasticsearchDocuments,
} from "../../../watchdog/adapters/elasticsearch/documents.ts";
import { createFileStore, createRecordCopy } from "../../../watchdog/adapters/file-store/store.ts";
import { profiles } from "../../../watchdog/config/profiles.ts";
import { roleDefinitions, users } from "../../../watchdog/config/roles.ts";
import { type WatchdogConfig, watchdogConfigSchema } from "../../../watchdog/config/schema.ts";
import { createWatchdog, type Watchdog } from "../../../watchdog/controller/watchdog.ts";
import type { Router, RoutingTicket } from "../../../watchdog/core/ports/router.ts";
import type { Salvage } from "../../../watchdog/core/ports/salvage.ts";
import type { Store } from "../../../watchdog/core/ports/store.ts";
import type { ServingRecord, StateRecord } from "../../../watchdog/core/state/record.ts";
import { previewReplay, replaySalvage } from "../../../watchdog/salvage/commands.ts";
import { freeBytes } from "../../../watchdog/salvage/export/room.ts";
import { createSalvage, salvageRoot } from "../../../watchdog/salvage/salvage.ts";
import type { Logger } from "../../../watchdog/util/logger.ts";
import { nodesAs } from "./access.ts";
import { application, Writers } from "./writers.ts";

/** The watchdog. */
const credentials = { username: users.watchdog.name, password: "in-process-test-password" };

export interface InProcessOptions {
  readonly pair: ClusterPair;
  /** For the store, the record's copy and the salvage. */
  readonly directory: string;
  /** Alias or data stream that the clients write to; the indices whose names begin with it are managed. */
  readonly target: string;
}

/**
 * A watchdog in this process with real clusters, store and files, and clients of the region that it routes to. The router is
 * a variable, because the clients need no HAProxy.
 */
export class InProcessSite {
  readonly directory: string;
  readonly clusters: Readonly<Record<"gra" | "bhs", ElasticsearchCluster>>;
  readonly documents: Readonly<Record<"gra" | "bhs", ElasticsearchDocuments>>;
  readonly traffic: Writers;
  readonly #pair: ClusterPair;
  readonly #target: string;
  readonly #config: WatchdogConfig;
  readonly #stop = new AbortController();
  readonly #store: ReturnType<typeof createFileStore>;
  #ticket: RoutingTicket | null = null;
  #running: Promise<void> = Promise.resolve();
  watchdog: Watchdog | null = null;
  readonly log: string[] = [];
  /** The states of the standby since the last change of the active region, each once. */
  states: string[] = [];

  /** Creates the users that it needs, and starts nothing yet. */
  static async create(options: InProcessOptions): Promise<InProcessSite> {
    await Promise.all([options.pair.gra, options.pair.bhs].map((cluster) => createUsers(cluster, options.target)));
    return new InProcessSite(options);
  }

  private constructor({ pair, directory, target }: InProcessOptions) {
    this.directory = directory;
    this.#pair = pair;
    this.#target = target;
    this.#config = configOf(pair, directory, target);
    this.#store = createFileStore({
      directory: path.join(directory, "store"),
      clock: systemClock,
      leaseTtlMs: 10_000,
      routers: ["site"],
    });
    this.clusters = { gra: connect(pair.gra, target), bhs: connect(pair.bhs, target) };
    this.documents = { gra: connectDocuments(pair.gra), bhs: connectDocuments(pair.bhs) };
    this.traffic = new Writers(target, () => {
      const region = this.#ticket !== null && this.#ticket.validUntilMs > Date.now() ? this.#ticket.region : null;
      return region === null ? null : region === "gra" ? pair.gra : pair.bhs;
    });
  }

  start(): void {
    const store: Store = {
      ...this.#store,
      write: async (record, expected, entry) => {
        const outcome = await this.#store.write(record, expected, entry);
        if (outcome !== "conflict") this.#note(record);
        return outcome;
      },
    };
    this.watchdog = createWatchdog({
      config: this.#config,
      clusters: this.clusters,
      store,
      copy: createRecordCopy(path.join(this.directory, "record-copy.json")),
      salvage: this.#salvage(),
      router: this.#router(),
      clock: systemClock,
      log: this.#logger(),
    });
    this.#running = this.watchdog.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    await this.traffic.stop();
    this.#stop.abort();
    await this.#running.catch(() => undefined);
    await Promise.all([...Object.values(this.clusters), ...Object.values(this.documents)].map((one) => one.close()));
  }

  async record(): Promise<StateRecord> {
    const stored = await this.#store.read();
    if (stored === null) throw new Error("no record yet");
    return stored.record;
  }

  async untilServing(active: string, standby?: ServingRecord["standby"]): Promise<void> {
    const isThere = async () => {
      const record = await this.record();
      return record.phase === "serving" && record.active === active && record.standby === (standby ?? record.standby);
    };
    await eventually(
      () => `${active} serves, the other is ${standby ?? "whatever"}\n${this.log.join("\n")}`,
      120_000,
      isThere,
    );
  }

  /** Asks for a switchover, again where it was refused because a probe had failed meanwhile, until the region serves. */
  async switchOver(to: string): Promise<void> {
    await eventually(
      () => `${to} serves after a switchover\n${this.log.join("\n")}`,
      120_000,
      async () => {
        const record = await this.record();
        if (record.phase !== "serving") return false;
        if (record.active === to) return true;
        if (record.request === null) {
          await this.watchdog?.command({ kind: "switchover", to, force: false, reason: null }, "alice");
        }
        return false;
      },
    );
  }

  /** Replays what is missing of a salvage into bhs, the active region, as an operator's command does: by its own connection. */
  async replayIntoBhs(name: string): Promise<Awaited<ReturnType<typeof replaySalvage>>> {
    const { probe, close } = connect(this.#pair.bhs, this.#target, 10_000);
    const request = {
      root: salvageRoot(this.directory),
      name,
      active: { ...this.documents.bhs, region: "bhs", probe },
      choice: { classes: ["missing" as const], includeMayBeDeleted: false },
    };
    try {
      const { id } = await previewReplay(request, Date.now);
      return await replaySalvage(request, id);
    } finally {
      await close();
    }
  }

  #note(record: StateRecord): void {
    if (record.phase !== "serving") this.states = [];
    else if (this.states.at(-1) !== record.standby) this.states.push(record.standby);
  }

  #salvage(): Salvage {
    const root = salvageRoot(this.directory);
    const options = { root, readers: this.documents, room: { reserveBytes: 0, freeBytes }, second: null };
    return createSalvage({ ...options, nowMs: Date.now, signal: this.#stop.signal });
  }

  #router(): Router {
    return {
      name: "site",
      issueTicket: async (ticket) => {
        this.#ticket = ticket;
      },
      close: async () => {
        this.#ticket = null;
      },
      state: async () => ({ tickets: this.#ticket === null ? [] : [this.#ticket], servers: [], writes: [] }),
    };
  }

  #logger(): Logger {
    const line = (_fields: Readonly<Record<string, unknown>>, message: string) => this.log.push(message);
    return { debug: () => {}, info: line, warn: line, error: line };
  }
}

function configOf(pair: ClusterPair, directory: string, target: string): WatchdogConfig {
  return watchdogConfigSchema.parse({
    name: "site",
    site: "bhs",
    regions: { gra: { nodes: pair.gra.urls }, bhs: { nodes: pair.bhs.urls } },
    firstPrimary: "gra",
    elasticsearch: { username: credentials.username, passwordFile: "/unused", caFile: "/unused" },
    replication: { patterns: [`${target}*`], intervalMs: 1_000 },
    checks: profiles.fast.checks,
    store: { kind: "file", directory: "/unused" },
    router: {},
    stateDirectory: directory,
  });
}

async function createUsers(cluster: TestCluster, target: string): Promise<void> {
  for (const [role, body] of Object.entries(roleDefinitions({ patterns: [`${target}*`] }))) {
    await cluster.call("PUT", `/_security/role/${role}`, { body });
  }
  const user = (name: string, password: string, role: string) =>
    cluster.call("PUT", `/_security/user/${name}`, { body: { password, roles: [role] } });
  await user(credentials.username, credentials.password, users.watchdog.role);
  await user(application.username, application.password, users.app.role);
}

function connect(cluster: TestCluster, target: string, probeTimeoutMs = 990): ElasticsearchCluster {
  const timeouts = { requestTimeoutMs: 10_000, probeTimeoutMs, unfollowTimeoutMs: 15_000 };
  return createElasticsearchCluster({
    ...nodesAs(cluster, credentials),
    ...timeouts,
    managed: { patterns: [`${target}*`], exclusions: [] },
  });
}

const connectDocuments = (cluster: TestCluster): ElasticsearchDocuments =>
  createElasticsearchDocuments({ ...nodesAs(cluster, credentials), requestTimeoutMs: 30_000 });

/** Ids that a cluster lacks, of all that is in the alias or data stream. */
export async function missingFrom(
  cluster: TestCluster,
  target: string,
  ids: readonly string[],
): Promise<readonly string[]> {
  await cluster.call("POST", `/${target}/_refresh`);
  const found = await cluster.call("GET", `/${target}/_search`, { body: { size: 10_000, _source: false } });
  const there = new Set((found.hits.hits as { _id: string }[]).map(({ _id }) => _id));
  return ids.filter((id) => !there.has(id));
}
