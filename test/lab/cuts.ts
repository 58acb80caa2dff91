import { expect, onTestFinished, test } from "vitest";
import type { Stack } from "../../lab/system/configuration.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import { acknowledged, longestOutageMs } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { EtcdMembers } from "./support/etcd.ts";
import { HeldRequests } from "./support/held-requests.ts";
import { checks, type LabUnderTest } from "./support/lab-under-test.ts";
import { goHome } from "./support/operator.ts";
import { healthOf, rolesOf, statusOf, ticketOf, untilSite } from "./support/watching.ts";

/** Longest pause that a change of etcd's leader, or of the watchdogs', may cost applications whose region is well. */
const HICCUP_MS = 5_000;
/** So many failed checks in a row and then some: what was to be decided has been. */
const ENOUGH_CHECKS = checks.failThreshold + 2;

/** The watchdog's word that a region is lost, said long enough for all to have acted on it. */
const givesUp = (region: "gra" | "bhs") => (status: Parameters<typeof healthOf>[0]) =>
  (healthOf(status, region)?.failuresInARow ?? 0) >= ENOUGH_CHECKS;

/** Cuts the lines of one site to both others. */
async function isolate(system: TwoRegions, site: Stack): Promise<void> {
  onTestFinished(() => system.lab.wan.heal());
  for (const other of (["gra", "bhs", "witness"] as const).filter((name) => name !== site)) {
    await system.lab.wan.cut(site, other);
  }
}

/** Lines that break: never two regions that accept writes (invariants 1, 2 and 3), and the right one serves. */
export function cutTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  const ways = [
    {
      what: "in both directions",
      lost: [
        ["gra", "bhs"],
        ["bhs", "gra"],
      ],
    },
    { what: "for what gra sends", lost: [["gra", "bhs"]] },
    { what: "for what bhs sends", lost: [["bhs", "gra"]] },
  ] as const;
  test.each(ways)(
    "the line between gra and bhs cut $what: gra goes on, bhs accepts nothing and is not promoted, for the witness sees gra",
    { timeout: 180_000 },
    async ({ lost }) => {
      const { system } = lab();
      const clients = applications();
      const before = rolesOf(await system.watchdogs.status());
      // The worst case for gra: etcd's leader is out of its reach, and has to be reached by way of the witness.
      await new EtcdMembers(system).lead(await system.hosts.router("bhs"));
      onTestFinished(() => system.lab.wan.heal());
      const cutAtMs = Date.now();
      for (const [from, to] of lost) await system.lab.wan.cut(from, to, { oneWay: true });

      await untilSite(system, "bhs", "gives gra up", givesUp("gra"));
      await acknowledged(clients.gra, 20);
      expect(longestOutageMs(clients.gra, cutAtMs)).toBeLessThan(HICCUP_MS);
      const blindMs = 10_000;
      expect(clients.bhs.ledger.firstAcknowledgedAfter(cutAtMs + blindMs)).toBeNull();
      expect(rolesOf(await system.watchdogs.status())).toEqual(before);

      await system.lab.wan.heal();
      await clients.served();
      expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
      expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra"]);
    },
  );

  test("the witness cut off alone: both entries go on", { timeout: 180_000 }, async () => {
    const { system } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const cutAtMs = Date.now();
    await isolate(system, "witness");
    await system.watchdogs.until(
      "the witness is not heard, and another watchdog decides",
      ({ sightings, leadership, name }) => {
        const decides = leadership.leading ? name : leadership.leader;
        return !sightings.some(({ site }) => site === "witness") && decides !== null && !decides.startsWith("witness");
      },
    );
    await clients.served();
    for (const traffic of [clients.gra, clients.bhs]) expect(longestOutageMs(traffic, cutAtMs)).toBeLessThan(HICCUP_MS);
    await system.lab.wan.heal();
    await system.watchdogs.until("the witness is heard again", ({ sightings }) =>
      sightings.some(({ site }) => site === "witness"),
    );
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra"]);
  });

  test("bhs cut off alone: gra goes on, bhs's router closes by itself, and all is as before when the lines are back", {
    timeout: 180_000,
  }, async () => {
    const { system } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const cutAtMs = Date.now();
    await isolate(system, "bhs");
    const closed = await untilSite(system, "bhs", "has closed its router", (status) => ticketOf(status) === null);
    expect(closed.store.reachable).toBe(false);
    expect(closed.router?.error).toMatch(/the store does not answer .*, and failsafe: /);
    const closedAtMs = Date.now();
    await untilSite(system, "gra", "gives bhs up", givesUp("bhs"));
    await acknowledged(clients.gra, 20);
    expect(longestOutageMs(clients.gra, cutAtMs)).toBeLessThan(HICCUP_MS);
    expect(clients.bhs.ledger.firstAcknowledgedAfter(closedAtMs)).toBeNull();
    expect(rolesOf(await statusOf(system, "gra"))).toEqual(before);

    await system.lab.wan.heal();
    await clients.served();
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra"]);
  });
}

/** A region that is well and cut off from both others is replaced (invariants 1 and 7), and takes its place again. */
export function isolationTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("gra cut off alone, and well: its router closes by itself before bhs takes over; it comes home with nothing lost", {
    timeout: 300_000,
  }, async () => {
    const { system } = lab();
    const clients = applications();
    const cutAtMs = Date.now();
    await isolate(system, "gra");
    await system.watchdogs.until("bhs serves", ({ record }) => record?.phase === "serving" && record.active === "bhs");
    await acknowledged(clients.bhs, 20);
    const cutOff = await statusOf(system, "gra");
    expect(healthOf(cutOff, "gra")?.state).toBe("healthy");
    expect(cutOff.store.reachable).toBe(false);
    expect(cutOff.router?.error).toMatch(/the store does not answer .*, and failsafe: /);
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra", "bhs"]);

    await system.lab.wan.heal();
    await clients.served();
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra", "bhs"]);
    await goHome(system);
    await clients.served();
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra", "bhs", "gra"]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

/** A router that stood still while another region was promoted (invariant 1). */
export function frozenRouterTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("a router of gra and its watchdog, frozen together over a promotion and thawed: not one more request is served by gra", {
    timeout: 300_000,
  }, async () => {
    const { system } = lab();
    const clients = applications();
    const router = await system.hosts.router("gra");
    const beganAtMs = Date.now();
    await clients.served();
    const held = await HeldRequests.open(system, "app-held", 8, "gra");
    onTestFinished(() => held.close());
    await system.lab.freeze(router);
    onTestFinished(async () => {
      if ((await system.lab.host(router))?.power === "frozen") await system.lab.thaw(router);
    });
    await held.send();
    // gra's Elasticsearch stays well, and its router reaches it: only the ticket is in the way.
    await isolate(system, "gra");
    await system.watchdogs.until("bhs serves", ({ record }) => record?.phase === "serving" && record.active === "bhs");
    await acknowledged(clients.bhs, 20);

    await system.lab.thaw(router);
    for (const answer of await held.answers()) expect(answer).toEqual({ status: 503, region: null, reused: true });
    const refusedBefore = clients.gra.ledger.writesFailed;
    await clients.gra.next("write-failed", 30_000, () => clients.gra.ledger.writesFailed > refusedBefore + 20);
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra", "bhs"]);

    await system.lab.wan.heal();
    await clients.served();
    await goHome(system);
    await clients.served();
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra", "bhs", "gra"]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}
