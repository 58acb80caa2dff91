import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import {
  bulk,
  copySlowly,
  createLargeLeader,
  expectEqualDocuments,
  firstShard,
  follow,
  followStatus,
  health,
  refusal,
  write,
} from "./support/ccr.ts";
import { type ContractPair, contractPair, type RestCluster } from "./support/ccr-pair.ts";
import { copyLimitsOf, setCopyLimits } from "./support/copy-limits.ts";

/** A follower's first copy: files of the leader's last commit, by a restore from the repository `_ccr_<remote>`. */

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

interface Recovery {
  readonly type: string;
  readonly stage: string;
  readonly repository: string;
  readonly bytes_percent: string;
  readonly bytes_total: string;
}

async function recoveryOf(index: string): Promise<Recovery> {
  const path = `/_cat/recovery/${index}?format=json&bytes=b&h=type,stage,repository,bytes_percent,bytes_total`;
  const [recovery] = await follower.call("GET", path);
  if (recovery === undefined) throw new Error(`no recovery of ${index}`);
  return recovery;
}

describe("the copy that follow takes", () => {
  test("is the leader's last commit; what was written since comes by operations afterwards", async () => {
    const index = pair.named("committed");
    await leader.call("PUT", `/${index}`, { body: { settings: { "index.refresh_interval": "-1" } } });
    await write(leader, index, "committed");
    await leader.call("POST", `/${index}/_flush?force=true`);
    const later = Array.from({ length: 50 }, (_, i) => ({ index: `later-${i}`, document: { i } }));
    await bulk(leader, index, later);

    await follow(follower, index, pair.remote);
    await expectEqual(index);
    expect((await firstShard(follower, index)).operations_written).toBe(50);
  });

  test("of a leader without a commit is empty, and all documents come by operations", async () => {
    const index = pair.named("uncommitted");
    await leader.call("PUT", `/${index}`);
    await write(leader, index, "1");
    await follow(follower, index, pair.remote);
    await expectEqual(index);
    expect(Number((await recoveryOf(index)).bytes_total)).toBeLessThan(1024);
    expect((await firstShard(follower, index)).operations_written).toBe(1);
  });
});

describe("while the first copy runs", () => {
  const index = () => pair.named("copying");
  /** The copy would take ten minutes: it runs until the last test of these lets it end. */
  const kilobytes = 600;
  /** A foreign cluster may have limits of its own. */
  let copyAsBefore = async () => {};

  beforeAll(async () => {
    await createLargeLeader(leader, index(), kilobytes);
    await leader.call("POST", "/_aliases", {
      body: { actions: [{ add: { index: index(), alias: pair.named("late-alias") } }] },
    });
    const limits = await copyLimitsOf(follower);
    copyAsBefore = () => setCopyLimits(follower, limits);
    await copySlowly(follower, 1024);
  });

  afterAll(() => copyAsBefore());

  test("follow without waiting answers at once that nothing has started", async () => {
    const answer = await follower.call("PUT", `/${index()}/_ccr/follow`, {
      body: { remote_cluster: pair.remote, leader_index: index() },
    });
    expect(answer).toEqual({
      follow_index_created: true,
      follow_index_shards_acked: false,
      index_following_started: false,
    });
  });

  test("the index is yellow and its primary initialises; the cluster is yellow, too", async () => {
    await eventually("the primary initialises", 30_000, async () => {
      const shown = await follower.call("GET", `/_cluster/health/${index()}`);
      return shown.status === "yellow" && shown.active_primary_shards === 0 && shown.initializing_shards === 1;
    });
    expect((await follower.call("GET", "/_cluster/health")).status).toBe("yellow");
  });

  test("recovery tells of a snapshot in the remote cluster's repository, and how many percent are there", async () => {
    let first = 0;
    await eventually("some bytes have come", 60_000, async () => {
      first = Number.parseFloat((await recoveryOf(index())).bytes_percent);
      return first > 0;
    });
    expect(await recoveryOf(index())).toMatchObject({
      type: "snapshot",
      stage: "index",
      repository: `_ccr_${pair.remote}`,
    });
    await eventually("more bytes have come", 60_000, async () => {
      return Number.parseFloat((await recoveryOf(index())).bytes_percent) > first;
    });
    expect(first).toBeLessThan(100);
  });

  test("info says paused and has no parameters, and there are no stats", async () => {
    const { follower_indices: infos } = await follower.call("GET", `/${index()}/_ccr/info`);
    expect(infos).toEqual([
      { follower_index: index(), remote_cluster: pair.remote, leader_index: index(), status: "paused" },
    ]);
    expect((await follower.rest("GET", `/${index()}/_ccr/stats`)).status).toBe(404);
  });

  test("there are no aliases yet", async () => {
    expect((await follower.call("GET", `/${index()}/_alias`))[index()].aliases).toEqual({});
  });

  test("no shard tells of its sequence numbers", async () => {
    const stats = await follower.call("GET", `/${index()}/_stats?level=shards`);
    expect(stats._shards.successful).toBe(0);
  });

  test("a search waits, or answers 503", async () => {
    const search = follower.rest("GET", `/${index()}/_search`, { timeoutMs: 2000 });
    const outcome = await search.then(
      ({ status }) => status,
      () => "waits",
    );
    expect(["waits", 503]).toContain(outcome);
  });

  test("resume_follow is refused with 400: the primary shard is not there yet", async () => {
    const refused = await refusal(follower, "POST", `/${index()}/_ccr/resume_follow`);
    expect(refused.status).toBe(400);
    expect(refused.reason).toContain(`The primary shard of a follower index [${index()}][0]`);
    expect(refused.reason).toContain("recovery_source[snapshot recovery");
  });

  test("pause_follow is refused with 400: there are no tasks", async () => {
    const refused = await refusal(follower, "POST", `/${index()}/_ccr/pause_follow`);
    expect(refused.status).toBe(400);
    expect(refused.reason).toContain(`no shard follow tasks for [${index()}]`);
  });

  test("unfollow is refused with 400: the index has not been closed", async () => {
    const refused = await refusal(follower, "POST", `/${index()}/_ccr/unfollow`);
    expect(refused.status).toBe(400);
    expect(refused.reason).toContain("because it has not been closed");
  });

  test("close is refused with 400: the index is being restored", async () => {
    const refused = await refusal(follower, "POST", `/${index()}/_close`);
    expect(refused.status).toBe(400);
    expect(refused.reason).toContain("Cannot close indices that are being restored");
  });

  test("other followers keep following", async () => {
    const other = pair.named("beside");
    await leader.call("PUT", `/${other}`);
    await follow(follower, other, pair.remote);
    await write(leader, other, "1");
    await expectEqual(other);
  });

  test("deleting the follower ends the copy, and following again begins a new one, which ends in following", async () => {
    await follower.call("DELETE", `/${index()}`);
    await copyAsBefore();
    await follow(follower, index(), pair.remote);
    expect(await followStatus(follower, index())).toBe("active");
    await expectEqual(index());
    expect(await health(follower, index())).not.toBe("red");
  });
});
