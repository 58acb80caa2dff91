import { expect, onTestFinished, test } from "vitest";
import type { Stack } from "../../lab/system/configuration.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import { acknowledged, longestOutageMs } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { EtcdMembers } from "./support/etcd.ts";
import { HeldRequests } from "./support/held-requests.ts";
import { checks, type LabUnderTest } from "./support/lab-under-test.ts";
import { failBack } from "./support/operator.ts";
import { healthOf, rolesOf, statusOf, ticketOf, untilSite } from "./support/watching.ts";

/** Longest pause that a new leader of etcd, or a new controller, may cost applications whose region is healthy. */
const HICCUP_MS = 5_000;
/** Failed checks in a row after which every decision about a lost region has been made. */
const ENOUGH_CHECKS = checks.failThreshold + 2;

/** A watchdog has reported a region lost for long enough that all have acted on it. */
const reportsLost = (region: "gra" | "bhs") => (status: Parameters<typeof healthOf>[0]) =>
  (healthOf(status, region)?.failuresInARow ?? 0) >= ENOUGH_CHECKS;

/** Cuts the lines between a site and the two others. */
export async function isolate(system: TwoRegions, site: Stack): Promise<void> {
  onTestFinished(() => system.lab.wan.heal());
  for (const other of (["gra", "bhs", "witness"] as const).filter((name) => name !== site)) {
    await system.lab.wan.cut(site, other);
  }
}

/** Broken lines: the right region serves, and no second one accepts writes (invariants 1, 2 and 3). */
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
    "with the line between gra and bhs cut $what gra serves, bhs accepts nothing and is not promoted, because the witness reaches gra",
    { timeout: 180_000 },
    async ({ lost }) => {
      const { system } = lab();
      const clients = applications();
      const before = rolesOf(await system.watchdogs.status());
      // The worst case for gra: etcd's leader is out of its reach, so its requests go through the witness's member.
      await new EtcdMembers(system).lead(await system.hosts.router("bhs"));
      onTestFinished(() => system.lab.wan.heal());
      const cutAtMs = Date.now();
      for (const [from, to] of lost) await system.lab.wan.cut(from, to, { oneWay: true });

      await untilSite(system, "bhs", "reports gra lost", reportsLost("gra"));
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

  test("with the witness isolated both entries serve", { timeout: 180_000 }, async () => {
    const { system } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const cutAtMs = Date.now();
    await isolate(system, "witness");
    await system.watchdogs.until(
      "the witness has no report, and another watchdog is the controller",
      ({ sightings, leadership, name }) => {
        const decides = leadership.leading ? name : leadership.leader;
        return !sightings.some(({ site }) => site === "witness") && decides !== null && !decides.startsWith("witness");
      },
    );
    await clients.served();
    for (const traffic of [clients.gra, clients.bhs]) expect(longestOutageMs(traffic, cutAtMs)).toBeLessThan(HICCUP_MS);
    await system.lab.wan.heal();
    await system.watchdogs.until("the witness has a report again", ({ sightings }) =>
      sightings.some(({ site }) => site === "witness"),
    );
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra"]);
  });

  test("with bhs isolated gra serves and bhs's router closes by itself; afterwards all is as before", {
    timeout: 180_000,
  }, async () => {
    const { system } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const cutAtMs = Date.now();
    await isolate(system, "bhs");
    // The ticket may end while the read of the store that fails is still under way.
    const closed = await untilSite(
      system,
      "bhs",
      "has closed its router, and knows that the store is not reachable",
      (status) => ticketOf(status) === null && !status.store.reachable && status.router?.error != null,
    );
    expect(closed.router?.error).toMatch(/the store gives no lease .*, and failsafe: /);
    const closedAtMs = Date.now();
    await untilSite(system, "gra", "reports bhs lost", reportsLost("bhs"));
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

/** A healthy region that is isolated from both other sites is failed away from, and returns (invariants 1 and 7). */
export function isolationTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("with a healthy gra isolated its router closes by itself before bhs takes over; the failback loses nothing", {
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
    expect(cutOff.router?.error).toMatch(/the store gives no lease .*, and failsafe: /);
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra", "bhs"]);

    await system.lab.wan.heal();
    await clients.served();
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra", "bhs"]);
    await failBack(system);
    await clients.served();
    expect(clients.regionsInOrder(cutAtMs)).toEqual(["gra", "bhs", "gra"]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

/** A router that was frozen while another region was promoted (invariant 1). */
export function frozenRouterTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("a router of gra that was frozen with its watchdog during a promotion sends gra no request after it thaws", {
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
    // gra's Elasticsearch stays healthy and reachable for its router: only the ticket prevents requests.
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
    await failBack(system);
    await clients.served();
    expect(clients.regionsInOrder(beganAtMs)).toEqual(["gra", "bhs", "gra"]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}
