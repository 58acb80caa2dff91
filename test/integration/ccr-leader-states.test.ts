import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import {
  expectEqualDocuments,
  firstShard,
  follow,
  followStatus,
  health,
  quickRetries,
  refusal,
  write,
} from "./support/ccr.ts";
import { type ContractPair, contractPair, isForeign, type RestCluster, whyNotForeign } from "./support/ccr-pair.ts";

/** Followers of leaders that are blocked, closed, deleted or created again. */

let pair: ContractPair;
let leader: RestCluster;
let follower: RestCluster;

beforeAll(async () => {
  pair = await contractPair();
  ({ leader, follower } = pair);
});

afterAll(() => pair?.stop());

const expectEqual = (index: string) =>
  expectEqualDocuments({ cluster: leader, index }, { cluster: follower, index }, 60_000);

/** A leader with one document. */
async function createLeader(name: string): Promise<string> {
  const index = pair.named(name);
  await leader.call("PUT", `/${index}`, { body: { settings: { number_of_replicas: 0 } } });
  await write(leader, index, "first");
  return index;
}

async function createFollowed(name: string): Promise<string> {
  const index = await createLeader(name);
  await follow(follower, index, pair.remote, index, quickRetries);
  await expectEqual(index);
  return index;
}

async function block(cluster: RestCluster, index: string, kind: "write" | "read_only", on: boolean): Promise<void> {
  await cluster.call("PUT", `/${index}/_settings`, { body: { [`index.blocks.${kind}`]: on ? true : null } });
}

async function blocksOf(index: string): Promise<object> {
  return (await follower.call("GET", `/${index}/_settings`))[index].settings.index.blocks ?? {};
}

describe("a leader with a write block", () => {
  const index = () => pair.named("blocked");

  test("gives the block to the follower, which keeps it when the leader's is gone", async () => {
    await createLeader("blocked");
    await block(leader, index(), "write", true);
    await follow(follower, index(), pair.remote, index(), quickRetries);
    expect(await blocksOf(index())).toEqual({ write: "true" });
    await block(leader, index(), "write", false);
    await write(leader, index(), "second");
    await eventually("a write has failed", 60_000, async () => {
      return (await firstShard(follower, index())).failed_write_requests > 0;
    });
    expect(await blocksOf(index())).toEqual({ write: "true" });
  });

  test("lets replication stand still with failed writes alone: no exception tells of it, and the lag stays small", async () => {
    const before = (await firstShard(follower, index())).failed_write_requests;
    await eventually("more writes have failed", 60_000, async () => {
      return (await firstShard(follower, index())).failed_write_requests > before;
    });
    const shard = await firstShard(follower, index());
    expect(shard.read_exceptions).toEqual([]);
    expect(shard.fatal_exception).toBeUndefined();
    expect(shard.leader_global_checkpoint - shard.follower_global_checkpoint).toBeGreaterThan(0);
    expect(await followStatus(follower, index())).toBe("active");
  });

  test("is followed again once the follower's block is lifted", async () => {
    await block(follower, index(), "write", false);
    await expectEqual(index());
  });
});

describe("a leader that is read-only", () => {
  const index = () => pair.named("frozen");

  test("is followed with 200, and following has not started: the follower has no aliases, which come with it", async () => {
    await createLeader("frozen");
    await leader.call("PUT", `/${index()}/_alias/${pair.named("late")}`);
    await block(leader, index(), "read_only", true);
    const answer = await follower.call("PUT", `/${index()}/_ccr/follow?wait_for_active_shards=1`, {
      body: { remote_cluster: pair.remote, leader_index: index() },
      timeoutMs: 60_000,
    });
    expect(answer).toEqual({
      follow_index_created: true,
      follow_index_shards_acked: false,
      index_following_started: false,
    });
    expect((await follower.call("GET", `/${index()}/_alias`))[index()].aliases).toEqual({});
  });

  test.each(["_ccr/pause_follow", "_close", "_open"])("lets no %s of the follower through: 403", async (step) => {
    const refused = await refusal(follower, "POST", `/${index()}/${step}`);
    expect(refused).toMatchObject({ status: 403, type: "cluster_block_exception" });
  });

  test("lets the follower be deleted only once the follower's block is lifted", async () => {
    const refused = await refusal(follower, "DELETE", `/${index()}`);
    expect(refused).toMatchObject({ status: 403, type: "cluster_block_exception" });
    await block(follower, index(), "read_only", false);
    await follower.call("DELETE", `/${index()}`);
    await block(leader, index(), "read_only", false);
  });
});

describe("a leader that is closed", () => {
  const index = () => pair.named("closed");

  test("fails the follower's reads, which are tried again; the follower stays active", async () => {
    await createFollowed("closed");
    await leader.call("POST", `/${index()}/_close`);
    await eventually("a read has failed", 60_000, async () => {
      const [failure] = (await firstShard(follower, index())).read_exceptions;
      return failure?.exception.type === "cluster_block_exception" && failure.exception.reason.includes("index closed");
    });
    const failed = (await firstShard(follower, index())).failed_read_requests;
    await eventually("it is tried again", 60_000, async () => {
      return (await firstShard(follower, index())).failed_read_requests > failed;
    });
    expect((await firstShard(follower, index())).fatal_exception).toBeUndefined();
    expect(await followStatus(follower, index())).toBe("active");
  });

  test("can neither be followed nor resumed: 400", async () => {
    const other = pair.named("closed-too");
    const refused = await refusal(follower, "PUT", `/${other}/_ccr/follow`, {
      remote_cluster: pair.remote,
      leader_index: index(),
    });
    expect(refused).toMatchObject({ status: 400, type: "index_closed_exception" });

    await follower.call("POST", `/${index()}/_ccr/pause_follow`);
    const resumed = await refusal(follower, "POST", `/${index()}/_ccr/resume_follow`);
    expect(resumed).toMatchObject({ status: 400, type: "index_closed_exception" });
  });

  test("is followed on once it is open again", async () => {
    const reopened = await createFollowed("reopened");
    await leader.call("POST", `/${reopened}/_close`);
    await eventually("a read has failed", 60_000, async () => {
      return (await firstShard(follower, reopened)).read_exceptions.length > 0;
    });
    await leader.call("POST", `/${reopened}/_open?wait_for_active_shards=1`);
    await write(leader, reopened, "second");
    await expectEqual(reopened);
    expect((await firstShard(follower, reopened)).read_exceptions).toEqual([]);
  });
});

describe("a leader that is deleted", () => {
  test("stops the follower for good, which info calls active all the same", async () => {
    const index = await createFollowed("deleted");
    await leader.call("DELETE", `/${index}`);
    await eventually("fatal", 60_000, async () => {
      return (await firstShard(follower, index)).fatal_exception !== undefined;
    });
    const fatal = (await firstShard(follower, index)).fatal_exception;
    expect(JSON.stringify(fatal)).toContain("index_not_found_exception");
    expect(await followStatus(follower, index)).toBe("active");
  });

  test("lets unfollow answer 500, as there are no leases to remove, and convert the index", async () => {
    const index = await createFollowed("missing");
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    await follower.call("POST", `/${index}/_close`);
    await leader.call("DELETE", `/${index}`);
    const answer = await follower.rest("POST", `/${index}/_ccr/unfollow`);
    expect([answer.status, answer.body.error.type]).toEqual([500, "exception"]);
    expect(answer.body.error).toHaveProperty("failed_to_remove_retention_leases");
    expect(JSON.stringify(answer.body.error.caused_by)).toContain("index_not_found_exception");
    expect(await followStatus(follower, index)).toBeUndefined();
  });

  test("and created again is not resumed: the follower names another UUID, and is paused for good", async () => {
    const index = await createFollowed("remade");
    const uuid = async () => (await leader.call("GET", `/${index}/_settings`))[index].settings.index.uuid as string;
    const before = await uuid();
    await leader.call("DELETE", `/${index}`);
    await leader.call("PUT", `/${index}`);
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    const refused = await refusal(follower, "POST", `/${index}/_ccr/resume_follow`);
    expect(refused.status).toBe(400);
    expect(refused.reason).toContain(`follow index [${index}] should reference`);
    expect(refused.reason).toContain(`[${before}]`);
    expect(refused.reason).toContain(`[${await uuid()}]`);
    expect(await followStatus(follower, index)).toBe("paused");
    expect(await health(follower, index)).not.toBe("red");
  });
});

describe("a follower that is deleted while it follows", () => {
  test("leaves its task behind", async (context) => {
    context.skip(isForeign, `${whyNotForeign.standIn}: newer modules are said to end such tasks`);
    const index = await createFollowed("orphaned");
    await follower.call("DELETE", `/${index}`);
    await write(leader, index, "second");
    await eventually("the task has failed for good", 60_000, async () => {
      return (await firstShard(follower, index)).fatal_exception !== undefined;
    });
  });
});
