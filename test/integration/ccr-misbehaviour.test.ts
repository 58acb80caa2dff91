import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import {
  createLargeLeader,
  documentsOf,
  expectEqualDocuments,
  firstShard,
  follow,
  followerLeases,
  followStatus,
  health,
  quickRetries,
  whileMisbehaving,
  write,
} from "./support/ccr.ts";

/** Failures that only the lab's stand-in can be asked for: `lab_ccr.misbehave.<kind>`, on followers in bhs. */

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;

beforeAll(async () => {
  pair = await borrowClusterPair();
  ({ gra, bhs } = pair);
});

afterAll(() => pair?.stop());

async function createFollowed(index: string): Promise<void> {
  await gra.call("PUT", `/${index}`);
  await follow(bhs, index, "gra", index, quickRetries);
}

const expectEqual = (index: string) => expectEqualDocuments({ cluster: gra, index }, { cluster: bhs, index });

test("a fatal exception stops the follower until it is paused and resumed", async () => {
  await createFollowed("fatal");
  await whileMisbehaving(bhs, "fatal", ["fatal"], () =>
    eventually("fatal exception", 15_000, async () => (await firstShard(bhs, "fatal")).fatal_exception !== undefined),
  );
  await write(gra, "fatal", "1");
  expect(await followStatus(bhs, "fatal")).toBe("active");
  expect(await documentsOf(bhs, "fatal")).toEqual([]);

  await bhs.call("POST", "/fatal/_ccr/pause_follow");
  await bhs.call("POST", "/fatal/_ccr/resume_follow");
  await expectEqual("fatal");
});

test("failing reads are counted, shown and retried", async () => {
  await createFollowed("failing");
  await whileMisbehaving(bhs, "read_fails", ["failing"], async () => {
    await write(gra, "failing", "1");
    await eventually("failures are shown", 15_000, async () => {
      const shard = await firstShard(bhs, "failing");
      return shard.failed_read_requests > 1 && shard.read_exceptions.length === 1;
    });
    expect((await firstShard(bhs, "failing")).fatal_exception).toBeUndefined();
  });
  // A read that waits for something to read has not succeeded yet: the exception stays until it has.
  await write(gra, "failing", "2");
  await expectEqual("failing");
  expect((await firstShard(bhs, "failing")).read_exceptions).toEqual([]);
});

test("a stalled follower knows of no lag", async () => {
  await createFollowed("stalled");
  await whileMisbehaving(bhs, "stalls", ["stalled"], async () => {
    await write(gra, "stalled", "1");
    await eventually("nothing has been read for two seconds", 30_000, async () => {
      return (await firstShard(bhs, "stalled")).time_since_last_read_millis > 2000;
    });
    const shard = await firstShard(bhs, "stalled");
    expect(shard.leader_global_checkpoint).toBe(shard.follower_global_checkpoint);
    expect(await documentsOf(bhs, "stalled")).toEqual([]);
  });
  await expectEqual("stalled");
});

test.each(["pause_hangs", "unfollow_hangs"] as const)("%s: no answer comes and nothing is changed", async (kind) => {
  const name = kind.replace("_", "-");
  const call = kind === "pause_hangs" ? "pause_follow" : "unfollow";
  await createFollowed(name);
  if (kind === "unfollow_hangs") {
    await bhs.call("POST", `/${name}/_ccr/pause_follow`);
    await bhs.call("POST", `/${name}/_close`);
  }
  await whileMisbehaving(bhs, kind, [name], async () => {
    await expect(bhs.rest("POST", `/${name}/_ccr/${call}`, { timeoutMs: 1500 })).rejects.toThrow();
  });
  expect(await followStatus(bhs, name)).toBe(kind === "pause_hangs" ? "active" : "paused");
  expect((await bhs.rest("POST", `/${name}/_ccr/${call}`)).status).toBe(200);
});

test("lease_removal_fails: unfollow says which leases it left, and has converted the index", async () => {
  await createFollowed("leased");
  await bhs.call("POST", "/leased/_ccr/pause_follow");
  await bhs.call("POST", "/leased/_close");
  await whileMisbehaving(bhs, "lease_removal_fails", ["leased"], async () => {
    const answer = await bhs.rest("POST", "/leased/_ccr/unfollow");
    expect([answer.status, answer.body.error.type]).toEqual([500, "exception"]);
    const [lease] = await followerLeases(gra, "leased");
    expect(answer.body.error["failed_to_remove_retention_leases"]).toEqual(lease);
  });
  expect(await followStatus(bhs, "leased")).toBeUndefined();
  expect((await bhs.rest("POST", "/leased/_ccr/unfollow")).status).toBe(400);
});

test("lab_ccr.copy_bytes_per_second makes first copies slow, also those that run, until it is set to 0", async () => {
  const setTo = (value: number) =>
    bhs.call("PUT", "/_cluster/settings", { body: { persistent: { "lab_ccr.copy_bytes_per_second": value } } });
  await createLargeLeader(gra, "slow", 50);
  await setTo(1024);
  const body = { remote_cluster: "gra", leader_index: "slow" };
  await bhs.call("PUT", "/slow/_ccr/follow", { body });
  await eventually("some has come", 30_000, async () => {
    const [copy] = await bhs.call("GET", "/_cat/recovery/slow?format=json&active_only=true&bytes=b");
    return Number(copy.bytes_recovered) > 0;
  });
  expect(await health(bhs, "slow")).toBe("yellow");
  expect(await followStatus(bhs, "slow")).toBe("paused");
  await setTo(0);
  await eventually("it follows", 30_000, async () => (await followStatus(bhs, "slow")) === "active");
  await expectEqual("slow");
});

test("an unknown kind of misbehaviour is refused", async () => {
  const answer = await bhs.rest("PUT", "/_cluster/settings", {
    body: { persistent: { "lab_ccr.misbehave.nonsense": ["*"] } },
  });
  expect(answer.status).toBe(400);
});
