/**
 * The whole system in a lab, from `pulumi up` to a failover. One lab serves all tests, which run in this order: what
 * leaves the roles alone first, the failover last.
 */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { faultsOf } from "../../lab/demo/report.ts";
import { createTestAuthority } from "../../lab/elasticsearch/certificates.ts";
import { Lab } from "../../lab/hosts/lab.ts";
import { labObstacles } from "../../lab/hosts/preflight.ts";
import { until } from "../../lab/hosts/until.ts";
import { type Stack, stacks } from "../../lab/system/configuration.ts";
import type { CurlRequest } from "../../lab/system/curl.ts";
import { controller, TwoRegions } from "../../lab/system/two-regions.ts";
import type { Traffic } from "../../lab/traffic/traffic.ts";
import type { WatchdogStatus } from "../../watchdog/daemon/status.ts";
import { labTraces } from "../lab-traces.ts";
import { account, acknowledged, longestOutageMs, untilFollowed } from "./support/application.ts";
import { HeldRequests } from "./support/held-requests.ts";
import { killInMidPromotion } from "./support/mid-promotion.ts";
import { Questions, type UserName } from "./support/questions.ts";
import { allDoors, type Door, openFor } from "./support/reachability.ts";
import { lastRestart, sampledWhile } from "./support/restarts.ts";
import { foundInDirectory, foundOnHost, namesIn, secretsOf } from "./support/secrets.ts";

/** On a file system that overlayfs can write to, and with room for the hosts' disks: /tmp is often a tmpfs. */
const place = "/var/tmp";
const obstacles = await labObstacles(place);
const title = (name: string): string => (obstacles.length === 0 ? name : `${name} (skipped: ${obstacles.join(" ")})`);

/** What `account` says when every acknowledged write is there. */
const nothingLost = { accounted: true, missing: [] };

/** Six Elasticsearch nodes on two cores: a healthy one may take a second to answer, as the fast profile does not allow. */
const settings = { checks: { profile: "fast", intervalMs: 3_000, timeoutMs: 2_500, failThreshold: 3 } } as const;

describe.skipIf(obstacles.length > 0)(title("two regions in a lab"), () => {
  let scratch = "";
  let system: TwoRegions;
  let router = "";
  let questions: Questions;
  const pulumiLines: string[] = [];
  const say = (line: string) => void pulumiLines.push(line);
  const temporaryDirectory = process.env["TMPDIR"];

  beforeAll(async () => {
    scratch = await mkdtemp(path.join(place, "es-failover-lab-"));
    // All that this process and the engine put aside goes there: what is left of it at the end can be seen.
    process.env["TMPDIR"] = path.join(scratch, "tmp");
    await mkdir(path.join(scratch, "tmp"));
    system = await TwoRegions.create(path.join(scratch, "lab"), say, settings);
    await system.upAll(say);
    router = await system.routerHost();
    questions = await Questions.of(system);
    await system.until(
      "gra serves",
      (status) => status.record?.phase === "serving" && (status.router?.ticket ?? null) !== null,
    );
  }, 480_000);

  afterAll(async () => {
    if (temporaryDirectory === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = temporaryDirectory;
    if (scratch === "") return;
    await Lab.destroy(path.join(scratch, "lab"));
    await rm(scratch, { recursive: true, force: true });
  }, 60_000);

  /** An application at work on an index of its own, with bhs following; ended when the test is. */
  const startTraffic = async (index: string): Promise<Traffic> => {
    const traffic = await system.traffic(index);
    onTestFinished(() => traffic.close());
    await acknowledged(traffic, 50);
    await untilFollowed(system, questions, index);
    return traffic;
  };
  /** What a failover would change. */
  const rolesOf = ({ record }: WatchdogStatus) =>
    record?.phase === "serving"
      ? { epoch: record.epoch, active: record.active, startedAtMs: record.startedAtMs }
      : { phase: record?.phase };
  const healthOf = ({ regions }: WatchdogStatus, region: Stack) =>
    regions.find((candidate) => candidate.region === region)?.health;
  const untilServersUp = (region: Stack, count: number, withinMs: number) =>
    until(`HAProxy takes ${count} servers of ${region} for up`, withinMs, async () => {
      return (await system.serversUp(region)).length === count;
    });

  test("a second `pulumi up` of both regions changes nothing", { timeout: 120_000 }, async () => {
    const changes = await Promise.all(stacks.map((stack) => system.up(stack, say, ["--expect-no-changes"])));
    for (const change of changes) {
      expect(change.same).toBeGreaterThan(40);
      expect(Object.keys(change)).toEqual(["same"]);
    }
  });

  test("no password or private key stands in the engine's files and output, in a journal, in arguments, or where anybody may read", {
    timeout: 240_000,
  }, async () => {
    const secrets = await secretsOf(system);
    expect(secrets.size).toBeGreaterThan(15);
    expect(await foundInDirectory(system.engine.directory, secrets)).toEqual([]);
    expect(namesIn(pulumiLines.join("\n"), secrets)).toEqual([]);
    const hosts = await system.hostNames(/./);
    expect((await Promise.all(hosts.map((host) => foundOnHost(system, host, secrets)))).flat()).toEqual([]);
  });

  test("every declared flow is open, and every other port of every host is closed to everybody", {
    timeout: 240_000,
  }, async () => {
    const stranger = "gra-stranger";
    const addressNoRuleNames = "192.168.1.77";
    await system.lab.addHost({
      ...{ name: stranger, region: "gra", privateIp: addressNoRuleNames },
      ...{ authorizedKeys: [], ingress: [], volumes: [] },
    });
    onTestFinished(() => system.lab.removeHost(stranger));

    const isNode = (host: string) => /-es-/.test(host);
    const isRouter = (host: string) => /-haproxy-/.test(host);
    const mayOpen = (from: string, { host, network, port }: Door): boolean => {
      if (host === stranger) return false;
      if (from === controller) return network === "public" && (port === 22 || (port === 9200 && isRouter(host)));
      if (network === "public") return false;
      if (isRouter(host)) return port === 9200;
      return port === 9200 ? isRouter(from) : port === 9300 && isNode(from);
    };
    const doors = await allDoors(system);
    expect(doors.map(({ port }) => port)).toEqual(expect.arrayContaining([22, 9200, 9300, 8404]));
    const names = (some: readonly Door[]) => some.map((door) => `${door.host} (${door.network}) ${door.port}`).sort();
    const knockFrom = async (places: readonly string[]) => {
      for (const from of places) {
        const others = doors.filter(({ host }) => host !== from);
        const declared = others.filter((door) => mayOpen(from, door));
        const open = await openFor(system, from, others, (door) => declared.includes(door));
        expect({ from, open: names(open) }).toEqual({ from, open: names(declared) });
      }
    };
    await Promise.all([
      knockFrom(await system.hostNames(/^gra-/)),
      knockFrom([controller, ...(await system.hostNames(/^bhs-/))]),
    ]);
  });

  test("TLS trusts no other authority, at the entry, at a node, or between nodes", { timeout: 60_000 }, async () => {
    const notTrusted = 60;
    const stranger = await createTestAuthority("somebody else's authority");
    const [asking = "", asked = ""] = await questions.nodesOf("gra");
    const theirs = await stranger.issue(asking, { ips: [], hosts: [asking] });
    const { url, ca } = await system.entry();
    const put = async (from: string, name: string, content: string): Promise<string> => {
      const file = from === controller ? path.join(scratch, "tmp", name) : `/run/${name}`;
      await system.run(from, ["tee", file], content);
      onTestFinished(async () => void (await system.run(from, ["rm", file])));
      return file;
    };

    const entry = async (authority: string) =>
      system.request(controller, { url, caFile: await put(controller, "ca.crt", authority) });
    expect((await entry(stranger.certificate)).exitCode).toBe(notTrusted);
    expect((await entry(ca)).exitCode).toBe(0);

    const node = async (authority: string) =>
      system.request(router, {
        url: await questions.privateUrl(asked),
        caFile: await put(router, "ca.crt", authority),
      });
    expect((await node(stranger.certificate)).exitCode).toBe(notTrusted);
    expect((await node(ca)).exitCode).toBe(0);

    const transport = (await questions.privateUrl(asked)).replace("9200", "9300");
    const handshake = (client?: CurlRequest["client"]) =>
      system.request(asking, {
        ...{ url: transport, caFile: "/etc/elasticsearch/certs/ca.crt" },
        ...(client === undefined ? {} : { client }),
      });
    const certs = "/etc/elasticsearch/certs";
    const ours = await handshake({ certificateFile: `${certs}/node.crt`, keyFile: `${certs}/node.key` });
    // Past TLS a node says in plain text that this is not an HTTP port, which curl takes for an ancient HTTP.
    expect(ours.error).toContain("HTTP/0.9");
    const strangers = {
      certificateFile: await put(asking, "stranger.crt", theirs.certificate),
      keyFile: await put(asking, "stranger.key", theirs.key),
    };
    for (const refused of [await handshake(), await handshake(strangers)]) {
      expect(refused).toMatchObject({ status: 0, error: expect.stringMatching(/alert|reset/i) });
    }
  });

  test("no request passes without credentials or with wrong ones, and no user may do more than its role", {
    timeout: 60_000,
  }, async () => {
    const entry = (await system.entry()).url;
    const nodes = await Promise.all(
      stacks.map(async (region) => questions.privateUrl((await questions.nodesOf(region))[0] ?? "")),
    );
    const own = `${entry.replace(/\/\/[^:]+/, `//${(await system.lab.host(router))?.privateIp}`)}`;
    const caFile = "/etc/es-failover/ca.crt";
    for (const url of [own, ...nodes]) {
      expect((await system.request(router, { url, caFile })).status).toBe(401);
      const user = { name: "app", password: `${questions.passwordOf("app")}x` };
      expect((await system.request(router, { url, caFile, user })).status).toBe(401);
    }

    expect((await questions.asUser("app", `${own}/app-rights/_doc/1`, { method: "PUT", body: {} })).status).toBe(201);
    type Attempt = readonly [method: NonNullable<CurlRequest["method"]>, api: string, body?: unknown];
    const beyondEverybody: readonly Attempt[] = [
      ["GET", "/_security/user"],
      ["PUT", "/_security/user/app", { password: "another-password", roles: ["superuser"] }],
      ["PUT", "/_security/role/es_failover_app", { cluster: ["all"] }],
      ["PUT", "/_cluster/settings", { persistent: { "cluster.routing.allocation.enable": "none" } }],
      ["GET", "/.security-7/_search"],
      ["GET", "/other/_search"],
      ["PUT", "/other/_doc/1", {}],
      ["DELETE", "/other"],
      ["POST", "/_cluster/reroute"],
      ["DELETE", "/_license"],
    ];
    const beyondApplications: readonly Attempt[] = [
      ["GET", "/_cluster/health"],
      ["DELETE", "/app-rights"],
      ["PUT", "/app-rights/_settings", { "index.blocks.write": true }],
      ["POST", "/app-rights/_ccr/pause_follow"],
      ["DELETE", "/_ccr/auto_follow/es-failover-from-gra"],
    ];
    const beyondChecks: readonly Attempt[] = [
      ["GET", "/app-rights/_search"],
      ["PUT", "/app-rights/_doc/2", {}],
      ["DELETE", "/app-rights"],
      ["POST", "/app-rights/_ccr/pause_follow"],
    ];
    const refused = async (user: UserName, attempts: readonly Attempt[]) => {
      for (const url of [own, ...nodes]) {
        const statuses = await Promise.all(
          attempts.map(async ([method, api, body]) => {
            const { status } = await questions.asUser(user, `${url}${api}`, {
              method,
              ...(body === undefined ? {} : { body }),
            });
            return `${method} ${api}: ${status}`;
          }),
        );
        expect({ user, url, statuses }).toEqual({
          ...{ user, url },
          statuses: attempts.map(([method, api]) => `${method} ${api}: 403`),
        });
      }
    };
    await refused("app", [...beyondEverybody, ...beyondApplications]);
    await refused("haproxy-check", [...beyondEverybody, ...beyondChecks]);
    await refused("es-failover", beyondEverybody);
  });

  test("a node whose process is killed, and which is not the master, costs no failover: HAProxy drops it within 6 s, writes go on, it comes back", {
    timeout: 240_000,
  }, async () => {
    const traffic = await startTraffic("app-process-killed");
    const before = rolesOf(await system.status());
    const node = await questions.copyHolder("app-process-killed");
    const killedAtMs = Date.now();
    await system.lab.exec(node, ["systemctl", "kill", "--signal=KILL", "elasticsearch"]);
    await untilServersUp("gra", 2, 6_000);
    expect(await system.serversUp("gra")).not.toContain(node);
    await acknowledged(traffic, 100);
    expect(longestOutageMs(traffic, killedAtMs)).toBeLessThan(5_000);
    const reported = await system.until("the status shows the server down", (status) =>
      Boolean(status.router?.state?.servers.some(({ name, up }) => name === node && !up)),
    );
    expect(reported.router?.ticket?.region).toBe("gra");

    await system.lab.exec(node, ["systemctl", "start", "elasticsearch"]);
    await untilServersUp("gra", 3, 60_000);
    expect(rolesOf(await system.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
  });

  test("a node whose power is cut, and which is not the master, costs no failover: HAProxy drops it within 6 s", {
    timeout: 240_000,
  }, async () => {
    const traffic = await startTraffic("app-power-cut");
    const before = rolesOf(await system.status());
    const node = await questions.copyHolder("app-power-cut");
    const cutAtMs = Date.now();
    await system.lab.kill(node);
    await untilServersUp("gra", 2, 6_000);
    expect(await system.serversUp("gra")).not.toContain(node);
    // A machine that falls silent closes no connection: the nodes' kernels give it up after 13 s.
    const writesResumeWithinMs = 30_000;
    await acknowledged(traffic, 200, writesResumeWithinMs);
    expect(longestOutageMs(traffic, cutAtMs)).toBeLessThan(writesResumeWithinMs);

    await system.lab.start(node);
    await untilServersUp("gra", 3, 90_000);
    expect(rolesOf(await system.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
  });

  test("a router that was frozen for longer than its ticket serves nothing until the watchdog has renewed it", {
    timeout: 240_000,
  }, async () => {
    const traffic = await startTraffic("app-frozen");
    const before = rolesOf(await system.status());
    const held = await HeldRequests.open(system, "app-frozen", 8);
    onTestFinished(() => held.close());

    // The watchdog stands still for longer than HAProxy, so that what HAProxy does in between is its own doing.
    await questions.signalWatchdog("STOP");
    const ticketEndsAtMs = await questions.ticketEnd("gra");
    await system.lab.freeze(router);
    onTestFinished(async () => {
      if ((await system.lab.host(router))?.power === "frozen") await system.lab.thaw(router);
      await questions.signalWatchdog("CONT");
    });
    expect(Date.now()).toBeLessThan(ticketEndsAtMs);
    await held.send();
    await until("the ticket has ended", 20_000, async () => Date.now() > ticketEndsAtMs + 500);
    await system.lab.thaw(router);
    for (const answer of await held.answers()) expect(answer).toEqual({ status: 503, region: null, reused: true });
    const failedBefore = traffic.ledger.writesFailed;
    await until("further writes are refused", 10_000, async () => traffic.ledger.writesFailed > failedBefore + 10);
    expect(traffic.ledger.firstAcknowledgedAfter(ticketEndsAtMs)).toBeNull();

    await questions.signalWatchdog("CONT");
    await acknowledged(traffic, 50, 15_000);
    expect(await questions.ticketEnd("gra")).toBeGreaterThan(ticketEndsAtMs);
    expect(rolesOf(await system.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
    await system.untilInSync();
  });

  test("a changed heap restarts one node at a time, with the cluster green in between, while writes go on", {
    timeout: 300_000,
  }, async () => {
    const traffic = await startTraffic("app-rolled");
    const before = rolesOf(await system.status());
    await system.configure("gra", { ...settings, heap: "288m" });
    const beganAtMs = Date.now();
    const samples = await sampledWhile(
      () => questions.clusterHealth("gra"),
      async () => {
        const changes = await system.up("gra", say);
        expect(Object.keys(changes).sort()).toEqual(["same", "update"]);
      },
    );
    await acknowledged(traffic, 20);

    const nodes = await questions.nodesOf("gra");
    const restarts = await Promise.all(nodes.map((node) => lastRestart(system, node)));
    const inOrder = restarts.toSorted((a, b) => a.stoppedAtMs - b.stoppedAtMs);
    expect(inOrder[0]?.stoppedAtMs).toBeGreaterThan(beganAtMs);
    for (const [position, next] of inOrder.slice(1).entries()) {
      const readyAtMs = inOrder[position]?.readyAtMs ?? Number.NaN;
      const between = samples.filter(({ atMs }) => atMs > readyAtMs && atMs < next.stoppedAtMs);
      expect(between.at(-1)).toMatchObject({ status: "green", nodes: nodes.length });
    }
    for (const { nodes: present } of samples) expect(present).toBeGreaterThanOrEqual(nodes.length - 1);
    for (const node of nodes) expect(await questions.javaArguments(node)).toContain("-Xmx288m");

    expect(longestOutageMs(traffic, beganAtMs)).toBeLessThan(10_000);
    expect(rolesOf(await system.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
  });

  test("with both clusters unhealthy nothing is touched, and all goes on by itself when they are back", {
    timeout: 240_000,
  }, async () => {
    const traffic = await startTraffic("app-both");
    const before = rolesOf(await system.status());
    const replicationBefore = await questions.replicationOf("bhs");
    for (const node of await questions.nodesOf("bhs")) await system.lab.freeze(node);
    onTestFinished(async () => {
      for (const node of await questions.nodesOf("bhs")) await system.lab.thaw(node);
    });
    await system.until("bhs is unhealthy", (status) => healthOf(status, "bhs")?.state === "unhealthy");
    await system.killElasticsearch("gra");
    const checks = 2 * settings.checks.failThreshold;
    const status = await system.until(
      `gra has failed ${checks} checks`,
      (seen) => (healthOf(seen, "gra")?.failuresInARow ?? 0) >= checks,
    );
    expect(status.summary).toMatch(/gra is unhealthy, but nothing is done: bhs is not seen healthy/);
    expect(status.decisions[0]?.rule).toBe("refuse-both-unhealthy");
    expect(rolesOf(status)).toEqual(before);

    // In this order: with bhs back first, taking over would be right.
    await system.startElasticsearch("gra");
    await system.until("gra is healthy", (seen) => healthOf(seen, "gra")?.state === "healthy");
    for (const node of await questions.nodesOf("bhs")) await system.lab.thaw(node);
    await acknowledged(traffic, 50);
    expect(rolesOf(await system.untilInSync())).toEqual(before);
    expect(await questions.replicationOf("bhs")).toEqual(replicationBefore);
    expect(await account(traffic)).toEqual(nothingLost);
  });

  test("gra is lost under traffic, the watchdog is killed in mid-promotion: bhs serves, every write is accounted for", {
    timeout: 240_000,
  }, async () => {
    const traffic = await startTraffic("app-orders");
    const before = await system.status();
    const killing = killInMidPromotion(system, router);
    await system.killElasticsearch("gra");
    const killedAtMs = Date.now();
    const left = await killing;
    expect(left.phase).toBe("promoting");
    expect(left.unfinishedSteps).toEqual(expect.arrayContaining(["open", "verify"]));

    const first = await traffic.next("write-acknowledged", 120_000, ({ atMs }) => atMs > killedAtMs);
    await acknowledged(traffic, 100);
    await traffic.stop();
    const after = await system.until("bhs serves", ({ record }) => record?.phase === "serving");
    expect(after.record).toMatchObject({ phase: "serving", active: "bhs", standby: "absent" });
    expect(after.record?.epoch).toBeGreaterThan(before.record?.epoch ?? Number.NaN);
    const failover = after.record?.lastFailover;
    if (failover === undefined || failover === null) throw new Error("the record tells of no failover");
    expect(after.startedAtMs).toBeGreaterThan(failover.startedAtMs);
    expect(after.startedAtMs).toBeLessThan(failover.finishedAtMs);

    const { found, missing } = await traffic.verify();
    const { writesFailed, readsFailed, acknowledged: writes } = traffic.ledger;
    const run = {
      ...{ killedAtMs, failover, firstWriteAtMs: first.atMs, writesFailed, readsFailed },
      ...{ writesAcknowledged: writes.size, found, missing: missing.length },
    };
    expect(faultsOf(run)).toEqual([]);
  });

  test("gra, back again, is not written to and says why it is no standby yet; a cut line to it stops nothing", {
    timeout: 240_000,
  }, async () => {
    const index = "app-after-failover";
    await system.startElasticsearch("gra");
    const status = await system.until("gra is healthy", (seen) => healthOf(seen, "gra")?.state === "healthy");
    const epoch = status.record?.epoch;
    const heldBefore = await questions.contentOf("gra");
    expect(heldBefore.size).toBeGreaterThan(0);

    const traffic = await system.traffic(index);
    onTestFinished(() => traffic.close());
    await acknowledged(traffic, 50);
    const waiting = await system.until("gra was looked at", ({ decisions }) => decisions[0]?.rule === "standby-waits");
    expect(waiting.summary).toMatch(/bhs serves without a standby: gra holds \d+ managed indices of its own \(app-/);

    const cutAtMs = Date.now();
    await system.lab.cut("gra", "bhs");
    onTestFinished(() => system.lab.heal());
    await system.until("gra is unhealthy for bhs", (seen) => healthOf(seen, "gra")?.state === "unhealthy");
    await acknowledged(traffic, 50);
    expect(longestOutageMs(traffic, cutAtMs)).toBeLessThan(3_000);
    await system.lab.heal();
    await system.until("gra is healthy again", (seen) => healthOf(seen, "gra")?.state === "healthy");

    expect(await account(traffic)).toEqual(nothingLost);
    expect((await system.status()).record?.epoch).toBe(epoch);
    const heldAfter = await questions.contentOf("gra");
    expect(heldAfter).toEqual(heldBefore);
    expect([...heldAfter.keys()].filter((shard) => shard.startsWith(index))).toEqual([]);
  });

  test("once the lab is removed nothing of it is left on the machine", { timeout: 120_000 }, async () => {
    const traces = await labTraces(system.lab.directory);
    expect(traces.networks).toBeGreaterThan(7);
    expect(traces.processes).toBeGreaterThan(50);
    await system.destroy();
    expect(await traces.remaining()).toEqual([]);
    expect(await readdir(scratch, { recursive: true })).toEqual(["tmp"]);
  });
});
