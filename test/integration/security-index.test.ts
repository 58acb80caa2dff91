import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileUsersInput } from "../../infra/elasticsearch/users.ts";
import type { Credentials, TestCluster } from "../../lab/elasticsearch/cluster.ts";
import { startCluster } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import {
  createElasticsearchCluster,
  type ElasticsearchCluster,
} from "../../watchdog/adapters/elasticsearch/cluster.ts";
import { rolesOf, users } from "../../watchdog/config/roles.ts";
import { nodesAs } from "./support/access.ts";

/**
 * Elasticsearch keeps the users of its native realm in the index `.security`. While that has no primary, each of them is
 * refused, although the cluster serves. The watchdog and the health check are in the nodes' file realm.
 */

const script = path.join(import.meta.dirname, "..", "..", "infra", "elasticsearch", "file-users.py");
const patterns = ["orders*"];
const passwords = {
  watchdog: "watchdog-password",
  haproxyCheck: "check-password",
  app: "application-password",
  exporter: "exporter-password",
};
const watchdog: Credentials = { username: users.watchdog.name, password: passwords.watchdog };
const check: Credentials = { username: users.haproxyCheck.name, password: passwords.haproxyCheck };
const app: Credentials = { username: users.app.name, password: passwords.app };
const exporter: Credentials = { username: users.exporter.name, password: passwords.exporter };
const healthCheck = "/_cluster/state/master_node?local=true&filter_path=master_node";

/** As provisioning does on each node. */
function writeUsers(directory: string, changed: Partial<typeof passwords> = {}): Promise<void> {
  const input = fileUsersInput({ directory, group: "root", patterns }, { ...passwords, ...changed });
  return new Promise((resolve, reject) => {
    const child = execFile(script, (error) => (error === null ? resolve() : reject(error)));
    child.stdin?.end(input);
  });
}

describe("a cluster", () => {
  let cluster: TestCluster;
  let region: ElasticsearchCluster;
  let directory = "";

  beforeAll(async () => {
    const configure = async (config: string) => {
      directory = config;
      await writeUsers(config);
    };
    cluster = await startCluster({ name: "gra", configure });
    for (const [role, body] of Object.entries(rolesOf(["app"], { patterns }))) {
      await cluster.call("PUT", `/_security/role/${role}`, { body });
    }
    const body = { password: app.password, roles: [users.app.role] };
    await cluster.call("PUT", `/_security/user/${app.username}`, { body });
    region = createElasticsearchCluster({
      ...nodesAs(cluster, watchdog),
      ...{ requestTimeoutMs: 30_000, probeTimeoutMs: 30_000, unfollowTimeoutMs: 30_000 },
      managed: { patterns, exclusions: [] },
    });
  });
  afterAll(async () => {
    await region?.close();
    await cluster?.stop();
  });

  test("accepts the users of provisioning's files, with their roles and no more", async () => {
    expect(await cluster.call("GET", "/_security/_authenticate", { as: watchdog })).toMatchObject({
      username: users.watchdog.name,
      roles: [users.watchdog.role],
      authentication_realm: { type: "file" },
    });
    expect((await cluster.rest("GET", healthCheck, { as: check })).status).toBe(200);
    expect((await cluster.rest("PUT", "/orders-1", { as: check })).status).toBe(403);
    expect((await cluster.rest("PUT", "/orders-1", { as: watchdog })).status).toBe(200);
    expect((await cluster.rest("PUT", "/other", { as: watchdog })).status).toBe(403);
    expect((await cluster.rest("POST", "/orders-1/_doc?refresh=true", { as: app, body: { n: 1 } })).status).toBe(201);
    await region.deleteIndices(["orders-1"]);
  });

  test("shows the exporter of metrics what it asks, and nothing else", async () => {
    const statusOf = async (path: string) => (await cluster.rest("GET", path, { as: exporter })).status;
    for (const path of ["/", "/_cluster/health", "/_nodes/_local/stats"]) {
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    }
    for (const path of [
      "/_cluster/state",
      "/_cat/indices",
      "/_cluster/settings",
      "/_security/user",
      "/orders-1/_search",
    ]) {
      expect([path, await statusOf(path)]).toEqual([path, 403]);
    }
  });

  test("takes up a rotated password without a restart, and refuses the old one", async () => {
    await writeUsers(directory, { haproxyCheck: "rotated" });
    const statusOf = async (password: string) =>
      (await cluster.rest("GET", healthCheck, { as: { ...check, password } })).status;
    await eventually("the new password is accepted", 60_000, async () => (await statusOf("rotated")) === 200);
    expect(await statusOf(check.password)).toBe(401);
    await writeUsers(directory);
    await eventually(
      "the first password is accepted again",
      60_000,
      async () => (await statusOf(check.password)) === 200,
    );
  });

  // Last: only a restart gives the primary back.
  test("whose security index has lost its primary refuses applications, and still answers the watchdog and the check", async () => {
    const { metadata } = await cluster.call("GET", "/_cluster/state/metadata/.security*?expand_wildcards=all");
    const uuids = Object.values<{ settings: { index: { uuid: string } } }>(metadata.indices).map(
      ({ settings }) => settings.index.uuid,
    );
    expect(uuids).toHaveLength(1);
    await cluster.shutDown();
    for (const uuid of uuids) await rm(path.join(directory, "..", "data", "indices", uuid), { recursive: true });
    await cluster.restart("any");
    await eventually("the node answers the check", 60_000, async () => {
      const { status } = await cluster.rest("GET", healthCheck, { as: check });
      return status === 200;
    });
    expect((await cluster.rest("PUT", "/orders-2", { as: watchdog })).status).toBe(200);
    const refused = await cluster.rest("POST", "/orders-2/_doc", { as: app, body: { n: 1 } });
    expect([401, 503]).toContain(refused.status);
    expect((await cluster.rest("GET", healthCheck, { as: app })).status).toBe(refused.status);
    expect(await region.probe()).toMatchObject({ reachable: true, status: "yellow", redIndices: [] });
    expect((await region.indices()).map(({ name }) => name)).toEqual(["orders-2"]);
    await region.probeWrite("orders-2");
  });
});
