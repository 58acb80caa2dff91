import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { etcdCommand } from "./support/etcd-cluster.ts";
import { SeveralWatchdogs, sites } from "./support/several-watchdogs.ts";

const skipped = (await etcdCommand()) === null;

describe.skipIf(skipped)("three watchdogs on real etcd (skipped where set-up has not brought etcd)", () => {
  let all: SeveralWatchdogs;
  beforeAll(async () => {
    all = await SeveralWatchdogs.start();
  });
  afterAll(async () => {
    await all?.stop();
  });

  test("agree on a first record with all of them as members and on one controller, and open both routers", async () => {
    await all.untilSettled();
    const leading = sites.filter((site) => all.status(site)?.leadership.leading);
    expect(leading).toHaveLength(1);
    for (const site of sites) {
      expect(all.status(site)?.leadership.leader).toBe(leading[0]);
      expect(
        all
          .status(site)
          ?.sightings.map(({ watchdog }) => watchdog)
          .toSorted(),
      ).toEqual(["bhs", "gra", "witness"]);
    }
  });

  test("continue by failsafe grants without etcd, and with etcd when it returns, without a refused request", async () => {
    const sinceMs = Date.now();
    await Promise.all(all.etcd.members.map((member) => member.kill()));
    await all.until("failsafe is asked", 20_000, () => all.status("gra")?.failsafe?.lastAskedAtMs != null);
    // Longer than any lease or ticket from before lasts.
    await all.until(
      "failsafe is asked for 8 s",
      20_000,
      () => (all.status("gra")?.failsafe?.lastAskedAtMs ?? 0) > sinceMs + 8_000,
    );
    // There are none while it asks.
    await all.until("the others have answered", 5_000, () => all.status("gra")?.failsafe?.answers.length === 2);
    expect(all.status("gra")?.failsafe).toMatchObject({ fault: null, answers: [{ agrees: true }, { agrees: true }] });
    expect(all.bothOpenTo("gra")).toBe(true);
    await all.etcd.heal();
    await all.until("the store answers again", 20_000, () => all.status("gra")?.store.reachable === true);
    await all.until("routers hold leases again", 20_000, () =>
      sites.some((site) => all.status(site)?.leases?.length === 2),
    );
    expect(all.refusals.filter((atMs) => atMs >= sinceMs)).toEqual([]);
  });

  test("have a new controller at once when the old one is stopped, and fail over together", async () => {
    const leader = all.controller() ?? "gra";
    await all.stopOne(leader);
    await all.until("another one decides", 10_000, () => all.controller() !== undefined);
    all.clusters.gra.isLost = true;
    await all.until("bhs serves", 60_000, () => {
      const now = all.record();
      return now?.phase === "serving" && now.active === "bhs";
    });
    const open = (["gra", "bhs"] as const).filter((site) => site !== leader);
    await all.until("routers open to bhs", 15_000, () => open.every((site) => all.routers[site].openTo() === "bhs"));
    expect(all.overlaps).toEqual([]);
  });
});
