/** Three watchdogs, one per site, in this process, on real etcd, with clusters and routers in memory. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePorts } from "../../../lab/util/free-ports.ts";
import { until } from "../../../lab/util/until.ts";
import { systemClock } from "../../../watchdog/adapters/clock.ts";
import { failsafePeers } from "../../../watchdog/adapters/failsafe/client.ts";
import { serveFailsafe } from "../../../watchdog/adapters/failsafe/server.ts";
import { createRecordCopy } from "../../../watchdog/adapters/file-store/store.ts";
import { hookPrograms } from "../../../watchdog/adapters/hooks.ts";
import { connectStore, type StoreConnection } from "../../../watchdog/app/store.ts";
import {
  type WatchdogConfig,
  type WatchdogConfigInput,
  watchdogConfigSchema,
} from "../../../watchdog/config/schema.ts";
import type { WatchdogStatus } from "../../../watchdog/controller/status.ts";
import { createWatchdog, type Watchdog } from "../../../watchdog/controller/watchdog.ts";
import { type Cluster, ClusterError } from "../../../watchdog/core/ports/cluster.ts";
import type { Router } from "../../../watchdog/core/ports/router.ts";
import type { Salvage } from "../../../watchdog/core/ports/salvage.ts";
import type { AutoFollowPattern } from "../../../watchdog/core/state/cluster.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import type { Logger } from "../../../watchdog/util/logger.ts";
import { goodProbe } from "../../unit/core-fixtures.ts";
import { readTls } from "./certificates.ts";
import { EtcdCluster, type EtcdClusterOptions } from "./etcd-cluster.ts";

export const sites = ["gra", "bhs", "witness"] as const;
export type SiteName = (typeof sites)[number];

/** A cluster without indices: these tests are about leadership and routing. */
class EmptyCluster {
  readonly region: string;
  readonly #patterns = new Map<string, AutoFollowPattern>();
  isLost = false;

  constructor(region: string) {
    this.region = region;
  }

  port(): Cluster {
    const ask = async <T>(answer: T): Promise<T> => {
      if (this.isLost) throw new ClusterError(this.region, "unreachable", `${this.region}: connection refused`);
      return answer;
    };
    const nothing = () => ask(undefined);
    const none = () => ask([]);
    const { region } = this;
    return {
      region,
      probe: async () =>
        this.isLost
          ? { reachable: false, kind: "unreachable", error: "connection refused" }
          : { ...goodProbe, clusterUuid: region },
      readiness: () =>
        ask({
          licence: { type: "trial", active: true, allowsCcr: true, expiresAtMs: null },
          version: "9.5.3",
          remote: { configured: true, connected: true, keyed: false },
          nodesLowOnDisk: [],
          readOnly: false,
          snapshotting: [],
          allocatesPrimaries: true,
        }),
      snapshots: () => ask({ hasPolicy: false, lastSuccessAtMs: null, failure: null }),
      indices: none,
      unmatchedIndices: none,
      checkpoints: none,
      followers: none,
      autoFollowPatterns: () => ask([...this.#patterns.values()]),
      putAutoFollow: async (pattern) => {
        await nothing();
        this.#patterns.set(pattern.name, { ...pattern, active: true });
      },
      pauseAutoFollow: async (name) => {
        await nothing();
        const pattern = this.#patterns.get(name);
        if (pattern !== undefined) this.#patterns.set(name, { ...pattern, active: false });
      },
      resumeAutoFollow: nothing,
      deleteAutoFollow: nothing,
      follow: nothing,
      clusterName: async () => "empty",
      forgetFollower: nothing,
      pauseFollow: nothing,
      resumeFollow: nothing,
      unfollow: nothing,
      closeIndices: nothing,
      openIndices: nothing,
      setWriteBlock: nothing,
      blockBackingIndices: nothing,
      liftFollowerBlocks: nothing,
      uuids: () => ask(new Map()),
      deleteIndices: nothing,
      setWriteIndex: nothing,
      resumeIndexing: nothing,
      dataStreams: none,
      promoteDataStream: nothing,
      rolloverDataStream: nothing,
      deleteDataStream: nothing,
      probeWrite: nothing,
      definitions: none,
      putDefinition: nothing,
    };
  }
}

/** A ticket that is compared with the clock on each read, as HAProxy does on each request. */
class TicketHolder {
  #ticket: { readonly region: string; readonly validUntilMs: number } | null = null;

  openTo(): string | null {
    return this.#ticket !== null && this.#ticket.validUntilMs > Date.now() ? this.#ticket.region : null;
  }

  port(name: string): Router {
    return {
      name,
      issueTicket: async (ticket) => {
        this.#ticket = ticket;
      },
      close: async () => {
        this.#ticket = null;
      },
      state: async () => ({ tickets: this.#ticket === null ? [] : [this.#ticket], servers: [], writes: [] }),
    };
  }
}

const noSalvage: Salvage = {
  export: () => Promise.reject(new Error("there is nothing to salvage")),
  sizeOf: () => Promise.reject(new Error("there is nothing to salvage")),
  authorizeDelete: () => Promise.reject(new Error("there is nothing to salvage")),
};
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface BesideParts {
  readonly config: WatchdogConfig;
  readonly watchdog: Watchdog;
  readonly connection: StoreConnection;
  readonly signal: AbortSignal;
}

export interface SeveralOptions extends EtcdClusterOptions {
  readonly hooks?: WatchdogConfigInput["hooks"];
}

export class SeveralWatchdogs {
  readonly etcd: EtcdCluster;
  readonly clusters = { gra: new EmptyCluster("gra"), bhs: new EmptyCluster("bhs") };
  readonly routers = { gra: new TicketHolder(), bhs: new TicketHolder() };
  /** Pairs of regions that were open at the same time, sampled every 5 ms. */
  readonly overlaps: string[] = [];
  /** When gra's router was closed, sampled every 5 ms. */
  readonly refusals: number[] = [];
  readonly #directory: string;
  readonly #ports: readonly number[];
  readonly #hooks: WatchdogConfigInput["hooks"];
  readonly #running = new Map<SiteName, { readonly watchdog: Watchdog; stop(): Promise<void> }>();
  readonly #sampling: NodeJS.Timeout;
  /** Runs beside each watchdog, and ends when the signal aborts. */
  readonly #beside: (parts: BesideParts) => Promise<void>;

  private constructor(
    etcd: EtcdCluster,
    directory: string,
    ports: readonly number[],
    beside: (parts: BesideParts) => Promise<void>,
    hooks: WatchdogConfigInput["hooks"],
  ) {
    this.#hooks = hooks;
    this.#beside = beside;
    this.etcd = etcd;
    this.#directory = directory;
    this.#ports = ports;
    this.#sampling = setInterval(() => {
      const [gra, bhs] = [this.routers.gra.openTo(), this.routers.bhs.openTo()];
      if (gra !== null && bhs !== null && gra !== bhs) this.overlaps.push(`${gra} and ${bhs}`);
      if (gra === null) this.refusals.push(Date.now());
    }, 5);
  }

  static async start(
    { hooks, ...options }: SeveralOptions = {},
    beside: (parts: BesideParts) => Promise<void> = () => Promise.resolve(),
  ): Promise<SeveralWatchdogs> {
    const etcd = await EtcdCluster.start(options);
    const directory = await mkdtemp(path.join(tmpdir(), "es-failover-several-"));
    const all = new SeveralWatchdogs(etcd, directory, await freePorts(sites.length), beside, hooks);
    for (const site of sites) await all.startOne(site);
    return all;
  }

  async startOne(site: SiteName): Promise<void> {
    const config = await this.#configOf(site);
    const { failsafe } = config;
    if (failsafe === null) throw new Error("unreachable");
    const connection = await connectStore(config, silent);
    const tls = await readTls(failsafe);
    const peers = failsafePeers(tls, failsafe.timeoutMs);
    const watchdog = createWatchdog({
      config,
      clusters: { gra: this.clusters.gra.port(), bhs: this.clusters.bhs.port() },
      salvage: noSalvage,
      store: connection.store,
      operatorStore: connection.operatorStore,
      coordination: connection.coordination,
      peers,
      copy: createRecordCopy(path.join(this.#directory, `${site}-copy.json`)),
      router: site === "witness" ? null : this.routers[site].port(site),
      hooks: hookPrograms,
      clock: systemClock,
      log: silent,
    });
    const answer = (question: Parameters<Watchdog["answerFailsafe"]>[0]) => watchdog.answerFailsafe(question);
    const server = await serveFailsafe({ listen: failsafe.listen, tls, answer });
    const end = new AbortController();
    const running = watchdog.run(end.signal);
    const beside = this.#beside({ config, watchdog, connection, signal: end.signal });
    this.#running.set(site, {
      watchdog,
      stop: async () => {
        end.abort();
        await running;
        await beside;
        await server.close();
        peers.close();
        connection.close();
        this.#running.delete(site);
      },
    });
  }

  async stopOne(site: SiteName): Promise<void> {
    await this.#running.get(site)?.stop();
  }

  watchdog(site: SiteName): Watchdog {
    const running = this.#running.get(site);
    if (running === undefined) throw new Error(`the watchdog of ${site} does not run`);
    return running.watchdog;
  }

  status(site: SiteName): WatchdogStatus | undefined {
    return this.#running.get(site)?.watchdog.status();
  }

  /** As the first watchdog that runs knows it. */
  record(): StateRecord | null {
    return [...this.#running.values()][0]?.watchdog.status().record ?? null;
  }

  controller(): SiteName | undefined {
    return sites.find((site) => this.status(site)?.leadership.leading);
  }

  /** null: both are closed. */
  bothOpenTo(region: string | null): boolean {
    return this.routers.gra.openTo() === region && this.routers.bhs.openTo() === region;
  }

  /** Waits for the first record, all members, and a standby in sync. */
  async untilSettled(): Promise<void> {
    await this.until("both routers are open", 40_000, () => this.bothOpenTo("gra"));
    await this.until("all three are members", 20_000, () => this.record()?.watchdogs.length === 3);
    await this.until("the standby is in sync", 20_000, () => {
      const now = this.record();
      return now?.phase === "serving" && now.standby === "in-sync";
    });
  }

  until(what: string, ms: number, condition: () => boolean): Promise<void> {
    return until(what, ms, () => Promise.resolve(condition()));
  }

  async stop(): Promise<void> {
    clearInterval(this.#sampling);
    await Promise.all([...this.#running.values()].map(({ stop }) => stop()));
    await this.etcd.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #configOf(site: SiteName): Promise<WatchdogConfig> {
    const { authority, credentials, endpoints } = this.etcd;
    const { certificate, key } = await authority.issue(site);
    const passwordFile = path.join(this.#directory, "password");
    await writeFile(passwordFile, credentials.password, { mode: 0o600 });
    const files = { caFile: authority.caFile, certificateFile: certificate, keyFile: key };
    const port = this.#ports[sites.indexOf(site)];
    return watchdogConfigSchema.parse({
      name: site,
      site,
      regions: { gra: { nodes: ["https://127.0.0.1:1"] }, bhs: { nodes: ["https://127.0.0.1:2"] } },
      firstPrimary: "gra",
      elasticsearch: { username: "unused", passwordFile, caFile: authority.caFile },
      replication: { patterns: ["logs-*"], intervalMs: 500 },
      hooks: this.#hooks,
      checks: { intervalMs: 500, timeoutMs: 400, failThreshold: 3, recoveryThreshold: 3 },
      store: {
        kind: "etcd",
        ...files,
        endpoints,
        username: credentials.username,
        passwordFile,
        hedgeAfterMs: 700,
        deadlineMs: 1_500,
      },
      leases: { ttlMs: 5_000, marginMs: 1_000 },
      failsafe: { ...files, listen: `127.0.0.1:${port}`, url: `https://127.0.0.1:${port}`, timeoutMs: 700 },
      router: site === "witness" ? null : { ticketValidityMs: 4_000, ticketRenewalMs: 1_000 },
      stateDirectory: this.#directory,
    });
  }
}
