import { profiles } from "../../../watchdog/config/profiles.ts";
import { type WatchdogConfig, watchdogConfigSchema } from "../../../watchdog/config/schema.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import type { FailsafeAnswer, Peers } from "../../../watchdog/core/failsafe.ts";
import { type Cluster, ClusterError } from "../../../watchdog/core/ports/cluster.ts";
import type { ClusterProbe } from "../../../watchdog/core/state/cluster.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { checkWrite } from "../judge/invariants.ts";
import { namedRegions } from "./endpoints.ts";
import { SimEtcd } from "./etcd.ts";
import { Disk } from "./file-store.ts";
import { Network, type Site, sites } from "./network.ts";
import { type CreateWatchdog, leaderBy, type Region, regions, SimRegions } from "./regions.ts";
import { SimRouter } from "./router.ts";
import { SimSalvage } from "./salvage.ts";
import { Host, Process, World } from "./world.ts";

const REQUEST_TIMEOUT_MS = 2_000;
const CLIENT_TIMEOUT_MS = 5_000;

const configOf = (site: Site): WatchdogConfig =>
  watchdogConfigSchema.parse({
    name: `${site}-watchdog`,
    site,
    regions: { gra: { nodes: ["https://192.168.1.11:9200"] }, bhs: { nodes: ["https://192.168.2.11:9200"] } },
    firstPrimary: "gra",
    elasticsearch: { username: "es-failover", passwordFile: "/p", caFile: "/ca", requestTimeoutMs: REQUEST_TIMEOUT_MS },
    replication: { patterns: ["logs-*"], intervalMs: 2_000, maxLagOperations: 50, maxReadAgeMs: 60_000 },
    checks: profiles.fast.checks,
    promotion: { drainTimeoutMs: 4_000, unfollowTimeoutMs: 3_000, batchSize: 2, parallelism: 2 },
    store: {
      kind: "etcd",
      endpoints: ["https://192.168.1.20:2379"],
      caFile: "/ca",
      certificateFile: "/c",
      keyFile: "/k",
      username: "es-failover",
      passwordFile: "/p",
    },
    failsafe: {
      listen: "0.0.0.0:9443",
      url: `https://${site}:9443`,
      certificateFile: "/c",
      keyFile: "/k",
      caFile: "/ca",
    },
    router: site === "witness" ? null : {},
  });

/** A host with a watchdog, and in a region a HAProxy beside it. */
export class Station {
  readonly site: Site;
  readonly config: WatchdogConfig;
  readonly host: Host;
  readonly router: SimRouter | null;
  /** For the copy of the record alone; the store is elsewhere. */
  readonly disk: Disk;
  readonly salvage: SimSalvage;
  process: Process | null = null;
  watchdog: Watchdog | null = null;
  /** While its power is off nothing starts it. */
  isOff = false;
  /** Until then a clock that was set back may still be unnoticed: a second fault of this host has to wait. */
  clockUnsettledUntilMs = 0;

  constructor(world: World, site: Site, change: (config: WatchdogConfig) => WatchdogConfig) {
    this.site = site;
    this.config = change(configOf(site));
    this.host = new Host(world);
    this.router = site === "witness" ? null : new SimRouter(world, this.host);
    this.disk = new Disk(world);
    this.salvage = new SimSalvage(world);
  }
}

/** Two regions and a witness: three watchdogs, two routers, an etcd cluster, and a network between them. */
export class SitesSystem extends SimRegions {
  readonly network: Network;
  readonly etcd: SimEtcd;
  readonly stations: readonly Station[];
  readonly #create: CreateWatchdog;

  readonly #opened = new Set<Site>();
  /** Requests that a router turned away after all had been open. */
  readonly refused: { readonly site: Site; readonly atMs: number }[] = [];
  /** Times that a watchdog gave its word. */
  failsafes = 0;
  /** Set by a fault: regions whose clusters refuse the watchdogs' password, and nobody else's. */
  readonly refusing = new Set<string>();
  #writes = 0;

  constructor(
    seed: number,
    create: CreateWatchdog,
    change: (config: WatchdogConfig) => WatchdogConfig = (same) => same,
  ) {
    super(new World(seed), change(configOf("gra")));
    this.#create = create;
    this.network = new Network(this.world);
    this.stations = sites.map((site) => new Station(this.world, site, change));
    this.etcd = new SimEtcd(this.world, this.network, this.config.leases.ttlMs);
    this.etcd.onWrite = (before, after, rule, process) => this.#judgeWrite(before, after, rule, process);
  }

  // --- what is judged ---------------------------------------------------------------------------------------------

  get disk() {
    return { stored: this.etcd.stored };
  }

  readonly router = { openRegions: () => this.#openRegions() };

  namedRegions(): readonly string[] {
    return namedRegions(this.stations);
  }

  #openRegions(): readonly string[] {
    const open: string[] = [];
    for (const { router } of this.stations) {
      for (const region of router?.openRegions() ?? []) if (!open.includes(region)) open.push(region);
    }
    return open;
  }

  get salvage() {
    const any = (pick: (salvage: SimSalvage) => ReadonlySet<string>) => ({
      has: (item: string) => this.stations.some(({ salvage }) => pick(salvage).has(item)),
    });
    return { operations: any(({ operations }) => operations), discarded: any(({ discarded }) => discarded) };
  }

  #judgeWrite(before: StateRecord | null, after: StateRecord, rule: string, process: Process): void {
    const isFilling = rule === "fill-store-from-copy";
    // What a majority kept of the newest epoch may be its closing alone, one epoch before the last.
    if (isFilling && after.epoch < this.highestEpoch - 1) {
      this.world.report("4", `the store was filled with epoch ${after.epoch} after ${this.highestEpoch}`);
    }
    if (!isFilling) checkWrite(this, before, after, process);
    this.highestEpoch = Math.max(this.highestEpoch, after.epoch);
    const by = this.stations.find((station) => station.process === process)?.site ?? "a dead one";
    this.note(`record: ${rule} → ${after.phase} epoch ${after.epoch} (by ${by})`);
  }

  station(site: string): Station {
    const found = this.stations.find((station) => station.site === site);
    if (found === undefined) throw new Error(`no site ${site}`);
    return found;
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
    const { store, coordination } = this.etcd.connect({
      process,
      site: station.site,
      watchdog: station.config.name,
    });
    station.watchdog = this.#create({
      config: station.config,
      clusters: { gra: this.#clusterPort(station, process, "gra"), bhs: this.#clusterPort(station, process, "bhs") },
      salvage: station.salvage.port(process, (name) => this.cluster(name)),
      store,
      coordination,
      peers: this.#peers(station, process),
      copy: station.disk.recordCopy(process),
      router: station.router?.port(process, station.config.name) ?? null,
      clock: process.clock(),
      log: this.logger(`${station.site}: `),
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

  /** A cluster as a watchdog of another site sees it, through the network. */
  #clusterPort(station: Station, process: Process, region: Region): Cluster {
    const { checks, promotion } = station.config;
    // What carries a request does not die with its sender.
    const inner = this.cluster(region).port(new Process(new Host(this.world)), (name) => this.cluster(name));
    const failure = () => new ClusterError(region, "timeout", `${region}: no answer in time`);
    const through =
      (timeoutMs: number) =>
      <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> =>
        this.network.call(process, { from: station.site, to: region, timeoutMs, failure }, () => method(...args));
    const answering =
      <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
      (...args: A) =>
        this.refusing.has(region) && this.cluster(region).isUp() ? Promise.reject(refusal()) : method(...args);
    const ask = <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
      through(REQUEST_TIMEOUT_MS)(answering(method));
    const probe = () =>
      answering(inner.probe)().catch((error: unknown): ClusterProbe => {
        if (!(error instanceof ClusterError)) throw error;
        return { reachable: false, kind: error.kind, error: error.message };
      });
    const refusal = () => new ClusterError(region, "unauthorized", `${region}: unable to authenticate user`, 401);
    const unreached: ClusterProbe = { reachable: false, kind: "timeout", error: "no answer in time" };
    return {
      region,
      probe: () => through(checks.timeoutMs)(probe)().catch(() => unreached),
      readiness: ask(inner.readiness),
      indices: ask(inner.indices),
      checkpoints: ask(inner.checkpoints),
      followers: ask(inner.followers),
      autoFollowPatterns: ask(inner.autoFollowPatterns),
      putAutoFollow: ask(inner.putAutoFollow),
      pauseAutoFollow: ask(inner.pauseAutoFollow),
      resumeAutoFollow: ask(inner.resumeAutoFollow),
      deleteAutoFollow: ask(inner.deleteAutoFollow),
      follow: ask(inner.follow),
      pauseFollow: ask(inner.pauseFollow),
      resumeFollow: ask(inner.resumeFollow),
      unfollow: through(promotion.unfollowTimeoutMs)(inner.unfollow),
      closeIndices: ask(inner.closeIndices),
      openIndices: ask(inner.openIndices),
      setWriteBlock: ask(inner.setWriteBlock),
      deleteIndices: ask(inner.deleteIndices),
      setWriteIndex: ask(inner.setWriteIndex),
      dataStreams: ask(inner.dataStreams),
      promoteDataStream: ask(inner.promoteDataStream),
      rolloverDataStream: ask(inner.rolloverDataStream),
      probeWrite: ask(inner.probeWrite),
      definitions: ask(inner.definitions),
      putDefinition: ask(inner.putDefinition),
    };
  }

  /** The other watchdogs' failsafe endpoints. */
  #peers(station: Station, process: Process): Peers {
    return {
      ask: (url, question) => {
        const other = this.station(new URL(url).hostname);
        const failure = () => new Error(`${other.site}: no answer in time`);
        const options = { from: station.site, to: other.site, timeoutMs: 1_000, failure };
        return this.network.call(process, options, () => {
          if (other.isOff || !other.process?.isAlive) return Promise.reject(new Error(`${other.site}: refused`));
          const { watchdog, process: answering } = other;
          return new Promise<FailsafeAnswer>((resolve) => {
            answering.deliver(() => {
              if (watchdog === null) return;
              const answer = watchdog.answerFailsafe(question);
              if (answer.agrees) this.failsafes += 1;
              resolve(answer);
            });
          });
        });
      },
    };
  }

  // --- clients ----------------------------------------------------------------------------------------------------

  /** A client beside one router writes; an index that is missing is made, as clients do. */
  clientWrites({ site, router }: Station, index: string): void {
    const region = router?.route() ?? null;
    if (region === null) {
      if (this.#opened.size === regions.length) this.refused.push({ site, atMs: this.world.nowMs });
      return;
    }
    this.#opened.add(site);
    this.#writes += 1;
    const id = `${index}#${this.#writes}`;
    const to = region === "gra" ? "gra" : "bhs";
    const thereMs = this.network.leg(site, to);
    if (thereMs === null || thereMs > CLIENT_TIMEOUT_MS) return;
    this.world.after(thereMs, () => {
      const cluster = this.cluster(to);
      if (!cluster.write(index, id)) {
        cluster.createIndex(index, index === "logs-1" ? "logs-write" : null);
        return;
      }
      const backMs = this.network.leg(to, site);
      if (backMs === null) return;
      this.world.after(backMs, () => this.ledger.push({ id, index, region, atMs: this.world.nowMs }));
    });
  }

  // --- replication ------------------------------------------------------------------------------------------------

  protected override beforeRound(): void {
    for (const region of regions) this.cluster(region).reachesRemote = this.network.talk("gra", "bhs");
  }

  protected activeNow() {
    const record = this.etcd.stored?.record;
    const at = (record === undefined ? this.truth.active : leaderBy(record)) === "gra" ? "gra" : "bhs";
    const other = at === "gra" ? "bhs" : "gra";
    // Well for a majority of sites: its own, and one more.
    const isReached = this.network.talk(at, other) || this.network.talk(at, "witness");
    return { active: at, isWell: this.cluster(at).isWell() && isReached, isDisturbed: this.network.loss > 0 };
  }
}
