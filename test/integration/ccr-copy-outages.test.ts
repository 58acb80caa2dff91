import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import {
  copySlowly,
  createLargeLeader,
  expectEqualDocuments,
  follow,
  followStatus,
  health,
  refusal,
} from "./support/ccr.ts";
import { isForeign, whyNotForeign } from "./support/ccr-pair.ts";
import { Line } from "./support/line.ts";
import { connectAsWatchdog, createWatchdogUser } from "./support/watchdog-user.ts";

/** First copies that an outage interrupts: of the leader, of the line, of the follower's node. */

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;

const ofDeadLeader = ["torn", "torn-closed", "torn-cured"];
const overLine = ["muted", "cut"];

beforeAll(async () => {
  if (isForeign) return;
  pair = await borrowClusterPair();
  ({ gra, bhs } = pair);
  for (const index of [...ofDeadLeader, ...overLine, "restarted"]) await createLargeLeader(gra, index, 200);
});

beforeEach((context) => context.skip(isForeign, whyNotForeign.kills));

afterAll(() => pair?.stop());

interface Recovery {
  readonly index: string;
  readonly bytes_recovered: string;
}

const running = (): Promise<Recovery[]> =>
  bhs.call("GET", "/_cat/recovery?format=json&active_only=true&bytes=b&h=index,bytes_recovered");

const bytesOf = async (index: string): Promise<number> =>
  Number((await running()).find((recovery) => recovery.index === index)?.bytes_recovered ?? Number.NaN);

const body = (index: string, remote = "gra") => ({ remote_cluster: remote, leader_index: index });

/** Copies that take minutes; returns when some of each has come. */
async function startCopies(indices: readonly string[], remote: string): Promise<void> {
  for (const index of indices) {
    await bhs.call("PUT", `/${index}/_ccr/follow`, { body: body(index, remote) });
  }
  for (const index of indices) await eventually(`${index} comes`, 30_000, async () => (await bytesOf(index)) > 0);
}

const isRed = async (index: string) => (await health(bhs, index)) === "red";

async function explained(index: string) {
  return bhs.call("GET", "/_cluster/allocation/explain", { body: { index, shard: 0, primary: true } });
}

/** `no` once Elasticsearch has given up: until then it still counts as being restored. */
const lastAllocation = async (index: string): Promise<string> =>
  (await explained(index)).unassigned_info.last_allocation_status;

async function untilGivenUp(index: string): Promise<void> {
  await eventually(`${index} is red`, 60_000, () => isRed(index));
  await eventually(`${index} is not tried any more`, 60_000, async () => (await lastAllocation(index)) === "no");
}

async function expectFailedAllocation(index: string): Promise<void> {
  const { unassigned_info: info } = await explained(index);
  expect(info.reason).toBe("ALLOCATION_FAILED");
  expect(info.failed_allocation_attempts).toBeGreaterThanOrEqual(1);
  expect(info.failed_allocation_attempts).toBeLessThanOrEqual(5);
  expect(await followStatus(bhs, index)).toBe("paused");
  expect((await bhs.rest("GET", `/${index}/_ccr/stats`)).status).toBe(404);
}

/** What ends the state of a failed copy. */
async function expectCuredByDeleting(index: string, remote: string): Promise<void> {
  await bhs.call("DELETE", `/${index}`);
  await follow(bhs, index, remote);
  await expectEqualDocuments({ cluster: gra, index }, { cluster: bhs, index });
  expect(await isRed(index)).toBe(false);
}

describe("a first copy whose leader dies", () => {
  beforeAll(async () => {
    if (isForeign) return;
    await copySlowly(bhs, 1024);
    await startCopies(ofDeadLeader, "gra");
    await gra.kill();
  });

  afterAll(() => (isForeign ? undefined : copySlowly(bhs, null)));

  test("leaves index and cluster red: allocation has failed, and was tried up to five times", async () => {
    for (const index of ofDeadLeader) await untilGivenUp(index);
    expect((await bhs.call("GET", "/_cluster/health")).status).toBe("red");
    await expectFailedAllocation("torn");
  });

  test("leaves a follower that cannot be paused, unfollowed or asked how far it is", async () => {
    const paused = await refusal(bhs, "POST", "/torn/_ccr/pause_follow");
    expect(paused.status).toBe(400);
    expect(paused.reason).toContain("no shard follow tasks for [torn]");
    const unfollowed = await refusal(bhs, "POST", "/torn/_ccr/unfollow");
    expect(unfollowed.status).toBe(400);
    expect(unfollowed.reason).toContain("because it has not been closed");
    expect((await bhs.call("GET", "/torn/_stats?level=shards"))._shards.successful).toBe(0);
    expect((await refusal(bhs, "GET", "/torn/_search")).status).toBe(503);
  });

  test("closes without its shard and then has no valid copy; unfollow answers 500 and has converted it", async () => {
    const closed = await bhs.call("POST", "/torn-closed/_close?timeout=5s");
    expect(closed.shards_acknowledged).toBe(false);
    await eventually("no valid copy", 30_000, async () => {
      return (await explained("torn-closed")).can_allocate === "no_valid_shard_copy";
    });
    const unfollowed = await bhs.rest("POST", "/torn-closed/_ccr/unfollow");
    expect(unfollowed.status).toBe(500);
    expect(unfollowed.body.error).toHaveProperty("failed_to_remove_retention_leases");
    expect(await followStatus(bhs, "torn-closed")).toBeUndefined();
  });

  test("opens without its shard, and stays red", async () => {
    const opened = await bhs.call("POST", "/torn-closed/_open?timeout=5s");
    expect(opened.shards_acknowledged).toBe(false);
    expect(await isRed("torn-closed")).toBe(true);
    expect((await refusal(bhs, "GET", "/torn-closed/_search")).status).toBe(503);
  });

  test("stays red when the leader is back, also when allocation is tried again; it can be neither resumed nor followed", async () => {
    await gra.restart();
    await eventually("bhs is connected to gra again", 60_000, async () => {
      return (await refusal(bhs, "PUT", "/nothing/_ccr/follow", body("nothing"))).status === 404;
    });
    const rerouted = await bhs.call("POST", "/_cluster/reroute?retry_failed=true&metric=none");
    expect(rerouted.acknowledged).toBe(true);
    expect(await isRed("torn")).toBe(true);
    expect(await lastAllocation("torn")).toBe("no");

    const resumed = await refusal(bhs, "POST", "/torn/_ccr/resume_follow");
    expect(resumed.status).toBe(400);
    expect(resumed.reason).toContain("The primary shard of a follower index [torn][0]");
    expect(resumed.reason).toContain("recovery_source[snapshot recovery");
    const followed = await refusal(bhs, "PUT", "/torn/_ccr/follow", body("torn"));
    expect(followed).toMatchObject({ status: 500, type: "snapshot_restore_exception" });
  });

  test("is cured by deleting the follower and following again", async () => {
    await copySlowly(bhs, null);
    await expectCuredByDeleting("torn-cured", "gra");
  });
});

describe("a first copy whose line fails, while the leader lives", () => {
  /** A remote cluster of bhs besides gra: the same cluster, by a line that can be cut. */
  const remote = "gra-by-line";
  let line: Line;

  const setInBhs = (persistent: object) => bhs.call("PUT", "/_cluster/settings", { body: { persistent } });

  beforeAll(async () => {
    if (isForeign) return;
    line = await Line.to(gra.transportAddresses[0] ?? "");
    await setInBhs({
      [`cluster.remote.${remote}.mode`]: "proxy",
      [`cluster.remote.${remote}.proxy_address`]: line.address,
    });
    await copySlowly(bhs, 1024);
    await startCopies(overLine, remote);
  });

  afterAll(async () => {
    if (isForeign) return;
    await copySlowly(bhs, null);
    await line.close();
  });

  test("for a moment goes on as if nothing had happened", async () => {
    line.silence();
    await eventually("something is missed", 10_000, async () => line.isMissed);
    line.unsilence();
    const before = await bytesOf("muted");
    await eventually("more has come", 30_000, async () => (await bytesOf("muted")) > before);
    expect(await health(bhs, "muted")).toBe("yellow");
  });

  test("with refused connections becomes red, and stays so when the line is back", async () => {
    const restore = await line.cut();
    for (const index of overLine) await untilGivenUp(index);
    await expectFailedAllocation("cut");
    await restore();
    await eventually("the line is back", 30_000, async () => {
      return (await refusal(bhs, "PUT", "/nothing/_ccr/follow", body("nothing", remote))).status === 404;
    });
    for (const index of overLine) expect(await isRed(index)).toBe(true);
  });

  test("with answers that never come becomes red once they are overdue", async () => {
    await bhs.call("DELETE", "/muted");
    await startCopies(["muted"], remote);
    // A minute by default.
    await setInBhs({ "ccr.indices.recovery.internal_action_timeout": "500ms" });
    line.silence();
    await untilGivenUp("muted");
    await expectFailedAllocation("muted");
    line.unsilence();
    await setInBhs({ "ccr.indices.recovery.internal_action_timeout": null });
  });

  test("is cured by deleting the follower and following again", async () => {
    await copySlowly(bhs, null);
    await expectCuredByDeleting("cut", remote);
  });

  test("is cured by closing the follower and following over it, too: it keeps its UUID", async () => {
    const uuid = async () => (await bhs.call("GET", "/muted/_settings"))["muted"].settings.index.uuid;
    const before = await uuid();
    await bhs.call("POST", "/muted/_close?timeout=1s");
    await follow(bhs, "muted", remote);
    await expectEqualDocuments({ cluster: gra, index: "muted" }, { cluster: bhs, index: "muted" });
    expect(await uuid()).toBe(before);
  });
});

describe("a first copy whose follower's nodes all restart", () => {
  beforeAll(async () => {
    if (isForeign) return;
    await copySlowly(bhs, 1024);
    await startCopies(["restarted"], "gra");
    await bhs.kill();
    await bhs.restart("red");
  });

  afterAll(() => (isForeign ? undefined : copySlowly(bhs, null)));

  test("is not tried again: there is no valid copy, and the index is red", async () => {
    await eventually("no valid copy", 30_000, async () => {
      return (await explained("restarted")).can_allocate === "no_valid_shard_copy";
    });
    expect((await explained("restarted")).unassigned_info.reason).toBe("CLUSTER_RECOVERED");
    expect(await isRed("restarted")).toBe(true);
    expect(await followStatus(bhs, "restarted")).toBe("paused");
  });

  test("is, for the watchdog, a follower of which no node has a copy that could be started", async () => {
    const managed = { patterns: ["restarted"], exclusions: [] };
    await createWatchdogUser(bhs, managed.patterns);
    const watchdog = connectAsWatchdog(bhs, managed);
    const state = { name: "restarted", following: true, primariesActive: 0, firstCopy: null, noCopy: true };
    expect(await watchdog.indices()).toMatchObject([state]);
    await watchdog.close();
  });

  test("is cured by deleting the follower and following again", async () => {
    await copySlowly(bhs, null);
    await expectCuredByDeleting("restarted", "gra");
  });
});
