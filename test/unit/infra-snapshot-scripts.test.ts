import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { snapshotInput, snapshotKeystore } from "../../infra/elasticsearch/snapshots.ts";
import { planTopology } from "../../infra/topology/plan.ts";
import { testConfig } from "./infra-fixtures.ts";
import { scriptHost } from "./support/script-host.ts";

const config = testConfig({
  snapshots: JSON.stringify({ bucket: "es-backup", endpoint: "s3.rbx.io.cloud.ovh.net", region: "rbx" }),
  snapshotAccessKey: "the-access-key",
  snapshotSecretKey: "the-secret-key",
});

const host = scriptHost();
const { noted, program } = host;

describe("secrets.sh", () => {
  async function writeKeystore(keystore: Readonly<Record<string, string>>) {
    const file = path.join(host.directory(), "elasticsearch.keystore");
    await program("chown", "");
    const tool = await program(
      "keystore-tool",
      `case "$1" in create) touch ${file} ;; add) cat >${host.directory()}/values ;; esac`,
    );
    return host.run("elasticsearch/secrets.sh", { keystore, files: [] }, { KEYSTORE_FILE: file, KEYSTORE_TOOL: tool });
  }

  test("adds the keys of the object storage by standard input, in the order of their names, and none as an argument", async () => {
    const { status, stdout, stderr } = await writeKeystore({
      "bootstrap.password": "the-password",
      ...snapshotKeystore(config),
    });
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
    expect(await noted("keystore-tool.arguments")).toBe(
      "create\nadd --stdin bootstrap.password s3.client.es_failover.access_key s3.client.es_failover.secret_key\n",
    );
    expect(await noted("values")).toBe("the-password\nthe-access-key\nthe-secret-key\n");
  });

  test("makes the keystore again when a key has changed, and not otherwise", async () => {
    const made = async () => (await noted("keystore-tool.arguments")).match(/^create$/gm)?.length;
    await writeKeystore({ "bootstrap.password": "one" });
    await writeKeystore({ "bootstrap.password": "one" });
    expect(await made()).toBe(1);
    await writeKeystore({ "bootstrap.password": "one", ...snapshotKeystore(config) });
    expect(await made()).toBe(2);
  });
});

describe("snapshots.sh", () => {
  const okay = '{"acknowledged": true}';
  /** Answers in the form of Elastic's API reference, by method and path. */
  const answers = {
    "POST /_nodes/reload_secure_settings": '{"_nodes": {"total": 1}, "nodes": {"a": {"name": "gra-es-1"}}}',
    "PUT /_snapshot/es-failover": okay,
    "PUT /_snapshot/es-failover-bhs": okay,
    "PUT /_slm/policy/es-failover": okay,
    "GET /_slm/policy/es-failover": '{"es-failover": {"version": 1}}',
    "POST /_slm/policy/es-failover/_execute": '{"snapshot_name": "es-failover-2026.11.26-x"}',
  };

  async function provision(changed: Partial<Record<keyof typeof answers, string>> = {}) {
    if (config.snapshots === null) throw new Error("no snapshots");
    await host.answerCurl({ ...answers, ...changed });
    const topology = planTopology(config);
    const wanted = snapshotInput(config.snapshots, { topology, region: "gra", patterns: ["app-*"] });
    return host.run("elasticsearch/snapshots.sh", {
      url: "https://192.168.1.11:9200",
      elasticPassword: "the-password",
      ...wanted,
    });
  }
  const { calls } = host;

  test("has the nodes read their keys, registers both repositories and the policy, and takes the first snapshot at once", async () => {
    const { status, stderr } = await provision();
    expect([status, stderr]).toEqual([0, ""]);
    expect(await calls()).toEqual(Object.keys(answers));
    const bodies = (await noted("bodies")).split("\n").filter((line) => line !== "");
    expect(bodies.map((body) => JSON.parse(body))).toMatchObject([
      { type: "s3", settings: { bucket: "es-backup", base_path: "es-failover/gra", readonly: false } },
      { type: "s3", settings: { bucket: "es-backup", base_path: "es-failover/bhs", readonly: true } },
      { repository: "es-failover", config: { indices: ["app-*"], partial: true } },
    ]);
    expect(await noted("curl.arguments")).not.toMatch(/the-password|the-secret-key/);
  });

  test("takes no snapshot besides the schedule's once one has succeeded", async () => {
    const answer = '{"es-failover": {"version": 2, "last_success": {"snapshot_name": "x", "time": 1}}}';
    expect((await provision({ "GET /_slm/policy/es-failover": answer })).status).toBe(0);
    expect((await calls()).at(-1)).toBe("GET /_slm/policy/es-failover");
  });

  test("stops where a node does not take up its keystore, and names it", async () => {
    const refused = { type: "illegal_argument_exception", reason: "Missing secret key for s3 client [es_failover]" };
    const answer = JSON.stringify({ nodes: { a: { name: "gra-es-1", reload_exception: refused } } });
    const { status, stderr } = await provision({ "POST /_nodes/reload_secure_settings": answer });
    expect(status).toBe(1);
    expect(stderr).toContain("gra-es-1: Missing secret key for s3 client [es_failover]");
    expect(await calls()).toHaveLength(1);
  });

  test("stops where the object storage refuses a node, with Elasticsearch's reason, before any policy is put", async () => {
    const answer =
      'REFUSED {"error": {"type": "repository_verification_exception", "reason": "[es-failover] path is not accessible"}}';
    const { status, stderr } = await provision({ "PUT /_snapshot/es-failover": answer });
    expect(status).toBe(1);
    expect(stderr).toMatch(/the repository es-failover was refused: .*path is not accessible.*Check bucket, endpoint/);
    expect((await calls()).some((call) => call.includes("_slm"))).toBe(false);
    expect(existsSync(path.join(host.directory(), "bodies"))).toBe(true);
  });
});
