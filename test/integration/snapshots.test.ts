import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { createLargeLeader, documentsOf, expectEqualDocuments, follow, refusal, write } from "./support/ccr.ts";

/**
 * Snapshots of an index that is replicated, as docs/snapshots.md has them: with Elasticsearch's own snapshots, in a repository on the
 * disk, as the lab's nodes have no module for object storage.
 */

const repository = "backup";
const index = "orders";
const large = "orders-large";
const restored = "restored-orders";

describe("snapshots of a replicated index", { timeout: 300_000 }, () => {
  let pair: ClusterPair;

  beforeAll(async () => {
    pair = await borrowClusterPair();
  });
  afterAll(() => pair?.stop());

  beforeEach(async () => {
    for (const cluster of [pair.gra, pair.bhs]) {
      const settings = { location: repository };
      await cluster.call("PUT", `/_snapshot/${repository}`, { body: { type: "fs", settings } });
    }
    await pair.gra.call("PUT", `/${index}`, { body: { settings: { number_of_replicas: 0 } } });
    for (const id of ["1", "2", "3"]) await write(pair.gra, index, id, { id });
    await follow(pair.bhs, index, "gra");
    await expectEqual();
  });
  afterEach(async () => {
    await pair.bhs.rest("POST", `/${index}/_ccr/pause_follow`);
    for (const cluster of [pair.bhs, pair.gra]) {
      for (const name of [index, large, restored]) await cluster.rest("DELETE", `/${name}`);
      await cluster.rest("DELETE", `/_snapshot/${repository}/*`);
      await cluster.rest("DELETE", `/_snapshot/${repository}`);
    }
  });

  const expectEqual = () => expectEqualDocuments({ cluster: pair.gra, index }, { cluster: pair.bhs, index });

  async function snapshot(region: "gra" | "bhs", name: string): Promise<void> {
    const body = { indices: index, partial: true, include_global_state: false };
    const answer = await pair[region].call("PUT", `/_snapshot/${repository}/${name}?wait_for_completion=true`, {
      body,
    });
    expect(answer.snapshot.state).toBe("SUCCESS");
  }

  const restore = (region: "gra" | "bhs", name: string, body: object) =>
    pair[region].call("POST", `/_snapshot/${repository}/${name}/_restore?wait_for_completion=true`, {
      body: { indices: index, include_global_state: false, ...body },
    });

  test("one that may be partial keeps no follower from being closed, as a promotion does", async () => {
    await createLargeLeader(pair.gra, large, 900);
    await follow(pair.bhs, large, "gra");
    await eventually("the large index is copied", 60_000, async () => {
      return (await documentsOf(pair.bhs, large)).length === 900;
    });
    const settings = { location: repository, max_snapshot_bytes_per_sec: "10kb" };
    await pair.bhs.call("PUT", `/_snapshot/${repository}`, { body: { type: "fs", settings } });
    const begin = (name: string, partial: boolean) =>
      pair.bhs.call("PUT", `/_snapshot/${repository}/${name}?wait_for_completion=false`, {
        body: { indices: large, partial, include_global_state: false },
      });
    const isRunning = async () =>
      ((await pair.bhs.call("GET", "/_snapshot/_status")).snapshots as readonly object[]).length > 0;
    await pair.bhs.call("POST", `/${large}/_ccr/pause_follow`);

    await begin("whole", false);
    await eventually("the snapshot runs", 30_000, isRunning);
    expect((await refusal(pair.bhs, "POST", `/${large}/_close`)).reason).toContain("being snapshotted");
    await pair.bhs.call("DELETE", `/_snapshot/${repository}/whole`);

    await begin("partial", true);
    await eventually("the snapshot runs", 30_000, isRunning);
    await pair.bhs.call("POST", `/${large}/_close`);
    await pair.bhs.call("DELETE", `/_snapshot/${repository}/partial`);
  });

  test("an index restored beside the damaged one gives back its documents by common writes, which are replicated", async () => {
    await snapshot("gra", "before");
    await pair.gra.call("DELETE", `/${index}/_doc/2`);
    await restore("gra", "before", { rename_pattern: "(.+)", rename_replacement: "restored-$1" });
    const documents = await documentsOf(pair.gra, restored);
    expect(documents.map(({ id }) => id)).toEqual(["1", "2", "3"]);
    const lost = documents.find(({ id }) => id === "2");
    await pair.gra.call("PUT", `/${index}/_create/2`, { body: lost?.source });
    await expectEqual();
  });

  test("an index restored in place of the deleted one is another one for its follower, which follows again once deleted", async () => {
    await snapshot("gra", "before");
    await pair.gra.call("DELETE", `/${index}`);
    await restore("gra", "before", {});
    await pair.bhs.call("POST", `/${index}/_ccr/pause_follow`);
    expect((await refusal(pair.bhs, "POST", `/${index}/_ccr/resume_follow`)).reason).toMatch(
      /should reference .* as leader index but instead reference/,
    );
    await pair.bhs.call("DELETE", `/${index}`);
    await follow(pair.bhs, index, "gra");
    await expectEqual();
  });

  test("a snapshot that was taken of a follower is restored as one that refuses writes, until it is unfollowed", async () => {
    await snapshot("bhs", "of-the-follower");
    await restore("bhs", "of-the-follower", { rename_pattern: "(.+)", rename_replacement: "restored-$1" });
    expect((await documentsOf(pair.bhs, restored)).map(({ id }) => id)).toEqual(["1", "2", "3"]);
    expect((await refusal(pair.bhs, "PUT", `/${restored}/_doc/4`, { n: 4 })).reason).toContain("following");
    await pair.bhs.call("POST", `/${restored}/_close`);
    await pair.bhs.rest("POST", `/${restored}/_ccr/unfollow`);
    await pair.bhs.call("POST", `/${restored}/_open`);
    await pair.bhs.call("PUT", `/${restored}/_doc/4`, { body: { n: 4 } });
  });
});
