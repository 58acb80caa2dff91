import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { expectEqualDocuments, follow, followStatus, promote, refusal } from "./support/ccr.ts";
import { type ContractPair, contractPair, type RestCluster } from "./support/ccr-pair.ts";
import { append, putStreamTemplate, streamOf, writeIndexOf } from "./support/data-streams.ts";

/** Data streams, and what cross-cluster replication makes of them: contract tests, as ccr-contract.test.ts. */

let pair: ContractPair;
let leader: RestCluster;
let follower: RestCluster;
let remote: string;

beforeAll(async () => {
  pair = await contractPair();
  ({ leader, follower, remote } = pair);
  for (const cluster of [leader, follower]) await putStreamTemplate(cluster, pair.named("all"), [pair.named("ds-*")]);
});

afterAll(() => pair?.stop());

/** Creates a data stream in the leader's cluster, whose index template the follower's cluster has, too; returns its full name. */
async function createStream(name: string): Promise<string> {
  const stream = pair.named(`ds-${name}`);
  await leader.call("PUT", `/_data_stream/${stream}`);
  return stream;
}

/** A data stream of one backing index, which is followed. */
async function createFollowed(name: string): Promise<{ readonly stream: string; readonly index: string }> {
  const stream = await createStream(name);
  const index = await writeIndexOf(leader, stream);
  await follow(follower, index, remote);
  return { stream, index };
}

const rollOver = (cluster: RestCluster, stream: string) => cluster.call("POST", `/${stream}/_rollover`);
const illegal = { status: 400, type: "illegal_argument_exception" };

describe("a data stream", () => {
  test("needs a matching index template that declares it", async () => {
    const stream = pair.named("no-template");
    expect(await refusal(leader, "PUT", `/_data_stream/${stream}`)).toMatchObject({
      ...illegal,
      reason: `no matching index template found for data stream [${stream}]`,
    });
  });

  test("has hidden backing indices, the newest of which takes what is created through it, and nothing else", async () => {
    const stream = await createStream("written");
    const first = await writeIndexOf(leader, stream);
    expect(first).toMatch(new RegExp(`^\\.ds-${stream}-\\d{4}\\.\\d{2}\\.\\d{2}-000001$`));
    expect(await append(leader, stream, "1")).toBe(first);
    expect(await refusal(leader, "PUT", `/${stream}/_doc/2`, { "@timestamp": 0 })).toMatchObject({
      ...illegal,
      reason: "only write ops with an op_type of create are allowed in data streams",
    });
    expect((await refusal(leader, "DELETE", `/${stream}/_doc/1`)).status).toBe(400);

    await rollOver(leader, stream);
    const second = await writeIndexOf(leader, stream);
    expect(second).toMatch(/-000002$/);
    expect(await append(leader, stream, "1")).toBe(second);
    const { indices } = await leader.call("GET", `/_resolve/index/*${stream}*`);
    expect(indices).toEqual([]);
  });

  test("takes a deletion of nothing by the name of a backing index, which leaves no document", async () => {
    const stream = await createStream("probed");
    const index = await writeIndexOf(leader, stream);
    const { status, body } = await leader.rest("DELETE", `/${index}/_doc/nothing`);
    expect({ status, result: body.result }).toEqual({ status: 404, result: "not_found" });
    expect((await leader.call("GET", `/${stream}/_count`)).count).toBe(0);
  });

  test("refuses a write block by its API, deletion and removal of its write index alone", async () => {
    const stream = await createStream("guarded");
    await rollOver(leader, stream);
    const [older, newest] = (await streamOf(leader, stream))?.indices ?? [];
    expect(await refusal(leader, "PUT", `/${newest}/_block/write`)).toMatchObject({
      ...illegal,
      reason: `cannot add a block to the following data stream write indices [${newest}]`,
    });
    expect(await refusal(leader, "DELETE", `/${newest}`)).toMatchObject({
      ...illegal,
      reason: `index [${newest}] is the write index for data stream [${stream}] and cannot be deleted`,
    });
    const removal = { actions: [{ remove_backing_index: { data_stream: stream, index: newest } }] };
    expect(await refusal(leader, "POST", "/_data_stream/_modify", removal)).toMatchObject({
      ...illegal,
      reason: `cannot remove backing index [${newest}] of data stream [${stream}] because it is the write index`,
    });
    await leader.call("PUT", `/${older}/_block/write`);
    await leader.call("DELETE", `/${older}`);
    expect((await streamOf(leader, stream))?.indices).toEqual([newest]);
  });

  test("takes a write block of its write index as a setting, which refuses what is created through it", async () => {
    const stream = await createStream("blocked");
    const index = await writeIndexOf(leader, stream);
    await leader.call("PUT", `/${index}/_settings`, { body: { "index.blocks.write": true } });
    const refused = await refusal(leader, "PUT", `/${stream}/_create/1`, { "@timestamp": 0 });
    expect(refused).toMatchObject({ status: 403, type: "cluster_block_exception" });
    await leader.call("PUT", `/${index}/_settings`, { body: { "index.blocks.write": null } });
    expect(await append(leader, stream, "1")).toBe(index);
  });

  test("goes with all its backing indices when it is deleted", async () => {
    const stream = await createStream("deleted");
    await rollOver(leader, stream);
    await leader.call("DELETE", `/_data_stream/${stream}`);
    expect(await streamOf(leader, stream)).toBeNull();
    const { indices } = await leader.call("GET", `/_resolve/index/.ds-${stream}*?expand_wildcards=all`);
    expect(indices).toEqual([]);
  });
});

describe("following a data stream", () => {
  test("works by backing index, not by the stream's name", async () => {
    const stream = await createStream("by-name");
    const refused = await refusal(follower, "PUT", `/${stream}/_ccr/follow`, {
      remote_cluster: remote,
      leader_index: stream,
    });
    expect(refused).toMatchObject({ ...illegal, reason: `cannot follow [${stream}], because it is a DATA_STREAM` });
  });

  test("makes a replicated stream of the followed indices, older ones first, which takes no writes and no rollover", async () => {
    const { stream, index: first } = await createFollowed("followed");
    expect(await streamOf(follower, stream)).toMatchObject({ indices: [first], replicated: true });
    await rollOver(leader, stream);
    await rollOver(leader, stream);
    const [, second = "", third = ""] = (await streamOf(leader, stream))?.indices ?? [];
    await follow(follower, third, remote);
    await follow(follower, second, remote);
    expect(await streamOf(follower, stream)).toMatchObject({ indices: [first, second, third], replicated: true });

    await append(leader, stream, "1");
    await expectEqualDocuments({ cluster: leader, index: third }, { cluster: follower, index: third }, 60_000);
    expect((await refusal(follower, "PUT", `/${stream}/_create/2`, { "@timestamp": 0 })).status).toBe(403);
    expect((await refusal(follower, "DELETE", `/${third}/_doc/nothing`)).status).toBe(403);
    expect(await refusal(follower, "POST", `/${stream}/_rollover`)).toMatchObject({
      ...illegal,
      reason: `data stream [${stream}] cannot be rolled over, because it is a replicated data stream`,
    });
    // Hidden from wildcards, but not by name.
    const { follower_indices } = await follower.call("GET", "/*/_ccr/info");
    expect((follower_indices as { follower_index: string }[]).map((each) => each.follower_index)).not.toContain(third);
    expect(await followStatus(follower, third)).toBe("active");
  });

  test("goes on with new generations by an auto-follow pattern that names the stream", async () => {
    const stream = await createStream("auto");
    const pattern = pair.named("auto-pattern");
    await follower.call("PUT", `/_ccr/auto_follow/${pattern}`, {
      body: { remote_cluster: remote, leader_index_patterns: [stream], follow_index_pattern: "{{leader_index}}" },
    });
    await rollOver(leader, stream);
    const second = await writeIndexOf(leader, stream);
    await eventually("the new generation is followed", 60_000, async () => {
      const found = await streamOf(follower, stream);
      return found?.indices.at(-1) === second && (await followStatus(follower, second)) === "active";
    });
    await follower.call("DELETE", `/_ccr/auto_follow/${pattern}`);
  });

  test("leaves failure stores out", async () => {
    const stream = pair.named("failures");
    const options = {
      mappings: { properties: { n: { type: "long" } } },
      data_stream_options: { failure_store: { enabled: true } },
    };
    await putStreamTemplate(leader, stream, [stream], {}, options);
    const body = { "@timestamp": 0, n: "none" };
    const failed = await leader.call("PUT", `/${stream}/_create/1`, { body });
    expect(failed).toMatchObject({ result: "created", failure_store: "used" });
    const [failure = ""] = (await streamOf(leader, stream))?.failureIndices ?? [];
    expect(failure).toMatch(new RegExp(`^\\.fs-${stream}-`));
    const refused = await refusal(follower, "PUT", `/${failure}/_ccr/follow`, {
      remote_cluster: remote,
      leader_index: failure,
    });
    // 400 or 404: the leader's cluster may not tell of it at all.
    expect([400, 404]).toContain(refused.status);
    await follow(follower, await writeIndexOf(leader, stream), remote);
    expect((await streamOf(follower, stream))?.failureIndices).toEqual([]);
    await leader.call("DELETE", `/_data_stream/${stream}`);
    expect((await leader.rest("HEAD", `/${failure}`)).status).toBe(404);
  });

  test("replaces the write index in its place where that is closed; it cannot be deleted", async () => {
    const { stream, index } = await createFollowed("replaced");
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    expect((await refusal(follower, "DELETE", `/${index}`)).status).toBe(400);
    await follower.call("POST", `/${index}/_close`);
    await append(leader, stream, "1");
    await follow(follower, index, remote);
    expect(await streamOf(follower, stream)).toMatchObject({ indices: [index], replicated: true });
    await expectEqualDocuments({ cluster: leader, index }, { cluster: follower, index }, 60_000);
  });
});

describe("promoting a data stream", () => {
  test("makes it take writes into its newest followed index, and rollovers", async () => {
    const { stream, index } = await createFollowed("promoted");
    await promote(follower, index);
    expect((await refusal(follower, "POST", `/${stream}/_rollover`)).status).toBe(400);
    await follower.call("POST", `/_data_stream/_promote/${stream}`);
    expect(await streamOf(follower, stream)).toMatchObject({ indices: [index], replicated: false });
    expect(await append(follower, stream, "1")).toBe(index);
    await rollOver(follower, stream);
    expect(await writeIndexOf(follower, stream)).toMatch(/-000002$/);
    // Again: nothing is left to do.
    await follower.call("POST", `/_data_stream/_promote/${stream}`);
  });

  test("needs no index template to take writes, but to roll over", async () => {
    const stream = pair.named("templateless");
    await putStreamTemplate(leader, stream, [stream]);
    await leader.call("PUT", `/_data_stream/${stream}`);
    const index = await writeIndexOf(leader, stream);
    await follow(follower, index, remote);
    await promote(follower, index);
    await follower.call("POST", `/_data_stream/_promote/${stream}`);
    expect((await streamOf(follower, stream))?.template).toBeUndefined();
    expect(await append(follower, stream, "1")).toBe(index);
    expect(await refusal(follower, "POST", `/${stream}/_rollover`)).toMatchObject({
      ...illegal,
      reason: `no matching index template found for data stream [${stream}]`,
    });
  });

  test("makes it refuse to follow, until it is deleted", async () => {
    const { stream, index } = await createFollowed("own");
    await follower.call("POST", `/_data_stream/_promote/${stream}`);
    await rollOver(leader, stream);
    const second = await writeIndexOf(leader, stream);
    const refused = await refusal(follower, "PUT", `/${second}/_ccr/follow`, {
      remote_cluster: remote,
      leader_index: second,
    });
    expect(refused).toMatchObject({
      ...illegal,
      reason: `cannot follow backing index [${second}], because local data stream [${stream}] is no longer marked as replicated`,
    });
    await follower.call("POST", `/${index}/_ccr/pause_follow`);
    await follower.call("DELETE", `/_data_stream/${stream}`);
    await follow(follower, second, remote);
    expect(await streamOf(follower, stream)).toMatchObject({ indices: [second], replicated: true });
  });

  test("of a missing one is refused with 404", async () => {
    const stream = pair.named("missing");
    const refused = await refusal(follower, "POST", `/_data_stream/_promote/${stream}`);
    expect(refused).toMatchObject({ status: 404, type: "resource_not_found_exception" });
  });
});
