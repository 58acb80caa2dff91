import { profiles } from "../../../watchdog/config/profiles.ts";
import {
  defaultRouterSettings,
  type RouterSettings,
  type WatchdogConfig,
  type WatchdogConfigInput,
  watchdogConfigSchema,
} from "../../../watchdog/config/schema.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import type { ChangeRequest } from "../../../watchdog/core/state/record.ts";
import { checkWrite } from "../judge/invariants.ts";
import { namedRegions } from "./endpoints.ts";
import { Disk } from "./file-store.ts";
import { type CreateWatchdog, leaderBy, SimRegions } from "./regions.ts";
import { SimRouter } from "./router.ts";
import { SimSalvage } from "./salvage.ts";
import { Host, Process, World } from "./world.ts";

const configInput: WatchdogConfigInput = {
  name: "bhs-haproxy-1",
  site: "bhs",
  regions: { gra: { nodes: ["https://192.168.1.11:9200"] }, bhs: { nodes: ["https://192.168.2.11:9200"] } },
  firstPrimary: "gra",
  elasticsearch: {
    username: "es-failover",
    passwordFile: "/etc/es-failover/secrets/password",
    caFile: "/etc/es-failover/ca.crt",
    requestTimeoutMs: 2_000,
  },
  replication: { patterns: ["logs-*"], intervalMs: 2_000, maxLagOperations: 50, maxReadAgeMs: 15_000 },
  checks: profiles.fast.checks,
  promotion: { drainTimeoutMs: 4_000, unfollowTimeoutMs: 3_000, batchSize: 2, parallelism: 2 },
  store: { kind: "file", directory: "/var/lib/es-failover" },
  router: {},
};

/** Two regions, one host with HAProxy and watchdog, and clients: everything on one virtual clock. */
export class SimSystem extends SimRegions {
  readonly routerSettings: RouterSettings = defaultRouterSettings;
  readonly host: Host;
  readonly router: SimRouter;
  readonly disk: Disk;
  readonly #create: CreateWatchdog;
  process: Process | null = null;
  watchdog: Watchdog | null = null;
  salvage: SimSalvage;
  /** Until then a clock that was set back may still be unnoticed: a second fault of the same host has to wait. */
  clockUnsettledUntilMs = 0;
  #writes = 0;

  constructor(
    seed: number,
    create: CreateWatchdog,
    change: (config: WatchdogConfig) => WatchdogConfig = (same) => same,
  ) {
    super(new World(seed), change(watchdogConfigSchema.parse(configInput)));
    this.#create = create;
    this.host = new Host(this.world);
    this.router = new SimRouter(this.world, this.host);
    this.disk = new Disk(this.world);
    this.salvage = new SimSalvage(this.world);
    this.disk.onWrite = (before, after, rule, process) => {
      checkWrite(this, before, after, process);
      this.highestEpoch = Math.max(this.highestEpoch, after.epoch);
      this.note(`record: ${rule} → ${after.phase} epoch ${after.epoch}`);
    };
  }

  namedRegions(): readonly string[] {
    return namedRegions([this]);
  }

  protected activeNow() {
    const record = this.disk.stored?.record;
    const active = record === undefined ? "gra" : leaderBy(record);
    return { active, isWell: this.cluster(active).isWell(), isDisturbed: false };
  }

  // --- the watchdog's process -------------------------------------------------------------------------------------

  startWatchdog(): void {
    const process = new Process(this.host);
    this.process = process;
    process.onDeath = () => {
      this.note("watchdog dies");
      this.restartWatchdogAfter(this.world.random.between(100, 15_000));
    };
    const clusters = Object.fromEntries(
      Object.entries(this.clusters).map(([region, cluster]) => [
        region,
        cluster.port(process, (name) => this.cluster(name)),
      ]),
    );
    this.watchdog = this.#create({
      config: this.config,
      clusters,
      salvage: this.salvage.port(process, (name) => this.cluster(name)),
      store: this.disk.store(process, this.config.name, this.config.leases.ttlMs),
      copy: this.disk.recordCopy(process),
      router: this.router.port(process, this.config.name),
      clock: process.clock(),
      log: this.logger(""),
    });
    this.watchdog.run(new AbortController().signal).catch((error: unknown) => {
      this.world.report("run", `the watchdog ended by itself: ${error instanceof Error ? error.stack : String(error)}`);
    });
    this.world.touch();
  }

  killWatchdog(): void {
    if (this.process?.isAlive) this.note("watchdog killed");
    this.process?.kill();
  }

  restartWatchdogAfter(delayMs: number): void {
    this.world.after(delayMs, () => {
      if (this.process?.isAlive) return;
      this.restarts += 1;
      this.note("watchdog starts");
      this.startWatchdog();
    });
  }

  // --- clients and operators --------------------------------------------------------------------------------------

  /**
   * One request of a client through the router; true when it was passed on. Now and then one is under way for a while:
   * it arrives although the router has closed since.
   */
  clientWrites(index: string): boolean {
    const region = this.router.route();
    if (region === null) return false;
    this.#writes += 1;
    const id = `${index}#${this.#writes}`;
    const arrive = () => {
      const isAcknowledged = this.cluster(region).write(index, id);
      if (isAcknowledged) this.ledger.push({ id, index, region, atMs: this.world.nowMs });
      return isAcknowledged;
    };
    if (!this.world.random.chance(0.05)) return arrive();
    this.world.after(this.world.random.between(1, 2_000), arrive);
    return true;
  }

  clientCreates(index: string, alias: string | null): boolean {
    const region = this.router.route();
    return region !== null && this.cluster(region).createIndex(index, alias);
  }

  /** Another host goes on, which has none of the exports. */
  loseSalvage(): void {
    this.salvage = new SimSalvage(this.world);
  }

  /** A region is built anew, with nothing in it. */
  wipe(region: string): void {
    for (const { operations } of this.cluster(region).indices.values()) {
      for (const id of operations) this.wiped.add(id);
    }
    this.cluster(region).wipe();
  }

  /** An operator asks for a change, as the command line does. */
  request(kind: ChangeRequest["kind"], to: string, force = false): boolean {
    const atMs = this.host.wallMs();
    const request = { kind, to, force, by: "alice", reason: null, atMs, validUntilMs: atMs + 30_000 };
    const isAsked = this.disk.command((record) => ({ ...record, request, sequence: record.sequence + 1 }));
    if (isAsked) this.note(`operator: ${kind} to ${to}${force ? " by force" : ""}`);
    return isAsked;
  }
}
