import { expect, onTestFinished, test } from "vitest";
import { stacks } from "../../lab/system/configuration.ts";
import { longestOutageMs } from "./support/application.ts";
import type { BothEntries } from "./support/both-entries.ts";
import { EtcdMembers } from "./support/etcd.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import { esFailover, esFailoverDone } from "./support/operator.ts";
import { rolesOf, ticketOf, untilSite } from "./support/watching.ts";

/** For a router whose watchdog restarts while the store gives no lease: until the others have given it failsafe grants. */
const RESTART_MS = 30_000;
const HICCUP_MS = 2_000;

/** An etcd that takes no write (invariant 10). */
export function quotaTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("with etcd's quota reached routers go on, also one whose watchdog restarts, status and log name the way out, and it works", {
    timeout: 600_000,
  }, async () => {
    const { system, router } = lab();
    const clients = applications();
    const etcd = new EtcdMembers(system);
    const before = rolesOf(await system.watchdogs.status());
    const freeSpace = () => esFailover(system, router, "etcd", "defragment", "--yes");
    onTestFinished(async () => void (await freeSpace()));
    const beganAtMs = Date.now();
    expect(await etcd.fill(router)).toContain("database space exceeded");
    for (const site of stacks) {
      const { store, summary } = await untilSite(
        system,
        site,
        "knows that the quota is reached, and decides nothing",
        (status) => status.store.full !== null && /nothing is decided/.test(status.summary),
      );
      expect(store.full).toMatch(/etcd's quota is reached.*sudo es-failover etcd defragment/);
      expect(summary).toMatch(/takes no write \(.*quota is reached/);
    }
    const status = await esFailoverDone(system, router, "status");
    expect(status).toMatch(/store +takes no write: .*etcd's quota is reached.*sudo es-failover etcd defragment/);
    const journal = await system.lab.exec(router, ["journalctl", "--unit=es-failover", "--lines=300", "--output=cat"]);
    expect(journal.stdout).toMatch(/etcd's quota is reached/);
    const command = await esFailover(system, router, "failover", "--to", "bhs", "--force", "--yes");
    expect(command.exitCode).toBe(1);
    expect(command.stderr).toMatch(/etcd's quota is reached/);
    await clients.served();
    for (const traffic of [clients.gra, clients.bhs])
      expect(longestOutageMs(traffic, beganAtMs)).toBeLessThan(HICCUP_MS);

    const restartedAtMs = Date.now();
    const restart = await system.lab.exec(router, ["systemctl", "restart", "es-failover"]);
    expect(restart.exitCode).toBe(0);
    await untilSite(
      system,
      "bhs",
      "routes by failsafe grants",
      (seen) => ticketOf(seen) === "gra" && /by failsafe: the store gives no lease/.test(seen.router?.summary ?? ""),
    );
    await clients.served();
    expect(longestOutageMs(clients.bhs, restartedAtMs)).toBeLessThan(RESTART_MS);
    expect(longestOutageMs(clients.gra, beganAtMs)).toBeLessThan(HICCUP_MS);
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra"]);

    expect((await freeSpace()).stdout).toMatch(/etcd takes writes\.$/m);
    for (const site of stacks) await untilSite(system, site, "writes again", ({ store }) => store.full === null);
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    await esFailoverDone(system, router, "pause", "--reason", "to see that commands work again");
    await esFailoverDone(system, router, "resume");
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra"]);
  });
}
