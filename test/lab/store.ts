import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { acknowledged, longestOutageMs } from "./support/application.ts";
import type { BothEntries } from "./support/both-entries.ts";
import { EtcdMembers } from "./support/etcd.ts";
import { checks, type LabUnderTest } from "./support/lab-under-test.ts";
import { esFailover } from "./support/operator.ts";
import { healthOf, rolesOf, ticketOf, untilSite } from "./support/watching.ts";

/** Longer than any lease or ticket lasts: afterwards none from before is in effect. */
const LEASES_OVER_MS = 15_000;

/** The loss of one member of etcd, and of all (invariants 3 and 10). */
export function storeTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("a stop of etcd's leader fails no request at either entry", { timeout: 120_000 }, async () => {
    const { system } = lab();
    const { gra, bhs } = applications();
    const etcd = new EtcdMembers(system);
    const before = rolesOf(await system.watchdogs.status());
    const failedBefore = [gra.ledger.writesFailed, bhs.ledger.writesFailed];
    const stoppedAtMs = Date.now();
    const leader = await etcd.leader();
    await etcd.stop(leader);
    onTestFinished(() => etcd.start(leader));
    await sleep(LEASES_OVER_MS);
    await system.watchdogs.until("the store answers, and there is a controller", ({ store, leadership }) => {
      return store.reachable && (leadership.leading || leadership.leader !== null);
    });
    expect(await etcd.leader()).not.toBe(leader);
    expect([gra.ledger.writesFailed, bhs.ledger.writesFailed]).toEqual(failedBefore);
    for (const traffic of [gra, bhs]) expect(longestOutageMs(traffic, stoppedAtMs)).toBeLessThan(2_000);

    await etcd.start(leader);
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
  });

  test("without etcd traffic continues, a lost primary is not replaced, commands name the reason, and all resumes when etcd returns", {
    timeout: 300_000,
  }, async () => {
    const { system, questions, router } = lab();
    const clients = applications();
    const etcd = new EtcdMembers(system);
    const before = rolesOf(await system.watchdogs.status());
    const members = await etcd.hosts();
    onTestFinished(async () => void (await Promise.all(members.map((host) => etcd.start(host)))));
    const failedBefore = [clients.gra.ledger.writesFailed, clients.bhs.ledger.writesFailed];
    const stoppedAtMs = Date.now();
    await Promise.all(members.map((host) => etcd.stop(host)));
    await sleep(LEASES_OVER_MS);
    await clients.served(10_000);
    expect([clients.gra.ledger.writesFailed, clients.bhs.ledger.writesFailed]).toEqual(failedBefore);
    for (const traffic of [clients.gra, clients.bhs]) expect(longestOutageMs(traffic, stoppedAtMs)).toBeLessThan(2_000);

    const status = await esFailover(system, router, "status");
    expect(status.exitCode).toBe(0);
    expect(status.stdout).toMatch(/store +unreachable: /);
    expect(status.stdout).toMatch(/by failsafe: the store gives no lease, every watchdog agrees/);
    const explanation = await esFailover(system, router, "explain");
    expect(explanation.stdout).toMatch(/^store-unreachable: applies/);
    const command = await esFailover(system, router, "failover", "--to", "bhs", "--force", "--yes");
    expect(command.exitCode).toBe(1);
    expect(command.stderr).toMatch(/etcd/);

    const nodes = await questions.nodesOf("gra");
    const thaw = () => Promise.all(nodes.map((node) => system.lab.thaw(node)));
    onTestFinished(async () => void (await thaw()));
    await Promise.all(nodes.map((node) => system.lab.freeze(node)));
    const enough = checks.failThreshold + 2;
    const lost = await system.watchdogs.until(
      `gra has failed ${enough} checks`,
      (seen) => (healthOf(seen, "gra")?.failuresInARow ?? 0) >= enough,
    );
    expect(lost.decisions[0]?.rule).toBe("store-unreachable");
    expect(lost.router?.error).toMatch(/failsafe: gra is not well/);
    expect(ticketOf(lost)).toBeNull();
    expect(rolesOf(lost)).toEqual(before);

    // gra is healthy again before etcd is: the routers open by failsafe grants alone.
    await thaw();
    await clients.served();
    for (const site of ["gra", "bhs"] as const) {
      await untilSite(
        system,
        site,
        "routes without the store",
        (seen) => ticketOf(seen) === "gra" && !seen.store.reachable,
      );
    }
    await Promise.all(members.map((host) => etcd.start(host)));
    await system.watchdogs.until("the store answers, and there is a controller", ({ store, leadership }) => {
      return store.reachable && (leadership.leading || leadership.leader !== null);
    });
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    await acknowledged(clients.gra, 20);
    expect(clients.regionsInOrder(stoppedAtMs)).toEqual(["gra"]);
  });
}
