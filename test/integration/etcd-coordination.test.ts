import { fork } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { EtcdCoordination } from "../../watchdog/adapters/etcd/coordination.ts";
import { etcdStore } from "../../watchdog/adapters/etcd/store.ts";
import type { Campaign } from "../../watchdog/core/ports/coordination.ts";
import type { WatchdogReport } from "../../watchdog/core/state/report.ts";
import type { CampaignerSettings } from "./support/etcd-campaigner.ts";
import { EtcdCluster, etcdCommand } from "./support/etcd-cluster.ts";
import { historyEntry, stateRecord } from "./support/state-record.ts";

const skipped = (await etcdCommand()) === null;
const leaseTtlMs = 2_000;

describe.skipIf(skipped)("coordination with three real members (skipped where set-up has not brought etcd)", () => {
  let cluster: EtcdCluster;
  let prefix: string;
  let tests = 0;
  beforeAll(async () => {
    cluster = await EtcdCluster.start();
  });
  beforeEach(() => {
    prefix = `/es-failover/test-${++tests}/`;
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  const watchdog = (name: string) => {
    const client = cluster.client();
    const coordination = new EtcdCoordination({ client, clock: systemClock, watchdog: name, prefix, leaseTtlMs });
    const fence = () => coordination.leadershipToken();
    return { coordination, store: etcdStore({ client, clock: systemClock, prefix, leaseTtlMs, fence }), client };
  };

  test("of several that campaign at once one leads, the others know it, and one that resigns hands over at once", async () => {
    const all = ["w1", "w2", "w3", "w4"].map((name) => ({ name, ...watchdog(name) }));
    const campaign = () =>
      Promise.all(all.map(async ({ name, coordination }) => ({ name, outcome: await coordination.campaign() })));
    const first = await campaign();
    const leader = first.find(({ outcome }) => outcome.leading);
    expect(first.filter(({ outcome }) => outcome.leading)).toHaveLength(1);
    for (const { outcome } of await campaign()) {
      if (!outcome.leading) expect(outcome.leader).toBe(leader?.name);
    }
    await all.find(({ name }) => name === leader?.name)?.coordination.resign();
    const others = all.filter(({ name }) => name !== leader?.name);
    const outcomes = await Promise.all(others.map(({ coordination }) => coordination.campaign()));
    expect(outcomes.filter(({ leading }) => leading)).toHaveLength(1);
  });

  test("no two watchdogs rely on the leadership at the same time while etcd's leader freezes and thaws", async () => {
    const untilMs = new Map<string, number>();
    const terms: string[] = [];
    let stopped = false;
    const live = async (name: string, seed: number) => {
      const { coordination } = watchdog(name);
      for (let round = seed; !stopped; round++) {
        const outcome = await coordination.campaign().catch(() => null);
        if (outcome?.leading === true) {
          for (const [other, otherUntilMs] of untilMs) {
            if (other !== name)
              expect(otherUntilMs, `${other} may still rely on leading`).toBeLessThan(performance.now());
          }
          untilMs.set(name, outcome.untilMonotonicMs);
          if (terms.at(-1) !== name) terms.push(name);
        }
        // Pauses for longer than its lease every few rounds, each watchdog after another number of them.
        await systemClock.sleep(round % (5 + seed) === 4 ? leaseTtlMs * 2.5 : 100);
      }
    };
    const lives = ["w1", "w2", "w3"].map((name, seed) => live(name, seed));
    try {
      await systemClock.sleep(5_000);
      const leader = await cluster.leader();
      await leader.freeze();
      await systemClock.sleep(4_000);
      leader.thaw();
      await systemClock.sleep(6_000);
      await until("a second one has led", 30_000, async () => new Set(terms).size > 1);
    } finally {
      stopped = true;
      await Promise.all(lives);
      await cluster.heal();
    }
  });

  test("a controller that was frozen past its lease writes nothing after it thaws", async () => {
    const frozen = fork(path.join(import.meta.dirname, "support/etcd-campaigner.ts"), { stdio: "inherit" });
    let latest: Campaign | { readonly error: string } | null = null;
    frozen.on("message", (message: Campaign) => {
      latest = message;
    });
    const { endpoints, tls, credentials } = cluster;
    const settings: CampaignerSettings = {
      connection: { endpoints, tls, credentials },
      watchdog: "frozen",
      prefix,
      leaseTtlMs,
    };
    try {
      frozen.send(settings);
      const { coordination, store } = watchdog("successor");
      await until("the first one leads and has written", 15_000, async () => (await store.history(1)).length === 1);
      frozen.kill("SIGSTOP");
      await until("the successor leads", 15_000, async () => (await coordination.campaign()).leading);
      const current = await store.read();
      const epoch = (current?.record.epoch ?? 0) + 1;
      await store.write(stateRecord(epoch), current?.revision ?? null, historyEntry(epoch, "successor"));
      latest = null;
      frozen.kill("SIGCONT");
      await until("the thawed one learns of its successor", 10_000, async () => {
        await coordination.campaign();
        return latest !== null && "leading" in latest && !latest.leading && latest.leader === "successor";
      });
      const writers = (await store.history(1_000)).map(({ watchdog: name }) => name);
      expect(writers.at(-1)).toBe("successor");
      expect(writers.filter((name) => name === "successor")).toHaveLength(1);
    } finally {
      frozen.kill("SIGKILL");
    }
  });

  test("etcd itself refuses the write of a deposed controller whose clock has not noticed", async () => {
    const deposed = watchdog("deposed");
    await deposed.coordination.campaign();
    const token = deposed.coordination.leadershipToken();
    const { client } = deposed;
    const fooled = etcdStore({ client, clock: systemClock, prefix, leaseTtlMs, fence: () => token });
    expect(await fooled.write(stateRecord(1), null, historyEntry(1))).not.toBe("conflict");
    const successor = watchdog("successor");
    await until("the successor leads", 15_000, async () => (await successor.coordination.campaign()).leading);
    const revision = (await fooled.read())?.revision ?? null;
    expect(await fooled.write(stateRecord(2), revision, historyEntry(2))).toBe("conflict");
    expect(await successor.store.write(stateRecord(2), revision, historyEntry(2))).not.toBe("conflict");
  });

  test("sightings vanish with their watchdog, and who is known stays known until it is forgotten", async () => {
    const [one, two] = [watchdog("w1").coordination, watchdog("w2").coordination];
    const sighting = (name: string, failuresInARow: number): WatchdogReport => ({
      watchdog: name,
      site: "gra",
      regions: { bhs: { state: "suspect", failuresInARow, successesInARow: 0, reason: "no node answers" } },
      atMs: Date.now(),
      epoch: 4,
      copy: null,
    });
    const known = { name: "w1", site: "gra", router: "w1", failsafeUrl: "https://192.168.1.11:9443/failsafe" };
    await one.register(known);
    await one.register(known);
    await one.publish(sighting("w1", 1));
    const newer = sighting("w1", 2);
    await one.publish(newer);
    expect(await two.reports()).toEqual([newer]);
    await until("the silent one's sighting has vanished", 10_000, async () => {
      await two.publish(sighting("w2", 0));
      return (await two.reports()).every(({ watchdog: name }) => name === "w2");
    });
    expect(await two.members()).toEqual([known]);
    await two.forget("w1");
    expect(await two.members()).toEqual([]);
  });
});
