import { expect, onTestFinished, test } from "vitest";
import { loseSite } from "../../lab/system/site-loss.ts";
import type { Traffic } from "../../lab/traffic/traffic.ts";
import { until } from "../../lab/util/until.ts";
import { acknowledged, longestOutageMs } from "./support/application.ts";
import { EtcdMembers } from "./support/etcd.ts";
import { checks, type LabUnderTest, UPDATE_HICCUP_MS } from "./support/lab-under-test.ts";
import { failBack } from "./support/operator.ts";

/** Detection, leases that end and a promotion, beside an update that keeps both processors busy. */
const FAILOVER_MS = checks.failThreshold * (checks.intervalMs + checks.timeoutMs) + 60_000;
/** First copies of all indices to a new cluster. */
const REJOIN_MS = 180_000;

/** Sites of which nothing is left, in the cloud and in the state of their stacks. */
export function rebuildTests(lab: () => LabUnderTest): void {
  const cases = [
    { site: "gra", serving: "bhs", outageMs: FAILOVER_MS },
    { site: "bhs", serving: "gra", outageMs: UPDATE_HICCUP_MS },
    { site: "witness", serving: "gra", outageMs: UPDATE_HICCUP_MS },
  ] as const;
  test.each(cases)(
    "$site, deleted without Pulumi and with the state of its stack lost, is rebuilt by its own update while $serving serves",
    {
      timeout: 900_000,
    },
    async ({ site, serving, outageMs }) => {
      const { system, pulumi } = lab();
      const etcd = new EtcdMembers(system);
      const watchdog = await system.hosts.router(serving);
      const traffic = await trafficAt(lab(), serving, `app-while-${site}-is-rebuilt`);
      const [host = ""] = await system.hosts.names(new RegExp(`^${site}-(haproxy-)?1$`));
      const before = await etcd.voter(host);
      const lostAtMs = Date.now();

      await loseSite(system, site);
      await system.watchdogs.until(
        `${serving} serves`,
        ({ record }) => record?.phase === "serving" && record.active === serving,
        FAILOVER_MS,
        watchdog,
      );
      await acknowledged(traffic, 20);
      await system.up(site, pulumi.say);
      await until(`etcd's member on ${host} votes`, 120_000, async () => (await etcd.voter(host)) !== null);
      const after = await etcd.voter(host);
      expect(after?.cluster).toBe(before?.cluster);
      expect(after?.member).not.toBe(before?.member);
      const { record } = await system.watchdogs.until(
        "the standby is in sync",
        (status) => status.record?.phase === "serving" && status.record.standby === "in-sync",
        REJOIN_MS,
        watchdog,
      );
      expect(record).toMatchObject({ active: serving });
      expect(longestOutageMs(traffic, lostAtMs)).toBeLessThan(outageMs);

      if (site === "gra") await failBack(system);
      await traffic.stop();
      const { missing } = await traffic.verify();
      // What only gra's disks had is gone with them.
      if (site === "gra") expect(missing.length).toBeLessThanOrEqual(record?.lastFailover?.loss.atMost ?? 0);
      else expect(missing).toEqual([]);
    },
  );
}

/** An application that knows the entry of one region; ends with the test. */
async function trafficAt({ system }: LabUnderTest, region: "gra" | "bhs", index: string): Promise<Traffic> {
  const { url } = await system.entry(region);
  const traffic = await system.traffic(index, { writers: 1, pauseMs: 50, timeoutMs: 2_000 }, [url]);
  onTestFinished(() => traffic.close());
  await acknowledged(traffic, 50);
  const sinceMs = Date.now();
  await system.watchdogs.until(
    `${index} is protected`,
    ({ record, replication }) =>
      record?.phase === "serving" &&
      record.standby === "in-sync" &&
      replication?.protectedIndices !== null &&
      replication?.unprotected.length === 0 &&
      replication.observedAtMs > sinceMs,
  );
  return traffic;
}
