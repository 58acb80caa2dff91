import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { sendCommand } from "../../watchdog/adapters/haproxy/runtime-api.ts";
import type { AnswersInput } from "../../watchdog/adoption/answers.ts";
import type { AdoptionPlan } from "../../watchdog/adoption/plan.ts";
import { profiles } from "../../watchdog/config/profiles.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { haproxyCommand, haproxyMissing } from "./haproxy-process.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { bulk, documentsOf } from "./support/ccr.ts";
import { TestAuthority } from "./support/certificates.ts";
import { runProgram } from "./support/run-program.ts";

/**
 * Two clusters and a HAProxy that were set up by hand, from `es-failover init` to a failover, in the order of docs/adoption.md. bhs
 * follows gra by a remote cluster named "paris", with followers and an auto-follow pattern of its own.
 */

const program = path.join(import.meta.dirname, "..", "..", "watchdog", "cli", "main.ts");
const title = `two clusters that were there already${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;

describe.skipIf(haproxyMissing !== undefined)(title, () => {
  let pair: ClusterPair;
  let directory: string;
  let answers: AnswersInput;
  let entryPort: number;
  const running: ChildProcess[] = [];
  const at = (name: string) => path.join(directory, name);
  const es = (...args: readonly string[]) =>
    runProgram(process.execPath, [program, "--config", at("watchdog.json"), ...args]);
  const status = async (): Promise<WatchdogStatus> => JSON.parse((await es("status", "--json")).out);

  beforeAll(async () => {
    pair = await borrowClusterPair();
    directory = await mkdtemp("/tmp/es-failover-adopted-");
    entryPort = await freePort();
    for (const index of ["orders-1", "orders-2"]) {
      await pair.gra.call("PUT", `/${index}`, { body: { settings: { number_of_replicas: 0 } } });
      await bulk(pair.gra, index, [{ index: `${index}-0`, document: { n: 0 } }]);
    }
    await setUpByHand(pair);
    const authority = await TestAuthority.create(directory, "entry-ca");
    const { certificate, key } = await authority.issue("entry");
    await writeFile(at("entry.pem"), (await readFile(certificate, "utf8")) + (await readFile(key, "utf8")));
    await writeFile(at("ca.crt"), pair.gra.ca);
    await mkdir(at("router"));
    await writeFile(at("router/ticket.map"), "");
    await writeFile(at("elastic"), pair.gra.elastic.password, { mode: 0o600 });
    await writeFile(at("elastic-bhs"), pair.bhs.elastic.password, { mode: 0o600 });
    answers = {
      name: "bhs-proxy-1",
      site: "bhs",
      regions: {
        gra: {
          nodes: [...pair.gra.urls],
          passwordFile: at("secrets/elasticsearch-gra"),
          admin: { passwordFile: at("elastic") },
        },
        // gra is to know bhs by another name than the one that it has already.
        bhs: {
          nodes: [...pair.bhs.urls],
          apiKeyFile: at("bhs-key"),
          admin: { passwordFile: at("elastic-bhs") },
          remoteAlias: "montreal",
        },
      },
      elasticsearch: { caFile: at("ca.crt") },
      replication: { patterns: ["orders*"], intervalMs: 500 },
      checks: { ...profiles.fast.checks, timeoutMs: 990 },
      leases: profiles.fast.leases,
      store: { kind: "file", directory: at("store") },
      router: {
        adminSocket: at("admin.sock"),
        masterSocket: at("master.sock"),
        configFile: at("haproxy.cfg"),
        ticketMapFile: at("router/ticket.map"),
        ...profiles.fast.router,
      },
      entry: {
        url: `https://127.0.0.1:${entryPort}`,
        username: "haproxy-check",
        passwordFile: at("secrets/haproxy-check"),
        caFile: authority.caFile,
      },
      stateDirectory: at("state"),
      controlSocket: at("control.sock"),
    };
    await writeFile(at("answers.json"), JSON.stringify(answers));
  });
  afterAll(async () => {
    for (const child of running) child.kill("SIGTERM");
    await Promise.all(
      running.map((child) => child.exitCode ?? child.signalCode ?? new Promise((end) => child.once("exit", end))),
    );
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    await pair?.stop();
  });

  const followersOf = async (cluster: TestCluster) => {
    const { follower_indices } = await cluster.call("GET", "/_all/_ccr/info");
    return (follower_indices as { follower_index: string; remote_cluster: string; status: string }[])
      .map(({ follower_index, remote_cluster, status: state }) => `${remote_cluster}:${follower_index} ${state}`)
      .toSorted();
  };
  const identities = async (cluster: TestCluster) => {
    const found = await cluster.call("GET", "/orders-*/_settings/index.uuid");
    const settings = Object.entries(found as Record<string, { settings: { index: { uuid: string } } }>);
    return settings.map(([name, { settings: of }]) => [name, of.index.uuid]);
  };

  test("a dry run tells what would be taken over and what is in the way, and changes nothing", async () => {
    await pair.bhs.call("PUT", "/orders-9");
    const { code, out } = await es("init", "--from", at("answers.json"), "--dry-run");
    expect(out).toContain("gra serves; the other region is its standby.");
    expect(out).toContain("the remote cluster paris of bhs, which is gra");
    expect(out).toMatch(/followers? in bhs: orders-1/);
    expect(out).toContain("the auto-follow pattern dr in bhs");
    expect(out).toMatch(/gra: gra reaches bhs as the remote cluster montreal \(PUT \/_cluster\/settings\)/);
    expect(out).toMatch(/In the way:\n {2}- bhs accepts no API key .*\n {2}- in bhs alone: orders-9/);
    expect(code).toBe(5);
    // As it is told: the request makes the key, and the file gets what it returns.
    const [, body = ""] = /`POST \/_security\/api_key (.*?)`/.exec(out) ?? [];
    const { encoded } = await pair.bhs.call("POST", "/_security/api_key", { body: JSON.parse(body) });
    await writeFile(at("bhs-key"), `${encoded}\n`, { mode: 0o600 });
    expect(await es("init", "--from", at("answers.json"), "--yes")).toMatchObject({
      code: 4,
      err: expect.stringContaining("Nothing was changed"),
    });
    await pair.bhs.call("DELETE", "/orders-9");
    expect([existsSync(at("watchdog.json")), existsSync(at("secrets"))]).toEqual([false, false]);
    for (const cluster of [pair.gra, pair.bhs]) {
      expect((await cluster.rest("GET", "/_security/role/es_failover_watchdog")).status).toBe(404);
    }
  });

  test("init makes what is missing, with credentials that nothing shows, and a second run has nothing left to make", async () => {
    const before = await identities(pair.bhs);
    const made = await es("init", "--from", at("answers.json"), "--yes");
    expect(made).toMatchObject({ code: 0, err: "" });
    const secrets = await Promise.all(
      ["secrets/elasticsearch-gra", "secrets/haproxy-check"].map(async (name) => {
        expect((await stat(at(name))).mode & 0o777).toBe(0o600);
        return (await readFile(at(name), "utf8")).trim();
      }),
    );
    expect(new Set(secrets).size).toBe(2);
    const key = (await readFile(at("bhs-key"), "utf8")).trim();
    for (const secret of [...secrets, key, pair.gra.elastic.password, pair.bhs.elastic.password]) {
      expect(made.out).not.toContain(secret);
      expect(await readFile(at("watchdog.json"), "utf8")).not.toContain(secret);
    }
    expect((await stat(at("watchdog.json"))).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(at("watchdog.json"), "utf8"))).toMatchObject({
      firstPrimary: "gra",
      regions: { gra: { remoteAlias: "paris" }, bhs: { remoteAlias: "montreal" } },
    });
    expect(await es("check-config")).toMatchObject({ code: 0 });
    expect(await es("init", "--from", at("answers.json"), "--yes")).toMatchObject({
      code: 4,
      err: expect.stringContaining("is there already: --overwrite"),
    });
    const again: AdoptionPlan = JSON.parse((await es("init", "--from", at("answers.json"), "--json")).out);
    expect({ requests: again.requests, inTheWay: again.inTheWay }).toEqual({ requests: [], inTheWay: [] });
    expect(await identities(pair.bhs)).toEqual(before);
  });

  test("its watchdog takes the followers over as they are, and reverses them by those names of the remote clusters", async () => {
    const before = await identities(pair.bhs);
    await startHaproxy();
    start(process.execPath, [program, "--config", at("watchdog.json"), "run"]);
    await untilStatus("bhs is in sync", ({ record }) => record?.phase === "serving" && record.standby === "in-sync");
    expect(await followersOf(pair.bhs)).toEqual(["paris:orders-1 active", "paris:orders-2 active"]);
    expect((await identities(pair.bhs)).filter(([name]) => name === "orders-1")).toEqual(
      before.filter(([name]) => name === "orders-1"),
    );
    const { patterns } = await pair.bhs.call("GET", "/_ccr/auto_follow");
    expect((patterns as { name: string }[]).map(({ name }) => name)).toEqual(["dr"]);
    // The pattern that was adopted takes what is new.
    await pair.gra.call("PUT", "/orders-3");
    await untilStatus(
      "orders-3 is followed",
      ({ replication }) => replication?.followers === 3 && replication.inSync === true,
    );

    expect(await es("switchover", "--to", "bhs", "--reason", "drill", "--yes", "--wait", "90")).toMatchObject({
      code: 0,
    });
    expect(await followersOf(pair.bhs)).toEqual([]);
    await bulk(pair.bhs, "orders-1", [{ index: "after", document: { n: 1 } }]);
    await untilStatus("gra is in sync", ({ record }) => {
      return record?.phase === "serving" && record.active === "bhs" && record.standby === "in-sync";
    });
    expect(await followersOf(pair.gra)).toEqual(
      ["orders-1", "orders-2", "orders-3"].map((name) => `montreal:${name} active`),
    );
    await eventually(
      "what was written in bhs is in gra",
      30_000,
      async () => (await documentsOf(pair.gra, "orders-1")).length === 2,
    );
  });

  async function startHaproxy(): Promise<void> {
    await writeFile(
      at("haproxy.cfg"),
      `global
  stats socket ${at("admin.sock")} mode 660 level admin
defaults
  mode http
  timeout client 30s
frontend app
  bind 127.0.0.1:${entryPort} ssl crt ${at("entry.pem")}
${await readFile(at("haproxy/frontend.cfg"), "utf8")}`,
    );
    expect(await es("haproxy", "check", at("haproxy.cfg"), at("haproxy/backends.cfg"))).toMatchObject({ code: 0 });
    const [first, ...leading] = haproxyCommand;
    start(first, [
      ...leading,
      "-W",
      "-S",
      at("master.sock"),
      "-f",
      at("haproxy.cfg"),
      "-f",
      at("haproxy/backends.cfg"),
    ]);
    await eventually("HAProxy answers", 15_000, async () => {
      return (await sendCommand(at("admin.sock"), "show info", 1_000).catch(() => "")).includes("Uptime");
    });
  }

  function start(file: string, args: readonly string[]): void {
    // Ends with the test's process, also when that is killed.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", file, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-5_000);
    });
    running.push(child);
  }
  let output = "";

  async function untilStatus(what: string, condition: (status: WatchdogStatus) => boolean): Promise<void> {
    await eventually(
      () => `${what}; the last output: ${output}`,
      120_000,
      async () => condition(await status()),
    );
  }
});

/** As an administrator did it a year ago: the user elastic follows, under names of their own choice. */
async function setUpByHand({ gra, bhs }: ClusterPair): Promise<void> {
  const paris = { mode: "sniff", seeds: gra.transportAddresses };
  await bhs.call("PUT", "/_cluster/settings", { body: { persistent: { cluster: { remote: { paris } } } } });
  await bhs.call("PUT", "/orders-1/_ccr/follow?wait_for_active_shards=1", {
    body: { remote_cluster: "paris", leader_index: "orders-1" },
  });
  await bhs.call("PUT", "/_ccr/auto_follow/dr", {
    body: { remote_cluster: "paris", leader_index_patterns: ["orders*"], follow_index_pattern: "{{leader_index}}" },
  });
}
