import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../../lab/util/free-ports.ts";
import { until } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { failsafePeers } from "../../watchdog/adapters/failsafe/client.ts";
import { serveFailsafe } from "../../watchdog/adapters/failsafe/server.ts";
import { readFailsafeTls } from "../../watchdog/adapters/failsafe/tls.ts";
import { createRecordCopy } from "../../watchdog/adapters/file-store/store.ts";
import { connectStore } from "../../watchdog/app/store.ts";
import { type WatchdogConfig, watchdogConfigSchema } from "../../watchdog/config/schema.ts";
import { createWatchdog, type Watchdog } from "../../watchdog/controller/watchdog.ts";
import { type Cluster, ClusterError } from "../../watchdog/core/ports/cluster.ts";
import type { Router } from "../../watchdog/core/ports/router.ts";
import type { Salvage } from "../../watchdog/core/ports/salvage.ts";
import type { AutoFollowPattern } from "../../watchdog/core/state/cluster.ts";
import type { Logger } from "../../watchdog/util/logger.ts";
import { EtcdCluster, etcdCommand } from "./support/etcd-cluster.ts";

const skipped = (await etcdCommand()) === null;
const sites = ["gra", "bhs", "witness"] as const;

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
          : {
              reachable: true,
              clusterUuid: region,
              version: "9.5.3",
              master: "node-1",
              status: "green",
              redIndices: [],
              copyingIndices: [],
              nodes: 3,
            },
      readiness: () =>
        ask({
          licence: { type: "trial", active: true, allowsCcr: true },
          version: "9.5.3",
          remote: { configured: true, connected: true },
          nodesLowOnDisk: [],
          readOnly: false,
        }),
      indices: none,
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
      pauseFollow: nothing,
      resumeFollow: nothing,
      unfollow: nothing,
      closeIndices: nothing,
      openIndices: nothing,
      setWriteBlock: nothing,
      liftFollowerBlocks: nothing,
      uuids: () => ask(new Map()),
      deleteIndices: nothing,
      setWriteIndex: nothing,
      dataStreams: none,
      promoteDataStream: nothing,
      rolloverDataStream: nothing,
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
      state: async () => ({ tickets: this.#ticket === null ? [] : [this.#ticket], servers: [] }),
    };
  }
}

const noSalvage: Salvage = {
  export: () => Promise.reject(new Error("there is nothing to salvage")),
  authorizeDelete: () => Promise.reject(new Error("there is nothing to salvage")),
};
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe.skipIf(skipped)("three watchdogs on real etcd (skipped where set-up has not brought etcd)", () => {
  let etcd: EtcdCluster;
  let directory: string;
  const clusters = { gra: new EmptyCluster("gra"), bhs: new EmptyCluster("bhs") };
  const routers = { gra: new TicketHolder(), bhs: new TicketHolder() };
  const watchdogs = new Map<string, { readonly watchdog: Watchdog; stop(): Promise<void> }>();
  /** Pairs of regions that were open at the same time, sampled every 5 ms. */
  const overlaps: string[] = [];
  const refusals: number[] = [];
  let watching: NodeJS.Timeout;

  const configOf = async (site: string, port: number | undefined): Promise<WatchdogConfig> => {
    const { certificate, key } = await etcd.authority.issue(site);
    const passwordFile = path.join(directory, "password");
    await writeFile(passwordFile, etcd.credentials.password, { mode: 0o600 });
    const files = { caFile: etcd.authority.caFile, certificateFile: certificate, keyFile: key };
    return watchdogConfigSchema.parse({
      name: site,
      site,
      regions: { gra: { nodes: ["https://127.0.0.1:1"] }, bhs: { nodes: ["https://127.0.0.1:2"] } },
      firstPrimary: "gra",
      elasticsearch: { username: "unused", passwordFile, caFile: etcd.authority.caFile },
      replication: { patterns: ["logs-*"], intervalMs: 500 },
      checks: { intervalMs: 500, timeoutMs: 400, failThreshold: 3, recoveryThreshold: 3 },
      store: {
        kind: "etcd",
        ...files,
        endpoints: etcd.endpoints,
        username: etcd.credentials.username,
        passwordFile,
        hedgeAfterMs: 700,
        deadlineMs: 1_500,
      },
      leases: { ttlMs: 5_000, marginMs: 1_000 },
      failsafe: { ...files, listen: `127.0.0.1:${port}`, url: `https://127.0.0.1:${port}`, timeoutMs: 700 },
      router: site === "witness" ? null : { ticketValidityMs: 4_000, ticketRenewalMs: 1_000 },
      stateDirectory: directory,
    });
  };

  const start = async (config: WatchdogConfig): Promise<void> => {
    const { name, failsafe } = config;
    if (failsafe === null) throw new Error("unreachable");
    const connection = await connectStore(config, silent);
    const tls = await readFailsafeTls(failsafe);
    const peers = failsafePeers(tls, failsafe.timeoutMs);
    const watchdog = createWatchdog({
      config,
      clusters: { gra: clusters.gra.port(), bhs: clusters.bhs.port() },
      salvage: noSalvage,
      store: connection.store,
      operatorStore: connection.operatorStore,
      coordination: connection.coordination,
      peers,
      copy: createRecordCopy(path.join(directory, `${name}-copy.json`)),
      router: name === "gra" || name === "bhs" ? routers[name].port(name) : null,
      clock: systemClock,
      log: silent,
    });
    const answer = (question: Parameters<Watchdog["answerFailsafe"]>[0]) => watchdog.answerFailsafe(question);
    const server = await serveFailsafe({ listen: failsafe.listen, tls, answer });
    const end = new AbortController();
    const running = watchdog.run(end.signal);
    watchdogs.set(name, {
      watchdog,
      stop: async () => {
        end.abort();
        await running;
        await server.close();
        peers.close();
        connection.close();
        watchdogs.delete(name);
      },
    });
  };

  const status = (name: string) => watchdogs.get(name)?.watchdog.status();
  const record = () => [...watchdogs.values()][0]?.watchdog.status().record ?? null;
  const bothOpenTo = (region: string) => routers.gra.openTo() === region && routers.bhs.openTo() === region;

  beforeAll(async () => {
    etcd = await EtcdCluster.start();
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-several-"));
    const ports = await freePorts(sites.length);
    for (const [n, site] of sites.entries()) await start(await configOf(site, ports[n]));
    watching = setInterval(() => {
      const [gra, bhs] = [routers.gra.openTo(), routers.bhs.openTo()];
      if (gra !== null && bhs !== null && gra !== bhs) overlaps.push(`${gra} and ${bhs}`);
      if (gra === null) refusals.push(Date.now());
    }, 5);
  });
  afterAll(async () => {
    clearInterval(watching);
    await Promise.all([...watchdogs.values()].map(({ stop }) => stop()));
    await etcd?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test("agree on a first record with all of them as members and on one controller, and open both routers", async () => {
    await until("both routers are open", 40_000, () => Promise.resolve(bothOpenTo("gra")));
    await until("all three are known", 20_000, () => Promise.resolve(record()?.watchdogs.length === 3));
    await until("the standby is in sync", 20_000, () => {
      const now = record();
      return Promise.resolve(now?.phase === "serving" && now.standby === "in-sync");
    });
    const leading = sites.filter((site) => status(site)?.leadership.leading);
    expect(leading).toHaveLength(1);
    for (const site of sites) {
      expect(status(site)?.leadership.leader).toBe(leading[0]);
      expect(
        status(site)
          ?.sightings.map(({ watchdog }) => watchdog)
          .toSorted(),
      ).toEqual(["bhs", "gra", "witness"]);
    }
  });

  test("continue by failsafe grants without etcd, and with etcd when it returns, without a refused request", async () => {
    const sinceMs = Date.now();
    await Promise.all(etcd.members.map((member) => member.kill()));
    await until("failsafe is asked", 20_000, () => Promise.resolve(status("gra")?.failsafe?.lastAskedAtMs != null));
    // Longer than any lease or ticket from before lasts.
    await until("failsafe is asked for 8 s", 20_000, () =>
      Promise.resolve((status("gra")?.failsafe?.lastAskedAtMs ?? 0) > sinceMs + 8_000),
    );
    expect(status("gra")?.failsafe).toMatchObject({ fault: null, answers: [{ agrees: true }, { agrees: true }] });
    expect(bothOpenTo("gra")).toBe(true);
    await etcd.heal();
    await until("the store answers again", 20_000, () => Promise.resolve(status("gra")?.store.reachable === true));
    await until("routers hold leases again", 20_000, () =>
      Promise.resolve(sites.some((site) => status(site)?.leases?.length === 2)),
    );
    expect(refusals.filter((atMs) => atMs >= sinceMs)).toEqual([]);
  });

  test("have a new controller at once when the old one is stopped, and fail over together", async () => {
    const leader = sites.find((site) => status(site)?.leadership.leading) ?? "gra";
    await watchdogs.get(leader)?.stop();
    await until("another one decides", 10_000, () =>
      Promise.resolve(sites.some((site) => site !== leader && status(site)?.leadership.leading)),
    );
    clusters.gra.isLost = true;
    await until("bhs serves", 60_000, () => {
      const now = record();
      return Promise.resolve(now?.phase === "serving" && now.active === "bhs");
    });
    const open = (["gra", "bhs"] as const).filter((site) => site !== leader);
    await until("routers open to bhs", 15_000, () =>
      Promise.resolve(open.every((site) => routers[site].openTo() === "bhs")),
    );
    expect(overlaps).toEqual([]);
  });
});
