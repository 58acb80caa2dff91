import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { basicAuthorization } from "../../watchdog/adapters/elasticsearch/authorizations.ts";
import {
  createElasticsearchCluster,
  type ElasticsearchCluster,
} from "../../watchdog/adapters/elasticsearch/cluster.ts";
import { createElasticsearchDocuments } from "../../watchdog/adapters/elasticsearch/documents.ts";
import type { NodesOptions } from "../../watchdog/adapters/elasticsearch/node-client.ts";
import type { ClusterError } from "../../watchdog/core/ports/cluster.ts";

/**
 * Calls to modules that the lab's Elasticsearch nodes lack (ILM), and errors that are hard to cause: against
 * answers taken from Elasticsearch's API reference and source instead of a running cluster.
 */

interface Received {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

type Answer = { readonly status?: number; readonly body: unknown } | { readonly never: true };

const clusterOptions = {
  probeTimeoutMs: 1_000,
  unfollowTimeoutMs: 1_000,
  managed: { patterns: ["logs-app*"], exclusions: [] },
};

let server: Server;
let cluster: ElasticsearchCluster;
let options: NodesOptions;
let received: Received[] = [];
let compressed = 0;
let answers: Readonly<Record<string, Answer>> = {};

beforeAll(async () => {
  server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://localhost");
      received.push({ method: request.method ?? "", path: url.pathname, body: text === "" ? null : JSON.parse(text) });
      const answer: Answer = answers[`${request.method} ${url.pathname}`] ?? {
        status: 400,
        body: { error: `no handler found for uri [${url.pathname}] and method [${request.method}]` },
      };
      if ("never" in answer) return;
      const isAsked = String(request.headers["accept-encoding"]).includes("gzip");
      response.writeHead(answer.status ?? 200, {
        "content-type": "application/json",
        "x-elastic-product": "Elasticsearch",
        ...(isAsked && { "content-encoding": "gzip" }),
      });
      compressed += isAsked ? 1 : 0;
      const body = JSON.stringify(answer.body);
      response.end(isAsked ? gzipSync(body) : body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  options = {
    region: "gra",
    nodes: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
    access: { ca: null, authorizations: [basicAuthorization("es-failover", "secret-of-the-test")] },
    requestTimeoutMs: 5_000,
  };
  cluster = createElasticsearchCluster({ ...options, ...clusterOptions });
});
afterEach(() => {
  received = [];
  compressed = 0;
});
afterAll(async () => {
  await cluster.close();
  server.closeAllConnections();
  server.close();
});

const failure = (attempt: Promise<unknown>): Promise<ClusterError> =>
  attempt.then(
    () => {
      throw new Error("was to fail, but succeeded");
    },
    (error: ClusterError) => error,
  );

describe("a remote cluster with a name of its own", () => {
  const aliased = async <T>(use: (cluster: ElasticsearchCluster) => Promise<T>): Promise<T> => {
    const remoteAliases = { gra: "paris", bhs: "montreal" };
    const connected = createElasticsearchCluster({ ...options, ...clusterOptions, remoteAliases });
    try {
      return await use(connected);
    } finally {
      await connected.close();
    }
  };
  const pattern = (remote: string) => ({
    remote_cluster: remote,
    leader_index_patterns: ["logs-app*"],
    leader_index_exclusion_patterns: [],
    follow_index_pattern: "{{leader_index}}",
    active: true,
  });

  test("is the other region in what is read, and a cluster that only has the region's name is not", async () => {
    const patterns = ["montreal", "bhs", "elsewhere"].map((name) => ({ name, pattern: pattern(name) }));
    answers = { "GET /_ccr/auto_follow": { body: { patterns } } };
    const read = await aliased((cluster) => cluster.autoFollowPatterns());
    expect(read.map(({ remoteCluster }) => remoteCluster)).toEqual(["bhs", "bhs, another remote cluster", "elsewhere"]);
    expect(read.map(({ followerNames }) => followerNames)).toEqual([undefined, undefined, undefined]);
  });

  test("is called by it in every request that names the other region", async () => {
    const acknowledged = { body: { acknowledged: true } };
    answers = {
      "PUT /_ccr/auto_follow/new": acknowledged,
      "PUT /logs-app/_ccr/follow": { body: { follow_index_created: true } },
      "POST /logs-app/_ccr/forget_follower": { body: { _shards: { total: 1, successful: 1, failed: 0 } } },
    };
    await aliased(async (cluster) => {
      await cluster.putAutoFollow({ name: "new", remoteCluster: "bhs", patterns: ["logs-app*"], exclusions: [] });
      await cluster.follow("logs-app", { remoteCluster: "bhs", index: "logs-app" });
      const index = { name: "logs-app", uuid: "of-the-follower" };
      await cluster.forgetFollower("logs-app", { cluster: "bhs-cluster", index, remoteCluster: "gra" });
    });
    expect(received.map(({ body }) => body)).toMatchObject([
      { remote_cluster: "montreal" },
      { remote_cluster: "montreal", leader_index: "logs-app" },
      { leader_remote_cluster: "paris" },
    ]);
  });
});

describe("answers in gzip", () => {
  const missing = { status: 404, body: { error: { type: "index_not_found_exception", reason: "no such index" } } };

  test("are asked for and read where the region is far away, refusals and exact answers too", async () => {
    answers = { "GET /": { body: { cluster_name: "gra" } }, "POST /_mget": { body: { docs: [{ found: false }] } } };
    const far = createElasticsearchCluster({ ...options, ...clusterOptions, compressed: true });
    const documents = createElasticsearchDocuments({ ...options, compressed: true });
    const reference = { index: "logs-app-1", id: "1", routing: null };
    try {
      expect(await far.clusterName()).toBe("gra");
      expect(await documents.documents([reference])).toEqual([null]);
      answers = { "POST /_mget": missing };
      expect((await failure(documents.documents([reference]))).message).toContain("no such index");
      expect(compressed).toBe(3);
    } finally {
      await Promise.all([far.close(), documents.close()]);
    }
  });

  test("are not asked for elsewhere", async () => {
    answers = { "GET /": { body: { cluster_name: "gra" } } };
    expect(await cluster.clusterName()).toBe("gra");
    expect(compressed).toBe(0);
  });
});

describe("the snapshot policy", () => {
  /** An answer of Elastic's guide to failing snapshots ("Troubleshoot repeated snapshot failures"), with the policy's own name. */
  const recorded = {
    version: 1,
    modified_date: "2099-05-06T01:30:00.000Z",
    modified_date_millis: 4_081_757_400_000,
    policy: {
      name: "<es-failover-{now/d}>",
      schedule: "0 30 1 * * ?",
      repository: "es-failover",
      config: { indices: ["data-*", "important"], ignore_unavailable: false, include_global_state: false },
      retention: { expire_after: "30d", min_count: 5, max_count: 50 },
    },
    last_success: {
      snapshot_name: "es-failover-2099.05.30-tme_ivjqswgkpryvnao2lg",
      start_time: 4_083_782_400_000,
      time: 4_083_782_400_000,
    },
    last_failure: {
      snapshot_name: "es-failover-2099.06.16-ywe-kgh5rfqfrpnchvsujq",
      time: 4_085_251_200_000,
      details:
        '{"type":"snapshot_exception","reason":"[es-failover-2099.06.16-ywe-kgh5rfqfrpnchvsujq] failed to create snapshot successfully, 5 out of 149 total shards failed"}',
    },
    stats: { policy: "es-failover", snapshots_taken: 0, snapshots_failed: 0, snapshots_deleted: 0 },
    next_execution: "2099-06-17T01:30:00.000Z",
    next_execution_millis: 4_085_343_000_000,
  };
  const seen = (policy: object) => {
    answers = { "GET /_slm/policy/es-failover": { body: { "es-failover": policy } } };
    return cluster.snapshots();
  };

  test("tells the last success, and why a later one failed", async () => {
    expect(await seen(recorded)).toEqual({
      hasPolicy: true,
      lastSuccessAtMs: 4_083_782_400_000,
      failure: { atMs: 4_085_251_200_000, reason: expect.stringMatching(/5 out of 149 total shards failed$/) },
    });
    const { last_success: success, last_failure: failed, ...young } = recorded;
    expect(await seen(young)).toEqual({ hasPolicy: true, lastSuccessAtMs: null, failure: null });
    const earlier = { ...failed, time: success.time - 1 };
    expect((await seen({ ...young, last_success: success, last_failure: earlier })).failure).toBeNull();
  });

  test("is told apart from one that is missing, and from a cluster that does not tell", async () => {
    answers = { "GET /_slm/policy/es-failover": { status: 404, body: {} } };
    expect(await cluster.snapshots()).toEqual({ hasPolicy: false, lastSuccessAtMs: null, failure: null });
    answers = {};
    expect((await failure(cluster.snapshots())).message).toContain("no handler found");
  });

  test("has snapshots that keep no index from being closed, unlike those of others", async () => {
    const running = (snapshot: string, repository: string, index: string) => ({
      snapshot,
      repository,
      indices: { [index]: { shards_stats: { total: 1 } } },
    });
    answers = {
      "GET /": { body: { version: { number: "9.5.3" } } },
      "GET /_license": { body: { license: { type: "platinum", status: "active" } } },
      "GET /_remote/info": { body: { bhs: { connected: true } } },
      "GET /_cluster/settings": { body: { persistent: {}, transient: {}, defaults: {} } },
      "GET /_nodes/stats/fs": { body: { nodes: {} } },
      "GET /_snapshot/_status": {
        body: {
          snapshots: [
            running("es-failover-2099.05.30-tme", "es-failover", "logs-app-1"),
            running("before-the-upgrade", "es-failover", "logs-app-2"),
            running("es-failover-2099.05.30-tme", "elsewhere", "logs-app-3"),
          ],
        },
      },
    };
    expect((await cluster.readiness("bhs")).snapshotting).toEqual(["logs-app-2", "logs-app-3"]);
  });
});

describe("data streams", () => {
  const backing = (name: string, generation: string) => ({
    index_name: `.ds-${name}-2026.11.22-${generation}`,
    index_uuid: "x",
    managed_by: "Unmanaged",
  });
  const stream = (name: string, replicated: boolean) => ({
    name,
    timestamp_field: { name: "@timestamp" },
    indices: [backing(name, "000001"), backing(name, "000002")],
    generation: 2,
    status: "GREEN",
    template: "logs",
    hidden: false,
    system: false,
    allow_custom_routing: false,
    replicated,
    rollover_on_write: false,
  });

  test("are listed with their write index; unmanaged ones are left out", async () => {
    answers = {
      "GET /_data_stream/*": { body: { data_streams: [stream("logs-app-eu", true), stream("metrics-x", false)] } },
    };
    expect(await cluster.dataStreams()).toEqual([
      {
        name: "logs-app-eu",
        indices: ["000001", "000002"].map((generation) => {
          return { name: `.ds-logs-app-eu-2026.11.22-${generation}`, uuid: "x" };
        }),
        writeIndex: ".ds-logs-app-eu-2026.11.22-000002",
        replicated: true,
        hasTemplate: true,
        failureIndices: [],
      },
    ]);
  });

  test("take a write block of their indices as a setting, which is in force once no write is in flight", async () => {
    const [older, newest] = ["000001", "000002"].map((generation) => `.ds-logs-app-eu-2026.11.22-${generation}`);
    let polls = 0;
    const write = (name: string | undefined) => ({ description: `requests[1], index[${name}][0]` });
    answers = {
      [`PUT /${older}%2C${newest}/_settings`]: { body: { acknowledged: true } },
      get "GET /_tasks"() {
        polls += 1;
        return { body: { tasks: polls < 3 ? [write(newest)] : [write(`${newest}0`)] } };
      },
    };
    await cluster.blockBackingIndices([`${older}`, `${newest}`]);
    expect(polls).toBe(3);
    expect(received.find(({ method }) => method === "PUT")?.body).toEqual({ "index.blocks.write": true });
  });

  test("are promoted, then rolled over", async () => {
    answers = {
      "POST /_data_stream/_promote/logs-app-eu": { body: { acknowledged: true } },
      "POST /logs-app-eu/_rollover": {
        body: {
          acknowledged: true,
          shards_acknowledged: true,
          old_index: ".ds-logs-app-eu-2026.11.22-000002",
          new_index: ".ds-logs-app-eu-2026.11.23-000003",
          rolled_over: true,
          dry_run: false,
          lazy: false,
          conditions: {},
        },
      },
    };
    await cluster.promoteDataStream("logs-app-eu");
    await cluster.rolloverDataStream("logs-app-eu");
    expect(received.map(({ method, path: called }) => `${method} ${called}`)).toEqual([
      "POST /_data_stream/_promote/logs-app-eu",
      "POST /logs-app-eu/_rollover",
    ]);
  });

  test("that cannot be rolled over for lack of a template give the reason", async () => {
    const reason = "no matching index template found for data stream [logs-app-eu]";
    answers = {
      "POST /logs-app-eu/_rollover": {
        status: 400,
        body: { error: { root_cause: [], type: "illegal_argument_exception", reason }, status: 400 },
      },
    };
    expect(await failure(cluster.rolloverDataStream("logs-app-eu"))).toMatchObject({
      kind: "rejected",
      status: 400,
      message: `gra: roll over data stream logs-app-eu: ${reason} (HTTP 400)`,
    });
  });
});

test("ILM policies are read as the policy alone, without system policies, and are written back unchanged", async () => {
  const phases = { hot: { min_age: "0ms", actions: { rollover: { max_age: "7d" } } } };
  answers = {
    "GET /_ilm/policy": {
      body: {
        mine: {
          version: 4,
          modified_date: "2026-11-22T00:00:00.000Z",
          policy: { phases },
          in_use_by: { indices: ["logs-app"], data_streams: [], composable_templates: [] },
        },
        logs: { version: 1, modified_date: "x", policy: { phases, _meta: { managed: true } }, in_use_by: {} },
      },
    },
    "PUT /_ilm/policy/mine": { body: { acknowledged: true } },
  };
  const definitions = await cluster.definitions(["ilm-policy"]);
  expect(definitions).toEqual([{ kind: "ilm-policy", name: "mine", body: { policy: { phases } } }]);
  for (const definition of definitions) await cluster.putDefinition(definition);
  expect(received.at(-1)).toEqual({ method: "PUT", path: "/_ilm/policy/mine", body: { policy: { phases } } });
});

describe("a refusal", () => {
  const refuse = (status: number, type: string, reason: string, more: object = {}) => {
    answers = {
      "POST /i/_ccr/pause_follow": { status, body: { error: { root_cause: [], type, reason, ...more }, status } },
    };
    return failure(cluster.pauseFollow("i"));
  };

  test("for lack of a privilege is distinguished from one for the cluster's state, although both are 403", async () => {
    const denied = await refuse(403, "security_exception", "action [x] is unauthorized for user [es-failover]");
    expect(denied).toMatchObject({ kind: "unauthorized", status: 403, region: "gra" });
    const blocked = await refuse(403, "cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];");
    expect(blocked).toMatchObject({ kind: "rejected", status: 403 });
    expect(`${denied.message}${JSON.stringify(denied)}`).not.toContain("secret-of-the-test");
  });

  test("because CCR cannot reach the leader's cluster is an outage, although it is answered with 400", async () => {
    const reason =
      "can not fetch remote index [gra:i] metadata as the license state of the remote cluster [gra] could not be determined";
    expect(await refuse(400, "status_exception", reason)).toMatchObject({ kind: "unreachable", status: 400 });
  });

  test("carries the reason and its deepest cause", async () => {
    const caused_by = { type: "a", reason: "half", caused_by: { type: "b", reason: "connection to bhs refused" } };
    const error = await refuse(500, "status_exception", "could not pause", { caused_by });
    expect(error.message).toBe("gra: pause following of i: could not pause: connection to bhs refused (HTTP 500)");
  });

  test("an unacknowledged change is a failure", async () => {
    answers = { "POST /i/_ccr/pause_follow": { body: { acknowledged: false } } };
    expect(await failure(cluster.pauseFollow("i"))).toMatchObject({
      kind: "rejected",
      message: expect.stringContaining("not every node acknowledged"),
    });
  });

  test("no change is sent twice, whatever its outcome", async () => {
    await refuse(503, "master_not_discovered_exception", "null");
    expect(received).toHaveLength(1);
  });
});

describe("unfollow", () => {
  const settings = (following: boolean) => ({
    i: { settings: following ? { "index.xpack.ccr.following_index": "true" } : { "index.uuid": "x" } },
  });
  const leaseFailure = {
    status: 502,
    body: {
      error: {
        root_cause: [],
        type: "exception",
        reason: "[gra:i][0] failed to remove retention leases",
        "es.failed_to_remove_retention_leases": ["x"],
      },
      status: 502,
    },
  };

  test("that failed on the leader's retention leases has succeeded once the index is no longer a follower", async () => {
    answers = { "POST /i/_ccr/unfollow": leaseFailure, "GET /i/_settings": { body: settings(false) } };
    await cluster.unfollow("i");
  });

  test("that is not answered in time has succeeded once the index is no longer a follower", async () => {
    answers = { "POST /i/_ccr/unfollow": { never: true }, "GET /i/_settings": { body: settings(false) } };
    await cluster.unfollow("i");
  });

  test("has failed when the index is still a follower, or its settings cannot be read", async () => {
    answers = { "POST /i/_ccr/unfollow": leaseFailure, "GET /i/_settings": { body: settings(true) } };
    expect(await failure(cluster.unfollow("i"))).toMatchObject({ kind: "rejected", status: 502 });
    answers = { "POST /i/_ccr/unfollow": leaseFailure };
    expect(await failure(cluster.unfollow("i"))).toMatchObject({ kind: "rejected", status: 502 });
  });
});
