import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { roleDefinitions, users } from "../../infra/elasticsearch/users.ts";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import {
  createElasticsearchCluster,
  type ElasticsearchCluster,
} from "../../watchdog/adapters/elasticsearch/cluster.ts";
import {
  createElasticsearchDocuments,
  type ElasticsearchDocuments,
} from "../../watchdog/adapters/elasticsearch/documents.ts";
import { createFileStore, createRecordCopy } from "../../watchdog/adapters/file-store/store.ts";
import { profiles } from "../../watchdog/config/profiles.ts";
import { watchdogConfigSchema } from "../../watchdog/config/schema.ts";
import { createWatchdog, type Watchdog } from "../../watchdog/controller/watchdog.ts";
import type { Router, RoutingTicket } from "../../watchdog/core/ports/router.ts";
import type { Salvage } from "../../watchdog/core/ports/salvage.ts";
import type { Store } from "../../watchdog/core/ports/store.ts";
import type { ServingRecord, StateRecord } from "../../watchdog/core/state/record.ts";
import { previewReplay, replaySalvage } from "../../watchdog/salvage/commands.ts";
import { freeBytes } from "../../watchdog/salvage/export/room.ts";
import { listSalvages } from "../../watchdog/salvage/exports.ts";
import { createSalvage, salvageRoot } from "../../watchdog/salvage/salvage.ts";
import type { Logger } from "../../watchdog/util/logger.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";

/**
 * A failover, the return of the old primary and the failback, on two real clusters that replicate, with the file store
 * and salvage in real files. The router is a variable, because the clients need no HAProxy. The tests build on each other.
 */

const patterns = ["orders*"];
const credentials = { username: users.watchdog.name, password: "return-test-password" };
const application = { username: users.app.name, password: "return-test-app-password" };

let pair: ClusterPair;
let directory: string;
let site: Site;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-return-"));
  pair = await borrowClusterPair();
  await Promise.all([pair.gra, pair.bhs].map(createUsers));
  for (const index of ["orders-1", "orders-2"]) {
    await pair.gra.call("PUT", `/${index}`, {
      body: { settings: { number_of_shards: 2, number_of_replicas: 0 }, aliases: aliasesOf(index) },
    });
  }
  site = new Site();
  site.start();
  await site.untilServing("gra", "in-sync");
  // The first run on a machine builds the lab's Elasticsearch as well.
}, 600_000);

afterAll(async () => {
  await site?.stop();
  await pair?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe("a failover and the way back", () => {
  const onlyOnGra = ["stray-1", "stray-2", "stray-3"];

  test("a lost primary leads to a failover under load", async () => {
    site.traffic.start();
    await eventually("50 writes are acknowledged", 60_000, () => site.traffic.acknowledged.size > 50);
    await pair.gra.freeze();
    await site.untilServing("bhs");
    await site.traffic.next(20);
    expect((await site.record()).lastFailover).toMatchObject({ kind: "failover", from: "gra", to: "bhs" });
  });

  test("a region that returns with writes of its own is fenced, salvaged, emptied, and in sync again", async () => {
    await pair.gra.thaw();
    // Written past the routers before gra is fenced: only gra has these.
    for (const id of onlyOnGra) {
      await pair.gra.call("PUT", `/orders-2/_doc/${id}`, { body: { n: 1 }, as: application });
    }
    await pair.gra.call("PUT", "/orders-local/_doc/local", { body: { n: 1 }, as: application });
    await site.untilServing("bhs", "in-sync");
    const { lastFailover, writeBlocks } = await site.record();
    expect(lastFailover?.rejoinedAtMs).not.toBeNull();
    expect(writeBlocks).toBeNull();
    expect(await followersOf(pair.gra)).toEqual(["orders-1", "orders-2"]);
    expect((await pair.gra.rest("GET", "/orders-local")).status).toBe(404);
    expect(site.states).toEqual(["absent", "fencing", "salvaging", "following", "in-sync"]);
    const [exported] = await listSalvages(salvageRoot(directory));
    expect(exported).toMatchObject({ name: "3-gra", state: "exported" });
    expect(exported?.totals.operations).toBeGreaterThanOrEqual(onlyOnGra.length + 1);
  });

  test("a replay of the salvaged writes gives the active region every acknowledged write", async () => {
    const request = {
      root: salvageRoot(directory),
      name: "3-gra",
      active: { ...site.documents.bhs, region: "bhs", probe: site.clusters.bhs.probe },
      choice: { classes: ["missing" as const], includeMayBeDeleted: false },
    };
    const { id } = await previewReplay(request, Date.now);
    const { outcomes } = await replaySalvage(request, id);
    expect(outcomes).toMatchObject({ failed: 0, changed: 0 });
    expect(await missingFrom(pair.bhs, [...site.traffic.acknowledged, ...onlyOnGra])).toEqual([]);
    // The replay has created the index that only gra had. Until gra has all of it, no switchover is possible.
    await eventually("gra could replace all three indices", 60_000, async () => {
      const { count, of } = site.watchdog?.status().replication?.protectedIndices ?? {};
      return count === 3 && of === 3;
    });
  });

  test("a switchover back under load loses nothing", async () => {
    expect(
      await site.watchdog?.command({ kind: "switchover", to: "gra", force: false, reason: null }, "alice"),
    ).toMatchObject({ accepted: true });
    await site.untilServing("gra");
    await site.traffic.next(20);
    await site.untilServing("gra", "in-sync");
    const longestPauseMs = await site.traffic.stop();
    console.log(
      `${site.traffic.acknowledged.size} acknowledged writes; writers waited ${longestPauseMs.failover} ms in the failover, ` +
        `${longestPauseMs.switchover} ms in the switchover`,
    );
    expect((await site.record()).lastFailover).toMatchObject({ kind: "switchover", loss: { atLeast: 0, atMost: 0 } });
    await eventually(
      "bhs has all",
      15_000,
      async () => (await missingFrom(pair.bhs, [...site.traffic.acknowledged])).length === 0,
    );
    expect(await missingFrom(pair.gra, [...site.traffic.acknowledged, ...onlyOnGra])).toEqual([]);
    expect(await followersOf(pair.bhs)).toEqual(["orders-1", "orders-2", "orders-local"]);
    // Nothing to salvage: every shard of bhs ended where gra's copy of it began.
    const last = (await listSalvages(salvageRoot(directory))).at(-1);
    expect(last).toMatchObject({ name: "5-bhs", state: "exported", totals: { operations: 0 } });
  });

  test("a promoted follower leaves no retention lease on a leader that was reachable", async () => {
    const leases = async (cluster: TestCluster, follower: string) => {
      const { indices } = await cluster.call("GET", "/orders-1,orders-2/_stats?level=shards");
      return JSON.stringify(indices).match(new RegExp(`${follower}/orders-[^"]*-following-`, "g")) ?? [];
    };
    expect(await leases(pair.bhs, "gra")).toEqual([]);
    expect((await leases(pair.gra, "bhs")).length).toBeGreaterThan(0);
  });
});

/** A watchdog with real clusters, store and files, and clients of the region that it routes to. */
class Site {
  readonly clusters: Readonly<Record<"gra" | "bhs", ElasticsearchCluster>>;
  readonly documents: Readonly<Record<"gra" | "bhs", ElasticsearchDocuments>>;
  readonly traffic: Writers;
  readonly #stop = new AbortController();
  readonly #store = createFileStore({
    directory: path.join(directory, "store"),
    clock: systemClock,
    leaseTtlMs: 10_000,
    routers: ["site"],
  });
  #ticket: RoutingTicket | null = null;
  #running: Promise<void> = Promise.resolve();
  watchdog: Watchdog | null = null;
  readonly log: string[] = [];
  /** The states of the standby since the last change of the active region, each once. */
  states: string[] = [];

  constructor() {
    this.clusters = { gra: connect(pair.gra), bhs: connect(pair.bhs) };
    this.documents = { gra: connectDocuments(pair.gra), bhs: connectDocuments(pair.bhs) };
    this.traffic = new Writers(() => {
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
      config: configOf(),
      clusters: this.clusters,
      store,
      copy: createRecordCopy(path.join(directory, "record-copy.json")),
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

  #note(record: StateRecord): void {
    if (record.phase !== "serving") this.states = [];
    else if (this.states.at(-1) !== record.standby) this.states.push(record.standby);
  }

  #salvage(): Salvage {
    const root = salvageRoot(directory);
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
      state: async () => ({ tickets: this.#ticket === null ? [] : [this.#ticket], servers: [] }),
    };
  }

  #logger(): Logger {
    const line = (_fields: Readonly<Record<string, unknown>>, message: string) => this.log.push(message);
    return { debug: () => {}, info: line, warn: line, error: line };
  }
}

/** Two writers that send one request after the other. Each id is written once, and counts once acknowledged. */
class Writers {
  readonly acknowledged = new Set<string>();
  readonly #target: () => TestCluster | null;
  readonly #stop = new AbortController();
  readonly #writers: Promise<void>[] = [];
  /** Times of the acknowledgements, in order. */
  readonly #times: number[] = [];

  constructor(target: () => TestCluster | null) {
    this.#target = target;
  }

  start(): void {
    for (const name of ["a", "b"]) this.#writers.push(this.#write(name));
  }

  /** Waits for this many further acknowledged writes. */
  async next(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    await eventually(`${count} more writes are acknowledged`, 60_000, () => this.acknowledged.size >= wanted);
  }

  /** Ends the load. @returns the longest and second longest times without an acknowledged write */
  async stop(): Promise<{ readonly failover: number; readonly switchover: number }> {
    this.#stop.abort();
    await Promise.all(this.#writers);
    const pauses = this.#times.slice(1).map((atMs, n) => atMs - (this.#times[n] ?? atMs));
    const [failover = 0, switchover = 0] = pauses.toSorted((a, b) => b - a);
    return { failover: Math.round(failover), switchover: Math.round(switchover) };
  }

  async #write(name: string): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n += 1) {
      const id = `${name}-${n}`;
      const cluster = this.#target();
      // Through the alias, like applications: it must have a write index after each change.
      const path = `/orders/_create/${id}`;
      const answer = await cluster
        ?.rest("PUT", path, { body: { n }, as: application, timeoutMs: 2_000 })
        .catch(() => null);
      if (answer?.status === 201) {
        this.acknowledged.add(id);
        this.#times.push(performance.now());
      }
      await delay(20);
    }
  }
}

const aliasesOf = (index: string) => ({ orders: { is_write_index: index === "orders-2" } });

function configOf() {
  return watchdogConfigSchema.parse({
    name: "site",
    site: "bhs",
    regions: { gra: { nodes: pair.gra.urls }, bhs: { nodes: pair.bhs.urls } },
    firstPrimary: "gra",
    elasticsearch: { username: credentials.username, passwordFile: "/unused", caFile: "/unused" },
    replication: { patterns, intervalMs: 1_000 },
    checks: profiles.fast.checks,
    store: { kind: "file", directory: "/unused" },
    router: {},
    stateDirectory: directory,
  });
}

async function createUsers(cluster: TestCluster): Promise<void> {
  for (const [role, body] of Object.entries(roleDefinitions(patterns))) {
    await cluster.call("PUT", `/_security/role/${role}`, { body });
  }
  const user = (name: string, password: string, role: string) =>
    cluster.call("PUT", `/_security/user/${name}`, { body: { password, roles: [role] } });
  await user(credentials.username, credentials.password, users.watchdog.role);
  await user(application.username, application.password, users.app.role);
}

const nodesOf = ({ name, urls, caFile }: TestCluster) => ({ region: name, nodes: urls, ...credentials, caFile });

function connect(cluster: TestCluster): ElasticsearchCluster {
  const timeouts = { requestTimeoutMs: 10_000, probeTimeoutMs: 800, unfollowTimeoutMs: 15_000 };
  return createElasticsearchCluster({ ...nodesOf(cluster), ...timeouts, managed: { patterns, exclusions: [] } });
}

const connectDocuments = (cluster: TestCluster): ElasticsearchDocuments =>
  createElasticsearchDocuments({ ...nodesOf(cluster), requestTimeoutMs: 30_000 });

/** Ids that a cluster lacks. */
async function missingFrom(cluster: TestCluster, ids: readonly string[]): Promise<readonly string[]> {
  await cluster.call("POST", "/orders/_refresh");
  const found = await cluster.call("GET", "/orders/_search", { body: { size: 10_000, _source: false } });
  const there = new Set((found.hits.hits as { _id: string }[]).map(({ _id }) => _id));
  return ids.filter((id) => !there.has(id));
}

async function followersOf(cluster: TestCluster): Promise<readonly string[]> {
  const { follower_indices } = await cluster.call("GET", "/_all/_ccr/info");
  return (follower_indices as { follower_index: string }[]).map(({ follower_index }) => follower_index).sort();
}
