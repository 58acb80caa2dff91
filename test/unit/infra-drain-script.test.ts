import { describe, expect, test } from "vitest";
import { scriptHost } from "./support/script-host.ts";

const host = scriptHost();
const { calls, noted } = host;
const setting = "cluster.routing.allocation.exclude._name";

/** Shards of the node, in the form of Elasticsearch's answer. */
const shards = (count: number) => `{"nodes": {"a": {"indices": {"shard_stats": {"total_count": ${count}}}}}}`;

interface Cluster {
  /** Excluded nodes before. */
  readonly excluded?: string;
  /** What the node's statistics answer. */
  readonly statistics?: string;
}

async function drain(node: string, { excluded, statistics = shards(0) }: Cluster = {}, withinSeconds = 0) {
  await host.answerCurl({
    [`GET /_nodes/${node}/stats/indices?filter_path=nodes.*.indices.shard_stats.total_count`]: statistics,
    "GET /_cluster/settings?flat_settings=true&filter_path=persistent": JSON.stringify(
      excluded === undefined ? {} : { persistent: { [setting]: excluded } },
    ),
    "PUT /_cluster/settings": '{"acknowledged": true}',
  });
  return host.run("elasticsearch/drain.sh", {
    url: "https://192.168.1.11:9200",
    elasticPassword: "the-password",
    node,
    withinSeconds: String(withinSeconds),
  });
}

/** What was put last. */
async function excludedNow(): Promise<unknown> {
  const [body = ""] = (await noted("bodies")).trim().split("\n").slice(-1);
  return JSON.parse(body).persistent[setting];
}

describe("drain.sh", () => {
  test("keeps shards off the node, waits until it holds none, and shows no password", async () => {
    const { status, stderr } = await drain("gra-es-5");
    expect([status, stderr]).toEqual([0, expect.stringContaining("gra-es-5 holds no shards any more")]);
    expect(await excludedNow()).toBe("gra-es-5");
    expect(await noted("curl.arguments")).not.toContain("the-password");
  });

  test("lets a later node of that name have shards again, once the key is gone", async () => {
    await drain("gra-es-5");
    expect((await drain("", { excluded: "gra-es-5" })).status).toBe(0);
    expect(await excludedNow()).toBeNull();
  });

  test("keeps the nodes that an operator has excluded", async () => {
    await drain("gra-es-5", { excluded: "gra-es-1" });
    expect(await excludedNow()).toBe("gra-es-1,gra-es-5");
    await drain("gra-es-4", { excluded: "gra-es-1,gra-es-5" });
    expect(await excludedNow()).toBe("gra-es-1,gra-es-4");
    await drain("", { excluded: "gra-es-1, gra-es-4" });
    expect(await excludedNow()).toBe("gra-es-1");
  });

  test("fails while the node holds shards after the bound, and says how many and where to look", async () => {
    const { status, stderr } = await drain("gra-es-5", { statistics: shards(7) });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /gra-es-5 still has 7 shards after 0 s\. Run `pulumi up` again.*_cluster\/allocation\/explain/s,
    );
  });

  test("changes nothing where the node is not in the cluster", async () => {
    const { status, stderr } = await drain("gra-es-5", { statistics: "{}" });
    expect(status).toBe(1);
    expect(stderr).toContain("gra-es-5 is not in the cluster");
    expect((await calls()).filter((call) => call.startsWith("PUT"))).toEqual([]);
  });
});
