import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { freePort } from "../../lab/util/free-ports.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { TestAuthority } from "./support/certificates.ts";
import { contentsOf } from "./support/cluster-contents.ts";
import { PretendedElasticsearch } from "./support/pretended-elasticsearch.ts";

/** `npm run ccr-contract` on clusters that a file names, as docs/operations.md describes it. */

let pair: ClusterPair;
let gra: TestCluster;
let bhs: TestCluster;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-contract-"));
  pair = await borrowClusterPair();
  ({ gra, bhs } = pair);
  await write("password-gra", `${gra.elastic.password}\n`);
  await write("password-bhs", `${bhs.elastic.password}\n`);
  await write("password-wrong", "wrong");
});

afterAll(async () => {
  await pair?.stop();
  await rm(directory, { recursive: true, force: true });
});

const write = (name: string, content: string) => writeFile(path.join(directory, name), content);

const endpoint = ({ name, urls, caFile, elastic }: TestCluster) => ({
  url: urls[0],
  caFile,
  user: elastic.username,
  passwordFile: `password-${name}`,
});

/** Runs the program on the pair, with changes to the file that names it, and with arguments for vitest. */
async function runContract(changes: object, args: readonly string[] = []): Promise<{ code: number; output: string }> {
  const file = path.join(directory, "contract.json");
  await write(
    "contract.json",
    JSON.stringify({ leader: endpoint(gra), follower: endpoint(bhs), remote: "gra", ...changes }),
  );
  return runProgram(file, args);
}

async function runProgram(file: string, args: readonly string[] = []): Promise<{ code: number; output: string }> {
  const program = path.join(import.meta.dirname, "../ccr-contract.ts");
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ES_FAILOVER_CCR_CONTRACT: file, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const code = await new Promise<number>((resolve) => child.once("close", (status) => resolve(status ?? -1)));
  return { code, output };
}

/** Followers that have a task, those of deleted indices included. */
async function followTasks(): Promise<readonly string[]> {
  const { follow_stats: stats } = await bhs.call("GET", "/_ccr/stats");
  return stats.indices.map(({ index }: { index: string }) => index).sort();
}

test("the tests run on clusters that a file names, and leave them as they were", async () => {
  const own = { "ccr.indices.recovery.max_bytes_per_sec": "20mb" };
  await bhs.call("PUT", "/_cluster/settings", { body: { persistent: own } });
  await gra.call("PUT", "/es-failover-own");
  await bhs.call("PUT", "/es-failover-own/_ccr/follow?wait_for_active_shards=1", {
    body: { remote_cluster: "gra", leader_index: "es-failover-own" },
  });
  const before = [await contentsOf(gra), await contentsOf(bhs), await followTasks()];

  const some =
    "index template|follow without waiting answers at once|a deleted pattern|monitor sees|forget_follower removes it";
  const { code, output } = await runContract({}, ["ccr-contract", "ccr-first-copy", "-t", some]);

  expect(output).toContain("5 passed");
  expect(output).toContain("leader    gra, Elasticsearch 9.5.3 with the lab's stand-in for CCR, trial licence");
  expect(output).toMatch(/removed from both clusters: all that begins with es-failover-contract-\w+-/);
  expect(code).toBe(0);
  expect([await contentsOf(gra), await contentsOf(bhs), await followTasks()]).toEqual(before);
});

test("a file that is not there is named, and nothing runs", async () => {
  const { code, output } = await runProgram(path.join(directory, "none.json"));
  expect(output).toContain(`ES_FAILOVER_CCR_CONTRACT names ${path.join(directory, "none.json")}, which cannot be read`);
  expect(code).toBe(2);
});

test("an address that nothing answers is named", async () => {
  const url = `https://127.0.0.1:${await freePort()}`;
  const { code, output } = await runContract({ leader: { ...endpoint(gra), url } });
  expect(output).toContain(`leader ${url} does not answer: connect ECONNREFUSED`);
  expect(code).toBe(2);
});

test("a wrong password is told from a cluster that does not answer", async () => {
  const { code, output } = await runContract({ follower: { ...endpoint(bhs), passwordFile: "password-wrong" } });
  expect(output).toContain(`follower ${bhs.urls[0]} refuses user "elastic": check user and passwordFile`);
  expect(code).toBe(2);
});

test("a licence without cross-cluster replication is named", async () => {
  const authority = await TestAuthority.create(directory);
  const basic = await PretendedElasticsearch.start(await authority.issue("basic"));
  const answers: Record<string, object> = {
    "/_security/_authenticate": { roles: ["superuser"] },
    "/_license": { license: { type: "basic", status: "active" } },
  };
  basic.behaviour = ({ path: asked }) => ({
    ...{ kind: "status", status: 200, headers: { "content-type": "application/json" } },
    body: JSON.stringify(answers[asked] ?? {}),
  });
  try {
    const url = `https://127.0.0.1:${basic.port}`;
    const { code, output } = await runContract({ leader: { ...endpoint(gra), url, caFile: authority.caFile } });
    expect(output).toContain(`leader ${url}: the licence (basic, active) has no cross-cluster replication`);
    expect(code).toBe(2);
  } finally {
    await basic.stop();
  }
});

test("a remote cluster that the follower's does not have is named, and so is one that is not the leader's", async () => {
  const unknown = await runContract({ remote: "elsewhere" });
  expect(unknown.output).toContain('has no remote cluster "elsewhere" (it has: gra)');
  expect(unknown.code).toBe(2);

  const persistent = { "cluster.remote.itself.seeds": bhs.transportAddresses };
  await bhs.call("PUT", "/_cluster/settings", { body: { persistent } });
  const other = await runContract({ remote: "itself" });
  expect(other.output).toContain(`"itself" of follower ${bhs.urls[0]} is another cluster than leader ${gra.urls[0]}`);
  expect(other.code).toBe(2);
});
