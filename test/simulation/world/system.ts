import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import type { WatchdogParts } from "../../../watchdog/controller/context.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import type { Cluster } from "../../../watchdog/core/ports/cluster.ts";
import type { Salvage } from "../../../watchdog/core/ports/salvage.ts";
import type { ChangeRequest, StateRecord } from "../../../watchdog/core/state/record.ts";
import { messageOf } from "../../../watchdog/util/errors.ts";
import type { Logger } from "../../../watchdog/util/logger.ts";
import { Clients } from "./clients.ts";
import { SimCluster } from "./cluster/cluster.ts";
import { USUAL_KILOBYTES_PER_MS } from "./cluster/first-copy.ts";
import { manageLifecycle } from "./cluster/lifecycle.ts";
import { type ClusterLimits, clusterPort } from "./cluster/port.ts";
import { autoFollow, replicate } from "./cluster/replication.ts";
import { type ChangeConfig, configOf } from "./config.ts";
import { namedRegions } from "./endpoints.ts";
import { entryPort } from "./entry.ts";
import { SimEtcd } from "./etcd/etcd.ts";
import { failsafePeers } from "./failsafe.ts";
import { FileStore } from "./file-store.ts";
import { SimHooks } from "./hooks.ts";
import { type Layout, otherRegion, type Region, regions } from "./layout.ts";
import { Network } from "./network.ts";
import { Process } from "./process.ts";
import { throughNetwork } from "./remote-cluster.ts";
import { Station } from "./station.ts";
import type { SimStore } from "./store.ts";
import { World } from "./world.ts";

const REPLICATION_ROUND_MS = 200;
const AUTO_FOLLOW_ROUND_MS = 1_000;
export const USUAL_OPERATIONS = 50;
const REQUEST_VALID_MS = 30_000;

export type CreateWatchdog = (parts: WatchdogParts) => Watchdog;

export interface SystemOptions {
  readonly seed: number;
  readonly layout: Layout;
  readonly create: CreateWatchdog;
  readonly change?: ChangeConfig | undefined;
}

/** Two clusters that follow each other, watchdogs, routers, clients, a store and a network, on one virtual clock. */
export class System {
  readonly world: World;
  readonly layout: Layout;
  readonly network: Network;
  readonly clusters: Readonly<Record<Region, SimCluster>>;
  readonly stations: readonly Station[];
  readonly store: SimStore;
  readonly clients: Clients;
  readonly hooks: SimHooks;
  /** What all watchdogs have in common; name and site are those of the first. */
  readonly config: WatchdogConfig;
  /** Ids of writes that were destroyed with a cluster: no watchdog can bring them back. */
  readonly wiped = new Set<string>();
  readonly log: string[] = [];
  restarts = 0;
  /** Failsafe grants that watchdogs gave. */
  grants = 0;
  /** null until a watchdog has answered. */
  abortAnswer: string | null = null;
  /** Until a fault begins that disturbs more. */
  isOnlyEtcdDisturbed = true;
  /** Operations per shard and round, and what a first copy moves: faults reduce them. */
  replicationRate = USUAL_OPERATIONS;
  kilobytesPerMs = USUAL_KILOBYTES_PER_MS;
  readonly #create: CreateWatchdog;

  constructor({ seed, layout, create, change = (same) => same }: SystemOptions) {
    this.layout = layout;
    this.#create = create;
    const world = new World(seed);
    const network = new Network(world);
    const isLinked = () => network.talk("gra", "bhs");
    this.world = world;
    this.network = network;
    this.hooks = new SimHooks(world);
    this.clusters = {
      gra: new SimCluster({ world, region: "gra", isLinked }),
      bhs: new SimCluster({ world, region: "bhs", isLinked }),
    };
    this.stations = layout.watchdogs.map((site) => new Station(world, site, change(configOf(layout, site))));
    const [first] = this.stations;
    if (first === undefined) throw new Error(`${layout.name} has no watchdog`);
    this.config = first.config;
    const { ttlMs } = this.config.leases;
    this.store = layout.store === "etcd" ? new SimEtcd(world, network, ttlMs) : new FileStore(world, ttlMs);
    const routers = this.stations.filter(({ router }) => router !== null).length;
    this.clients = new Clients({ world, network, clusters: this.clusters, routers });
    this.store.cell.writing.listen(({ after, rule, process }) => {
      const by = this.stations.find((station) => station.process === process)?.site ?? "a watchdog that is dead";
      this.note(`${by}: record: ${rule} → ${after.phase} epoch ${after.epoch}`);
    });
    this.#startReplication();
  }

  // --- its parts --------------------------------------------------------------------------------------------------

  get record(): StateRecord | null {
    return this.store.cell.stored?.record ?? null;
  }

  /** Where the layout has it. */
  get etcd(): SimEtcd {
    if (this.store instanceof SimEtcd) return this.store;
    throw new Error(`${this.layout.name} has no etcd`);
  }

  /** Where the layout has it. */
  get file(): FileStore {
    if (this.store instanceof FileStore) return this.store;
    throw new Error(`${this.layout.name} has no file store`);
  }

  cluster(region: string): SimCluster {
    const found = regions.find((one) => one === region);
    if (found === undefined) throw new Error(`no region ${region}`);
    return this.clusters[found];
  }

  station(site: string): Station {
    const found = this.stations.find((station) => station.site === site);
    if (found === undefined) throw new Error(`no watchdog in ${site}`);
    return found;
  }

  /** Regions that any router would send a request to now. */
  openRegions(): readonly string[] {
    const open: string[] = [];
    for (const { router } of this.stations) {
      const region = router?.route() ?? null;
      if (region !== null && !open.includes(region)) open.push(region);
    }
    return open;
  }

  /** Regions that any endpoint service names to applications. */
  namedRegions(): readonly string[] {
    return namedRegions(this.stations);
  }

  isSalvaged(operation: string): boolean {
    return this.stations.some(({ salvage }) => salvage.operations.has(operation));
  }

  isDiscarded(uuid: string): boolean {
    return this.stations.some(({ salvage }) => salvage.discarded.has(uuid));
  }

  // --- watchdogs --------------------------------------------------------------------------------------------------

  startAll(): void {
    for (const station of this.stations) this.start(station);
  }

  start(station: Station): void {
    const process = new Process(station.host);
    station.process = process;
    process.onDeath = () => {
      this.note(`${station.site}: watchdog dies`);
      this.restartAfter(station, this.world.random.between(100, 15_000));
    };
    const { store, coordination } = this.store.connect({ process, site: station.site, watchdog: station.config.name });
    station.watchdog = this.#create({
      config: station.config,
      clusters: { gra: this.#port(station, process, "gra"), bhs: this.#port(station, process, "bhs") },
      salvage: this.#salvage(station, process),
      store,
      ...(coordination === null ? {} : { coordination, peers: failsafePeers(this, station, process) }),
      copy: station.recordCopy(process),
      router: station.router?.port(process, station.config.name) ?? null,
      entry: station.router === null ? null : entryPort(this, station, process),
      hooks: this.hooks.port(process),
      clock: process.clock(),
      log: this.#logger(station),
    });
    station.watchdog.run(new AbortController().signal).catch((error: unknown) => {
      const why = error instanceof Error ? error.stack : String(error);
      this.world.report("run", `the watchdog of ${station.site} ended by itself: ${why}`);
    });
    this.world.touch();
  }

  kill(station: Station): void {
    if (station.process?.isAlive) this.note(`${station.site}: watchdog killed`);
    station.process?.kill();
  }

  restartAfter(station: Station, delayMs: number): void {
    this.world.after(delayMs, () => {
      if (station.process?.isAlive || station.isOff) return;
      this.restarts += 1;
      this.note(`${station.site}: watchdog starts`);
      this.start(station);
    });
  }

  #salvage({ site, salvage }: Station, process: Process): Salvage {
    const isReached = (region: string) => this.network.talk(site, region === "gra" ? "gra" : "bhs");
    return salvage.port(process, (region) => this.cluster(region), isReached);
  }

  #port({ site, config }: Station, process: Process, region: Region): Cluster {
    const limits: ClusterLimits = {
      requestTimeoutMs: config.elasticsearch.requestTimeoutMs,
      probeTimeoutMs: config.checks.timeoutMs,
      unfollowTimeoutMs: config.promotion.unfollowTimeoutMs,
    };
    const cluster = clusterPort({
      cluster: this.clusters[region],
      limits,
      clusterOf: (name) => this.cluster(name),
    });
    return throughNetwork({ cluster, region, network: this.network, process, from: site, limits });
  }

  // --- operators and faults ---------------------------------------------------------------------------------------

  /** An operator asks for a change, as the command line does. Returns whether the request is in the record. */
  request(kind: ChangeRequest["kind"], to: string, force = false): boolean {
    const [{ host } = { host: null }] = this.stations;
    const atMs = host?.wallMs() ?? 0;
    const request = { kind, to, force, by: "alice", reason: null, atMs, validUntilMs: atMs + REQUEST_VALID_MS };
    const isTaken = this.store.cell.command((record) => ({ ...record, request, sequence: record.sequence + 1 }));
    if (isTaken) this.note(`operator: ${kind} to ${to}${force ? " by force" : ""}`);
    return isTaken;
  }

  /** An operator asks a watchdog to abort the change under way; `abortAnswer` gets what it answers. */
  abort(): void {
    this.abortAnswer = null;
    const asked = this.stations.find(({ process }) => process?.isAlive)?.watchdog;
    asked
      ?.command({ kind: "abort", reason: null }, "alice")
      .then((applied) => (applied.accepted ? applied.explanation : applied.reasons.join("; ")))
      .catch(messageOf)
      .then((answer) => {
        this.abortAnswer = answer;
        this.note(`operator: abort: ${answer}`);
      });
  }

  /** The cluster of a region is rebuilt, with nothing in it. */
  wipe(region: string): void {
    const cluster = this.cluster(region);
    for (const id of cluster.operations()) this.wiped.add(id);
    cluster.wipe();
  }

  note(line: string): void {
    this.log.push(`${(this.world.nowMs / 1000).toFixed(1).padStart(6)} s  ${line}`);
  }

  #logger({ site }: Station): Logger {
    const line = (level: string) => (_fields: Readonly<Record<string, unknown>>, message: string) => {
      this.note(`${site}: ${level} ${message}`);
    };
    return { debug: () => {}, info: line("info "), warn: line("warn "), error: line("ERROR") };
  }

  #startReplication(): void {
    const each = (round: (follower: SimCluster, leader: SimCluster) => void) => () => {
      for (const region of regions) round(this.clusters[region], this.clusters[otherRegion(region)]);
    };
    const rates = () => ({
      operations: this.replicationRate,
      kilobytes: this.kilobytesPerMs * REPLICATION_ROUND_MS,
    });
    this.world.every(
      REPLICATION_ROUND_MS,
      each((follower, leader) => replicate(follower, leader, rates())),
    );
    this.world.every(
      AUTO_FOLLOW_ROUND_MS,
      each((follower, leader) => autoFollow(follower, leader)),
    );
    this.world.every(AUTO_FOLLOW_ROUND_MS, each(manageLifecycle));
  }
}
