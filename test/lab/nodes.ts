import { expect, onTestFinished, test } from "vitest";
import type { Region } from "../../lab/system/configuration.ts";
import { until } from "../../lab/util/until.ts";
import { account, acknowledged, longestOutageMs, nothingLost, startTraffic } from "./support/application.ts";
import { HeldRequests } from "./support/held-requests.ts";
import { changedHeap, checks, type LabUnderTest, settings } from "./support/lab-under-test.ts";
import { lastRestart, sampledWhile } from "./support/restarts.ts";
import { controllerStatus, healthOf, rolesOf, untilServersUp } from "./support/watching.ts";

/** Events without a failover: the loss and restart of single nodes, a frozen router, and the loss of both regions. */
export function nodeTests(lab: () => LabUnderTest): void {
  test("a killed process of a node other than the master costs no failover: HAProxy drops the node within 6 s, writes continue, the node returns", {
    timeout: 240_000,
  }, async () => {
    const { system, questions } = lab();
    const traffic = await startTraffic(lab(), "app-process-killed");
    const before = rolesOf(await system.watchdogs.status());
    const node = await questions.copyHolder("app-process-killed");
    const killedAtMs = Date.now();
    const startNode = () => system.lab.exec(node, ["systemctl", "start", "--no-block", "elasticsearch"]);
    onTestFinished(async () => void (await startNode()));
    await system.lab.exec(node, ["systemctl", "kill", "--signal=KILL", "elasticsearch"]);
    await untilServersUp(system, "gra", 2, 6_000);
    expect(await system.hosts.serversUp("gra")).not.toContain(node);
    await acknowledged(traffic, 100);
    expect(longestOutageMs(traffic, killedAtMs)).toBeLessThan(5_000);
    const reported = await system.watchdogs.until("the status shows the server down", (status) =>
      Boolean(status.router?.state?.servers.some(({ name, up }) => name === node && !up)),
    );
    expect(reported.router?.ticket?.region).toBe("gra");

    await startNode();
    await untilServersUp(system, "gra", 3, 120_000);
    expect(rolesOf(await system.watchdogs.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
  });

  test("a power cut of a node other than the master costs no failover: HAProxy drops the node within 6 s, and it returns", {
    timeout: 240_000,
  }, async () => {
    const { system, questions } = lab();
    const traffic = await startTraffic(lab(), "app-power-cut");
    const before = rolesOf(await system.watchdogs.status());
    const node = await questions.copyHolder("app-power-cut");
    const cutAtMs = Date.now();
    onTestFinished(async () => {
      if ((await system.lab.host(node))?.power === "off") await system.lab.start(node);
    });
    await system.lab.kill(node);
    await untilServersUp(system, "gra", 2, 6_000);
    expect(await system.hosts.serversUp("gra")).not.toContain(node);
    // A machine without power closes no connection: the kernels of the other nodes time out after 13 s.
    const writesResumeWithinMs = 30_000;
    await acknowledged(traffic, 200, writesResumeWithinMs);
    expect(longestOutageMs(traffic, cutAtMs)).toBeLessThan(writesResumeWithinMs);

    await system.lab.start(node);
    await untilServersUp(system, "gra", 3, 90_000);
    expect(rolesOf(await system.watchdogs.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
  });

  test("a router that was frozen until its ticket expired serves nothing before the watchdog renews the ticket", {
    timeout: 240_000,
  }, async () => {
    const { system, questions, router } = lab();
    const traffic = await startTraffic(lab(), "app-frozen");
    const before = rolesOf(await system.watchdogs.status());
    const held = await HeldRequests.open(system, "app-frozen", 8);
    onTestFinished(() => held.close());

    // The watchdog stays stopped for longer than HAProxy, so that HAProxy acts on its own in between.
    await questions.signalWatchdog("STOP");
    const ticketEndsAtMs = await questions.ticketEnd("gra");
    await system.lab.freeze(router);
    onTestFinished(async () => {
      if ((await system.lab.host(router))?.power === "frozen") await system.lab.thaw(router);
      await questions.signalWatchdog("CONT");
    });
    expect(Date.now()).toBeLessThan(ticketEndsAtMs);
    await held.send();
    await until("the ticket has expired", 20_000, async () => Date.now() > ticketEndsAtMs + 500);
    await system.lab.thaw(router);
    for (const answer of await held.answers()) expect(answer).toEqual({ status: 503, region: null, reused: true });
    const failedBefore = traffic.ledger.writesFailed;
    await until("further writes are refused", 10_000, async () => traffic.ledger.writesFailed > failedBefore + 10);
    expect(traffic.ledger.firstAcknowledgedAfter(ticketEndsAtMs)).toBeNull();

    await questions.signalWatchdog("CONT");
    await acknowledged(traffic, 50, 15_000);
    expect(await questions.ticketEnd("gra")).toBeGreaterThan(ticketEndsAtMs);
    expect(rolesOf(await system.watchdogs.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
    await system.watchdogs.untilInSync();
  });

  test("a changed heap restarts one node at a time, with a green cluster in between, while writes continue", {
    timeout: 300_000,
  }, async () => {
    const { system, questions, pulumi } = lab();
    const traffic = await startTraffic(lab(), "app-rolled");
    const before = rolesOf(await system.watchdogs.status());
    await system.configure("gra", { ...settings, heap: changedHeap });
    const beganAtMs = Date.now();
    const samples = await sampledWhile(
      () => questions.clusterHealth("gra"),
      async () => {
        const changes = await system.up("gra", pulumi.say);
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
    for (const node of nodes) expect(await questions.javaArguments(node)).toContain(`-Xmx${changedHeap}`);

    expect(longestOutageMs(traffic, beganAtMs)).toBeLessThan(10_000);
    expect(rolesOf(await system.watchdogs.status())).toEqual(before);
    expect(await account(traffic)).toEqual(nothingLost);
  });

  test("with both clusters unhealthy nothing changes, and service resumes by itself when they return", {
    timeout: 240_000,
  }, async () => {
    const { system, questions } = lab();
    const traffic = await startTraffic(lab(), "app-both");
    const before = rolesOf(await system.watchdogs.status());
    const replicationBefore = await questions.replicationOf("bhs");
    const each = async (region: Region, change: (node: string) => Promise<void>) => {
      await Promise.all((await questions.nodesOf(region)).map(change));
    };
    onTestFinished(() => each("gra", (node) => system.lab.thaw(node)));
    onTestFinished(() => each("bhs", (node) => system.lab.thaw(node)));
    await each("bhs", (node) => system.lab.freeze(node));
    await system.watchdogs.until("bhs is unhealthy", (status) => healthOf(status, "bhs")?.state === "unhealthy");
    await each("gra", (node) => system.lab.freeze(node));
    const enough = checks.failThreshold + 2;
    await system.watchdogs.until(
      `gra has failed ${enough} checks`,
      (seen) => (healthOf(seen, "gra")?.failuresInARow ?? 0) >= enough,
    );
    const leading = await controllerStatus(system);
    expect(leading.summary).toMatch(/gra is unhealthy: .*; no failover: bhs is healthy for \d of the 2 sites required/);
    expect(leading.decisions[0]?.rule).toBe("refuse-both-unhealthy");
    expect(rolesOf(leading)).toEqual(before);

    // In this order: if bhs returned first, a failover would be right.
    await each("gra", (node) => system.lab.thaw(node));
    await system.watchdogs.until("gra is healthy", (seen) => healthOf(seen, "gra")?.state === "healthy");
    await each("bhs", (node) => system.lab.thaw(node));
    await acknowledged(traffic, 50);
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(await questions.replicationOf("bhs")).toEqual(replicationBefore);
    expect(await account(traffic)).toEqual(nothingLost);
  });
}
