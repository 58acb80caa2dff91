import { execFile } from "node:child_process";
import { renameSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { fileUsersInput } from "../../infra/elasticsearch/users.ts";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import { startCluster } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { createElasticsearchCluster } from "../../watchdog/adapters/elasticsearch/cluster.ts";
import { failsafePeers } from "../../watchdog/adapters/failsafe/client.ts";
import { serveFailsafe } from "../../watchdog/adapters/failsafe/server.ts";
import { Renewals } from "../../watchdog/app/renewals.ts";
import { accessSource, credentialsSource, mutualTlsSource } from "../../watchdog/app/sources.ts";
import { users } from "../../watchdog/config/roles.ts";
import type { Live } from "../../watchdog/util/live.ts";
import { TestAuthority } from "./support/certificates.ts";
import { EtcdCluster } from "./support/etcd-cluster.ts";

/** Passwords, CAs and certificates that are rotated while connections by them are in use, without a restart. */

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const LOOK_MS = 100;

let directory: string;
let renewals: Renewals;
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-renewal-"));
  renewals = new Renewals(silent, LOOK_MS);
  stop = new AbortController();
  running = renewals.run(systemClock, stop.signal);
});
afterEach(async () => {
  stop.abort();
  await running;
  await rm(directory, { recursive: true, force: true });
});

const at = (name: string) => path.join(directory, name);
const secret = (name: string, ...lines: readonly string[]) =>
  writeFile(at(name), `${lines.join("\n")}\n`, { mode: 0o600 });

/** Resolves once the value is replaced. */
const renewed = <T>(live: Live<T>) => new Promise<void>((resolve) => live.listen(() => resolve()));

/** Calls again and again; `end` gives every failure. */
function calling(call: () => Promise<string | null>) {
  const failures: string[] = [];
  let calls = 0;
  const ended = new AbortController();
  const loop = (async () => {
    while (!ended.signal.aborted) {
      const failure = await call().catch((error: unknown) => String(error));
      if (failure !== null) failures.push(failure);
      calls += 1;
      await delay(20);
    }
  })();
  return {
    failures,
    /** Waits until several more calls have been made. */
    more: async () => {
      const from = calls;
      await eventually("several more calls", 120_000, async () => calls > from + 5);
    },
    end: async () => {
      ended.abort();
      await loop;
      return failures;
    },
  };
}

/** The certificate that a server on this machine shows now, as its serial number. */
function served(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("Elasticsearch", () => {
  let cluster: TestCluster;
  let config = "";
  const authority = createTestAuthority("old CA");

  const writeUsers = (watchdog: string) =>
    new Promise<void>((resolve, reject) => {
      const script = path.join(import.meta.dirname, "..", "..", "infra", "elasticsearch", "file-users.py");
      const passwords = { watchdog, haproxyCheck: "check-password", app: "application-password" };
      const options = { directory: config, group: "root", patterns: ["orders*"] };
      const child = execFile(script, (error) => (error === null ? resolve() : reject(error)));
      child.stdin?.end(fileUsersInput(options, passwords));
    });

  beforeAll(async () => {
    const configure = async (node: string) => {
      config = node;
      await writeUsers("old");
    };
    const settings = { "resource.reload.interval.high": "1s" };
    cluster = await startCluster({ name: "gra", configure, settings, authority: await authority });
  });
  afterAll(() => cluster?.stop());

  async function region() {
    const { name: username } = users.watchdog;
    const secret = { key: "elasticsearch.passwordFile", file: at("password") };
    const ca = { key: "elasticsearch.caFile", file: at("ca.crt") };
    const credentials = { kind: "password", username, secret } as const;
    const access = await renewals.add(accessSource("elasticsearch", { credentials, ca }));
    return createElasticsearchCluster({
      ...{ region: "gra", nodes: cluster.urls, access },
      ...{ requestTimeoutMs: 20_000, probeTimeoutMs: 20_000, unfollowTimeoutMs: 20_000 },
      managed: { patterns: ["orders*"], exclusions: [] },
    });
  }

  test("a password is rotated: with both in the file no probe fails, whenever the nodes change to the new one", async () => {
    await writeFile(at("ca.crt"), cluster.ca);
    await secret("password", "old");
    const gra = await region();
    const probes = calling(async () => {
      const probe = await gra.probe();
      return probe.reachable ? null : probe.error;
    });
    await probes.more();
    await secret("password", "new", "old");
    await probes.more();
    await writeUsers("new");
    const as = { username: users.watchdog.name, password: "old" };
    await eventually("the node takes the new password alone", 60_000, async () => {
      return (await cluster.rest("GET", "/_security/_authenticate", { as })).status === 401;
    });
    await probes.more();
    await secret("password", "new");
    await probes.more();
    expect(await probes.end()).toEqual([]);

    // Without the other one, refusals are told apart from a loss.
    await writeUsers("another");
    await eventually("the user is refused", 60_000, async () => {
      const probe = await gra.probe();
      return !probe.reachable && probe.kind === "unauthorized";
    });
    await secret("password", "another");
    await eventually("the changed file is in use", 60_000, async () => (await gra.probe()).reachable);
    await gra.close();
    await writeUsers("old");
  });

  test("certificate and CA are rotated: a bundle of both CAs is accepted, and no probe fails", async () => {
    const port = Number(new URL(cluster.urls[0] ?? "").port);
    const names = { ips: ["127.0.0.1"], hosts: ["localhost"] };
    const next = await createTestAuthority("new CA");
    const original = await Promise.all(
      ["node.crt", "node.key"].map((file) => readFile(path.join(config, "certs", file))),
    );
    await writeFile(at("ca.crt"), cluster.ca);
    await secret("password", "old");
    const as = { username: users.watchdog.name, password: "old" };
    await eventually("the node has the password", 60_000, async () => {
      return (await cluster.rest("GET", "/_security/_authenticate", { as })).status === 200;
    });
    const gra = await region();
    const probes = calling(async () => {
      // Every probe of a new client is by a new connection.
      const fresh = await region();
      const both = await Promise.all([gra.probe(), fresh.probe()]);
      await fresh.close();
      return both.find(({ reachable }) => !reachable) === undefined ? null : JSON.stringify(both);
    });
    await probes.more();
    await writeFile(at("ca.crt"), cluster.ca + next.certificate);
    const before = await served(port);
    const { certificate, key } = await next.issue("gra-1", names);
    await writeFile(path.join(config, "certs", "node.key"), key);
    await writeFile(path.join(config, "certs", "node.crt"), certificate);
    await eventually("the node shows its new certificate", 60_000, async () => (await served(port)) !== before);
    await probes.more();
    await writeFile(at("ca.crt"), next.certificate);
    await probes.more();
    expect(await probes.end()).toEqual([]);

    await writeFile(at("ca.crt"), "no certificate\n");
    await eventually("the unusable file is reported", 20_000, async () =>
      renewals.problems().some((problem) => /those of before go on: .*holds no certificate/.test(problem)),
    );
    expect(await gra.probe()).toMatchObject({ reachable: true });
    await writeFile(at("ca.crt"), next.certificate);
    await eventually("nothing is reported any more", 20_000, async () => renewals.problems().length === 0);
    await gra.close();
    const [crt, own] = original;
    if (crt !== undefined && own !== undefined) {
      await writeFile(path.join(config, "certs", "node.key"), own);
      await writeFile(path.join(config, "certs", "node.crt"), crt);
    }
  });
});

describe("etcd", () => {
  let cluster: EtcdCluster;
  beforeAll(async () => {
    cluster = await EtcdCluster.start();
  });
  afterAll(() => cluster?.stop());

  test("password and certificates are rotated, and no call fails", async () => {
    const { username, password: old } = cluster.credentials;
    const files = { caFile: at("ca.crt"), certificateFile: at("own.crt"), keyFile: at("own.key") };
    const issue = async (name: string) => {
      const { certificate, key } = await cluster.authority.issue(name);
      await copyFile(key, files.keyFile);
      await copyFile(certificate, files.certificateFile);
    };
    await copyFile(cluster.authority.caFile, files.caFile);
    await issue("first");
    await secret("password", old);
    const tls = await renewals.add(mutualTlsSource("store", files));
    const credentials = await renewals.add(credentialsSource("store", { username, passwordFile: at("password") }));
    const client = cluster.client({ tls, credentials });
    const reads = calling(async () => {
      await client.get("/es-failover/text");
      return null;
    });
    await reads.more();

    const knowsBoth = renewed(credentials);
    await secret("password", old, "new");
    await knowsBoth;
    const root = cluster.client({ credentials: cluster.rootCredentials });
    const change = { path: "auth/user/changepw", body: { name: username, password: "new" }, answer: z.unknown() };
    await root.call({ what: "password", effect: "once", ...change });
    await reads.more();
    const knowsNew = renewed(credentials);
    await secret("password", "new");
    await knowsNew;
    await reads.more();

    const showsSecond = renewed(tls);
    await issue("second");
    await showsSecond;
    // The member's own certificate, which it reads again for each connection.
    const { certificate, key } = await cluster.authority.issue("next-member");
    const ofMembers = (file: string) => path.join(path.dirname(certificate), file);
    // At once: a member that reads one of them before the other one is there refuses every handshake.
    renameSync(key, ofMembers("member.key"));
    renameSync(certificate, ofMembers("member.crt"));
    const other = await TestAuthority.create(directory, "next-ca");
    const trustsBoth = renewed(tls);
    await writeFile(files.caFile, (await cluster.authority.ca()) + (await other.ca()));
    await trustsBoth;
    await reads.more();
    expect(await reads.end()).toEqual([]);
    expect(renewals.problems()).toEqual([]);
    await root.call({ what: "password", effect: "once", ...change, body: { name: username, password: old } });
  });
});

test("watchdogs change to another CA one after the other by a bundle of both, and grant each other failsafe all the time", async () => {
  const [old, next] = [await TestAuthority.create(directory, "old"), await TestAuthority.create(directory, "next")];
  const site = async (name: string) => {
    const files = {
      caFile: at(`${name}-ca.crt`),
      certificateFile: at(`${name}.own.crt`),
      keyFile: at(`${name}.own.key`),
    };
    const trust = async (...authorities: readonly TestAuthority[]) => {
      const cas = await Promise.all(authorities.map((authority) => authority.ca()));
      await writeFile(files.caFile, cas.join(""));
    };
    const show = async (authority: TestAuthority) => {
      const { certificate, key } = await authority.issue(`${name}-${authority === old ? "1" : "2"}`);
      await copyFile(key, files.keyFile);
      await copyFile(certificate, files.certificateFile);
    };
    await trust(old);
    await show(old);
    const source = await renewals.add(mutualTlsSource("failsafe", files));
    return { trust, show, tls: source.map(({ ca, certificate: cert, key }) => ({ ca, cert, key })) };
  };
  const [gra, bhs] = [await site("gra"), await site("bhs")];
  const server = await serveFailsafe({
    listen: "127.0.0.1:0",
    tls: gra.tls,
    answer: () => ({ agrees: false, watchdog: "gra", reason: "it is a test" }),
  });
  const asks = calling(async () => {
    // A new client each time: it makes a connection by the certificates of now.
    const peers = failsafePeers(bhs.tls, 5_000);
    await peers.ask(`https://127.0.0.1:${server.port}`, { watchdog: "bhs", epoch: 1, validForMs: 1 });
    peers.close();
    return null;
  });
  await asks.more();
  const change = async (site: typeof gra, make: () => Promise<void>) => {
    const inUse = renewed(site.tls);
    await make();
    await inUse;
    await asks.more();
  };
  for (const site of [gra, bhs]) await change(site, () => site.trust(old, next));
  for (const site of [gra, bhs]) await change(site, () => site.show(next));
  for (const site of [bhs, gra]) await change(site, () => site.trust(next));
  expect(await asks.end()).toEqual([]);
  await server.close();
});
