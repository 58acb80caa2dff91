import { describe, expect, test } from "vitest";
import { keyName, keyRequest, keystoreEntry, remoteClusterInput } from "../../infra/elasticsearch/remote-keys.ts";
import { scriptHost } from "./support/script-host.ts";

/** Answers in the form of Elastic's API reference, by method and path. */
const reloaded = { "POST /_nodes/reload_secure_settings": '{"nodes": {"a": {"name": "gra-es-1"}}}' };
const url = "https://192.168.1.11:9200";
const listed = "GET /_security/api_key?name=es-failover-bhs&active_only=true";
const host = scriptHost();
const { calls, noted } = host;

describe("remote-cluster.sh", () => {
  const wanted = remoteClusterInput(
    { remoteClusterSecurity: "api_key", remoteKey: "aWQ6a2V5" },
    { remote: "bhs", patterns: ["app-*"] },
  );
  const answers = {
    ...reloaded,
    [listed]: '{"api_keys": [{"id": "one"}, {"id": "two"}]}',
    "PUT /_security/cross_cluster/api_key/one": '{"updated": true}',
    "PUT /_security/cross_cluster/api_key/two": '{"updated": false}',
    "GET /_remote/info": '{"bhs": {"connected": true}}',
  };
  const provision = () =>
    host.run(
      "elasticsearch/remote-cluster.sh",
      { url, elasticPassword: "the-password", ...wanted },
      { CONNECTED_WITHIN: "0" },
    );

  test("has the nodes read their keystores, and opens the replicated indices to every key of the other region", async () => {
    await host.answerCurl(answers);
    const { status, stderr } = provision();
    expect([status, stderr]).toEqual([0, ""]);
    expect(await calls()).toEqual(Object.keys(answers));
    const [body = "", other] = (await noted("bodies")).split("\n").filter((line) => line !== "");
    expect(JSON.parse(body)).toEqual({ access: { replication: [{ names: ["app-*", ".ds-app-*"] }] } });
    expect(other).toBe(body);
    expect(await noted("curl.arguments")).not.toContain("the-password");
  });

  test("names a region that does not accept the key, and the command that makes another one, without failing", async () => {
    await host.answerCurl({ ...answers, "GET /_remote/info": '{"bhs": {"connected": false}}' });
    const { status, stderr } = provision();
    expect(status).toBe(0);
    expect(stderr).toMatch(/not connected to bhs\..*`npm run remote-keys -- begin`/);
  });

  test("fails where a key keeps what it opened before", async () => {
    await host.answerCurl({
      ...answers,
      "PUT /_security/cross_cluster/api_key/one": 'REFUSED {"error": "no licence"}',
    });
    const { status, stderr } = provision();
    expect(status).toBe(1);
    expect(stderr).toMatch(/the key one of bhs still opens what it did before.*no licence/);
  });
});

describe("cross-cluster-keys.sh", () => {
  async function keys(command: object, answers: Readonly<Record<string, string>>) {
    await host.answerCurl(answers);
    const entry = keystoreEntry("bhs");
    const tool = await host.program(
      "keystore-tool",
      `case "$*" in "show bootstrap.password") echo the-password ;; list) echo ${entry} ;; "show ${entry}") echo aWQ6a2V5 ;; esac`,
    );
    return host.run("elasticsearch/cross-cluster-keys.sh", { url, ...command }, { KEYSTORE_TOOL: tool });
  }

  test("makes a key for the replicated indices, with the password that the node's keystore has, and shows that to nobody", async () => {
    const made = '{"id": "id", "encoded": "aWQ6a2V5"}';
    const call = { "POST /_security/cross_cluster/api_key": made };
    const { status, stdout, stderr } = await keys({ action: "make", key: keyRequest("bhs", ["app-*"]) }, call);
    expect([status, stdout.trim(), stderr]).toEqual([0, made, ""]);
    expect(JSON.parse(await noted("bodies"))).toEqual({
      name: "es-failover-bhs",
      access: { replication: [{ names: ["app-*", ".ds-app-*"] }] },
    });
    expect(await noted("curl.arguments")).not.toContain("the-password");
  });

  const end = { action: "end", name: keyName("bhs"), keep: "new" };

  test("ends every key but the one that is in use", async () => {
    const { status, stdout } = await keys(end, {
      [listed]: '{"api_keys": [{"id": "old"}, {"id": "new"}, {"id": "older"}]}',
      "DELETE /_security/api_key": '{"invalidated_api_keys": ["old", "older"]}',
    });
    expect([status, JSON.parse(stdout)]).toEqual([0, { ids: ["old", "older"] }]);
    expect(JSON.parse(await noted("bodies"))).toEqual({ ids: ["old", "older"] });
  });

  test("ends none where the cluster does not know the one in use, and calls nothing where there is no other", async () => {
    const unknown = await keys(end, { [listed]: '{"api_keys": [{"id": "old"}]}' });
    expect([unknown.status, unknown.stdout]).toEqual([1, ""]);
    expect(unknown.stderr).toMatch(/its cluster has no key new\n.*no key was ended/);
    const alone = await keys(end, { [listed]: '{"api_keys": [{"id": "new"}]}' });
    expect(JSON.parse(alone.stdout)).toEqual({ ids: [] });
    expect(await calls()).toEqual([listed, listed]);
  });

  test("shows the id of the key that the node has read, and not the key", async () => {
    const shown = await keys({ action: "show", entry: keystoreEntry("bhs") }, reloaded);
    expect([shown.status, JSON.parse(shown.stdout)]).toEqual([0, { id: "id" }]);
    expect(JSON.parse((await keys({ action: "show", entry: keystoreEntry("gra") }, reloaded)).stdout)).toEqual({
      id: "",
    });
  });
});
