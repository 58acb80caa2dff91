import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { haproxyMissing } from "./haproxy-process.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import {
  cloneLargeLeader,
  copySlowly,
  expectEqualDocuments,
  firstShard,
  followerLeases,
  write,
} from "./support/ccr.ts";
import { clear, createUsers, seed, seeded, stateOf } from "./support/watchdog-clusters.ts";
import { releaseForTests } from "./support/watchdog-release.ts";
import { type SiteOverrides, WatchdogSite } from "./support/watchdog-site.ts";

/** What the watchdog does about followers that are copied, fail, or follow what is gone, on real parts. */

const title = `the watchdog's followers${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;

describe.skipIf(haproxyMissing !== undefined)(title, () => {
  let pair: ClusterPair;
  let site: WatchdogSite;

  const release = releaseForTests();
  beforeAll(async () => {
    pair = await borrowClusterPair();
    await createUsers(pair);
  });
  afterAll(() => pair?.stop());

  beforeEach(() => seed(pair));
  afterEach(async () => {
    await site?.stop();
    for (const cluster of [pair.gra, pair.bhs]) await cluster.thaw();
    await copySlowly(pair.bhs, null);
    await pair.gra.call("PUT", "/orders*/_settings", { body: { "index.blocks.read_only": null } });
    await clear(pair);
  });

  /** A site whose watchdog has brought bhs in sync, and does not fail over however slow the machine is. */
  async function siteInSync(more: SiteOverrides = {}): Promise<void> {
    site = await WatchdogSite.inSync(pair, release(), { checks: { failThreshold: 60 }, ...more });
  }

  const equal = (index: string) =>
    expectEqualDocuments({ cluster: pair.gra, index }, { cluster: pair.bhs, index }, 120_000);
  const repairs = async () => (await site.status()).replication?.repairs ?? [];
  const block = (index: string, blocks: object) => pair.gra.call("PUT", `/${index}/_settings`, { body: blocks });

  test("a first copy that failed is made again until it succeeds, without a block that came along", async () => {
    await siteInSync();
    await pair.gra.call("PUT", "/orders-000009", { body: { settings: { number_of_replicas: 0 } } });
    await write(pair.gra, "orders-000009", "1");
    // A copy of an index with this block fails: the follower has it, too, and refuses the mapping.
    await block("orders-000009", { "index.blocks.read_only": true });
    // Auto-follow may have taken it before: what that follower leaves on its leader is not the watchdog's to end.
    await eventually("the follower has the leader's block", 60_000, async () => {
      const { status, body } = await pair.bhs.rest("GET", "/orders-000009/_settings?flat_settings=true");
      if (status === 404) return false;
      if (body["orders-000009"].settings["index.blocks.read_only"] === "true") return true;
      await pair.bhs.rest("DELETE", "/orders-000009");
      return false;
    });
    const left = await followerLeases(pair.gra, "orders-000009");
    let seen: WatchdogStatus["replication"] = null;
    const shown = () => `a failed copy was replaced by another; ${JSON.stringify([seen?.reasons, seen?.repairs])}`;
    await eventually(shown, 60_000, async () => {
      seen = (await site.status()).replication;
      return (seen?.repairs ?? []).some(
        ({ change, error }) => change.startsWith("recreate follower orders-000009") && error === null,
      );
    });
    await block("orders-000009", { "index.blocks.read_only": null });
    await equal("orders-000009");
    // Followers that are copied are not told to resume.
    expect((await repairs()).filter(({ change }) => change.startsWith("resume following"))).toEqual([]);
    const leases = await followerLeases(pair.gra, "orders-000009");
    expect(leases.filter((lease) => !left.includes(lease))).toHaveLength(1);
  });

  test("a write block that came along is lifted once the leader's is gone, and the missing writes arrive", async () => {
    await siteInSync();
    await pair.gra.call("PUT", "/orders-000009", {
      body: { settings: { number_of_replicas: 0, "index.blocks.write": true } },
    });
    await site.untilInSync(4);
    const isBlocked = async () => {
      const settings = await pair.bhs.call("GET", "/orders-000009/_settings?flat_settings=true");
      return settings["orders-000009"].settings["index.blocks.write"] === "true";
    };
    expect(await isBlocked()).toBe(true);
    await block("orders-000009", { "index.blocks.write": null });
    await write(pair.gra, "orders-000009", "1");
    await equal("orders-000009");
    expect(await isBlocked()).toBe(false);
  });

  test("a follower whose leader was created again follows the new one, and leaves no lease behind", async () => {
    await siteInSync();
    await pair.gra.call("DELETE", "/customers");
    await pair.gra.call("PUT", "/customers", { body: { settings: { number_of_replicas: 0 } } });
    for (const id of ["a", "b"]) await write(pair.gra, "customers", id, { again: true });
    await equal("customers");
    await site.untilInSync(3);
    expect((await repairs()).map(({ change }) => change)).toContainEqual(
      expect.stringMatching(/^recreate follower customers of gra .*another index of this name/),
    );
    expect(await followerLeases(pair.gra, "customers")).toHaveLength(1);
  });

  test("auto-follow is paused while the active region does not answer, and resumed when it does", async () => {
    await siteInSync({ replication: { maxReadAgeMs: 600_000 } });
    await pair.gra.freeze();
    const isPaused = async () => (await stateOf(pair.bhs)).autoFollow["es-failover-from-gra"] === "paused";
    await eventually("auto-follow is paused", 60_000, isPaused);
    await pair.gra.thaw();
    await pair.gra.call("PUT", "/orders-000009", { body: { settings: { number_of_replicas: 0 } } });
    await write(pair.gra, "orders-000009", "1");
    await eventually("auto-follow is resumed", 60_000, async () => !(await isPaused()));
    await equal("orders-000009");
    expect((await site.record()).phase).toBe("serving");
    await site.untilInSync(4);
  });

  test("a new index is shown as not protected while it is copied, and the others stay protected", async () => {
    await siteInSync();
    await copySlowly(pair.bhs, 8_192);
    await cloneLargeLeader(pair.gra, "orders-000009", 200);
    const { replication } = await site.untilStatus("the copy has begun", ({ replication: now }) =>
      (now?.unprotected ?? []).some(({ copy }) => copy !== null && copy.bytesDone > 0 && copy.bytesTotal !== null),
    );
    expect(replication).toMatchObject({ inSync: true, reasons: [], protectedIndices: { count: 3, of: 4 } });
    expect(replication?.unprotected).toMatchObject([
      { index: "orders-000009", state: "copying", established: false, copy: { state: "running" } },
    ]);
    // A probe may be late on a busy machine; the missing primary is no reason.
    for (const { health } of (await site.status()).regions) expect(health.reason).not.toMatch(/primary/);
    await copySlowly(pair.bhs, null);
    await site.untilStatus("all are protected", ({ replication: now }) => now?.protectedIndices?.count === 4);
    await equal("orders-000009");
    expect((await repairs()).filter(({ change }) => change.startsWith("resume following"))).toEqual([]);
  });

  test("no more copies run at once than configured", async () => {
    const names = Array.from({ length: 6 }, (_, n) => `orders-many-${n}`);
    for (const index of names) {
      await pair.gra.call("PUT", `/${index}`, { body: { settings: { number_of_replicas: 0 } } });
      await write(pair.gra, index, "1", { filler: "x".repeat(2_000) });
      await pair.gra.call("POST", `/${index}/_flush?force=true`);
    }
    // About a minute for each copy, were they alone.
    await copySlowly(pair.bhs, 128);
    site = await WatchdogSite.create(pair, release(), { replication: { copiesAtOnce: 2 } });
    site.start();
    const running = async () => {
      const health = await pair.bhs.call("GET", "/_cluster/health/orders*,customers?level=indices");
      const indices = Object.values(health.indices) as { active_primary_shards: number; number_of_shards: number }[];
      return indices.filter((each) => each.active_primary_shards < each.number_of_shards).length;
    };
    let most = 0;
    await eventually("two copies have run for some rounds", 90_000, async () => {
      most = Math.max(most, await running());
      const { replication } = await site.status();
      return most >= 2 && (replication?.repairs.filter(({ change }) => change.startsWith("follow ")).length ?? 0) >= 2;
    });
    for (let look = 0; look < 20; look += 1) most = Math.max(most, await running());
    expect(most).toBe(2);
    await copySlowly(pair.bhs, null);
  });

  test("a follower whose leader was deleted is deleted after the configured time, where that is the policy", async () => {
    await siteInSync({ replication: { deletedLeaders: { policy: "delete", deleteAfterMs: 5_000 } } });
    await pair.gra.call("DELETE", "/customers");
    const deletedAtMs = Date.now();
    await eventually("the follower is gone", 60_000, async () => {
      return (await pair.bhs.rest("HEAD", "/customers")).status === 404;
    });
    expect(Date.now() - deletedAtMs).toBeGreaterThan(5_000);
    expect((await repairs()).map(({ change }) => change)).toContain(
      "delete follower customers, whose leader was deleted in gra",
    );
    // A task that outlives its index would fail for ever.
    expect(
      (await pair.bhs.call("GET", "/_ccr/stats")).follow_stats.indices.map(({ index }: { index: string }) => index),
    ).not.toContain("customers");
    await site.untilInSync(2);
  });

  test("a follower that is behind because its leader is gone keeps what it has", async () => {
    await siteInSync();
    await pair.gra.call("DELETE", "/customers");
    await site.untilStatus("the missing leader is named", ({ replication }) =>
      (replication?.reasons ?? []).some((reason) =>
        /customers follows customers, which gra no longer has/.test(reason),
      ),
    );
    expect((await firstShard(pair.bhs, "customers")).follower_global_checkpoint).toBe(seeded.customers - 1);
    expect((await stateOf(pair.bhs)).documents["customers"]).toBe(seeded.customers);
  });
});
