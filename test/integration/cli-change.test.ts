import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { roleDefinitions } from "../../watchdog/config/roles.ts";
import type { ChangePreview } from "../../watchdog/core/preview.ts";
import type { Check } from "../../watchdog/diagnostics/preflight/check.ts";
import type { VerifyReport } from "../../watchdog/diagnostics/verify/verify.ts";
import type { SalvageEntry } from "../../watchdog/salvage/exports.ts";
import { HaproxyBench, haproxyMissing } from "./haproxy-process.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { whileMisbehaving } from "./support/ccr.ts";
import { CommandLine, PASSWORD } from "./support/command-line.ts";
import type { Ended } from "./support/run-program.ts";

/**
 * A switchover, and a forced failover back with the replay of the writes it leaves behind, as an operator types them: real
 * commands, a real watchdog, HAProxy, and two clusters. The tests build on each other.
 */

const patterns = ["orders*"];
const title = `changes by command${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;
/** Long, because two clusters and everything else share two cores. */
const PATIENCE_MS = 180_000;

describe.skipIf(haproxyMissing !== undefined)(title, { timeout: 2 * PATIENCE_MS }, () => {
  let pair: ClusterPair;
  let bench: HaproxyBench;
  let line: CommandLine;

  beforeAll(async () => {
    [pair, bench] = await Promise.all([borrowClusterPair(), HaproxyBench.start()]);
    await Promise.all([pair.gra, pair.bhs].map(createWatchdogUser));
    await pair.gra.call("PUT", "/orders-1", { body: { settings: { number_of_replicas: 0 } } });
    for (let n = 0; n < 50; n += 1) await pair.gra.call("PUT", `/orders-1/_doc/${n}`, { body: { n } });
    line = await CommandLine.create({
      regions: { gra: { nodes: [...pair.gra.urls] }, bhs: { nodes: [...pair.bhs.urls] } },
      router: { adminSocket: bench.adminSocket, masterSocket: bench.masterSocket, ticketMapFile: bench.ticketMapFile },
      // A loaded test machine is not an outage.
      checks: { intervalMs: 2_000, timeoutMs: 1_900, failThreshold: 10, recoveryThreshold: 1 },
      caFile: pair.gra.caFile,
    });
    await line.startWatchdog();
    await standbyIs("in-sync");
    // The first run on a machine builds the lab's Elasticsearch as well.
  }, 600_000);

  afterAll(async () => {
    await line?.remove();
    await bench?.stop();
    await pair?.stop();
  });

  const es = (...args: readonly string[]): Promise<Ended> => line.run(...args);

  async function standbyIs(state: string): Promise<void> {
    await eventually(
      () => `the standby is ${state}; the watchdog said: ${line.logged.slice(-3_000)}`,
      PATIENCE_MS,
      async () => {
        const { record } = await line.status();
        return record?.phase === "serving" && record.standby === state;
      },
    );
  }

  test("preflight passes both regions, apart from the file store and the trial licence", async () => {
    let checks: readonly Check[] = [];
    // On a busy machine a round trip may take longer than over an ocean, and a connection may fail.
    const failed = () => checks.filter(({ verdict, check }) => verdict === "fail" && !check.startsWith("round trip"));
    await eventually(
      () => `no check fails: ${JSON.stringify(failed())}`,
      PATIENCE_MS,
      async () => {
        checks = await line.json<readonly Check[]>("preflight");
        return failed().length === 0;
      },
    );
    const verdicts = new Map(checks.map(({ check, verdict }) => [check, verdict]));
    expect(verdicts.get("store")).toBe("warn");
    const well = [
      "versions",
      "remote connection bhs to gra",
      "disk of bhs for a copy of gra",
      "retention leases on gra",
    ];
    for (const check of [...well, "clocks of gra"]) expect([check, verdicts.get(check)]).toEqual([check, "ok"]);
  });

  test("verify finds the regions equal, and detects an index that only the standby has", async () => {
    await eventually(
      "verify finds no differences",
      PATIENCE_MS,
      async () => (await line.json<VerifyReport>("verify")).verdict === "equal",
    );
    const shown = await es("verify", "--seed", "1");
    expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/orders-1 +50 +50 +equal +0 +50 +0/) });
    await pair.bhs.call("PUT", "/orders-2", { body: { settings: { number_of_replicas: 0 } } });
    expect(await es("verify")).toMatchObject({ code: 5, out: expect.stringContaining("Only on bhs: orders-2") });
    await pair.bhs.call("DELETE", "/orders-2");
  });

  test("a switchover previews the size of the copy, and asks for confirmation only on a terminal", async () => {
    const previewed = () => line.json<ChangePreview & { copyBytes: number }>("switchover", "--to", "bhs", "--dry-run");
    // The index that was just deleted counts until the watchdog's next observation.
    await eventually(
      "the deleted index is gone from the preview",
      15_000,
      async () => (await previewed()).indicesToCopy.length === 1,
    );
    const preview = await previewed();
    expect(preview).toMatchObject({ verdict: "begins", from: "gra", loss: null, indicesToCopy: ["orders-1"] });
    expect(preview.copyBytes).toBeGreaterThan(1_000);
    expect(preview.steps.join("\n")).toMatch(/close gra.*open bhs for writes/s);
    const epoch = (await line.status()).record?.epoch;

    expect(await es("switchover", "--to", "bhs")).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
    const answered = await onTerminal("no\n", "switchover", "--to", "bhs");
    expect(answered).toMatchObject({ code: 4, out: expect.stringContaining("Move from gra to bhs?") });
    expect((await line.status()).record?.epoch).toBe(epoch);
  });

  test("a switchover loses nothing, and the old primary becomes a standby in sync", async () => {
    const ended = await es("switchover", "--to", "bhs", "--yes", "--reason", "drill");
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining("bhs accepts writes") });
    expect((await pair.bhs.call("GET", "/orders-1/_count")).count).toBe(50);
    await pair.bhs.call("PUT", "/orders-1/_doc/after", { body: { n: 51 } });
    expect((await es("history")).out).toMatch(/operator-switchover +ada asked for a switchover to bhs: drill/);
    await standbyIs("in-sync");
    await eventually(
      "the failback has copied everything",
      PATIENCE_MS,
      async () => (await line.json<VerifyReport>("verify")).verdict === "equal",
    );
  });

  test("a failover away from a healthy region needs --force, and the writes left behind are salvaged and replayed", async () => {
    const hesitant = await es("failover", "--to", "gra", "--yes");
    expect(hesitant).toMatchObject({ code: 4, err: expect.stringContaining("--force") });

    // As in an outage: writes from now on are not replicated.
    let ended: Ended | undefined;
    await whileMisbehaving(pair.gra, "stalls", ["orders-1"], async () => {
      await pair.bhs.call("PUT", "/orders-1/_doc/left-behind", { body: { n: 52 } });
      ended = await es("failover", "--to", "gra", "--force", "--yes");
    });
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining("gra accepts writes") });
    expect(ended?.out).toContain("Lost would be");

    await eventually(
      () => `the old primary is salvaged; the watchdog said: ${line.logged.slice(-3_000)}`,
      PATIENCE_MS,
      async () => (await salvagedOf("bhs")) !== undefined,
    );
    const name = (await salvagedOf("bhs"))?.name ?? "";
    expect(await es("salvage", "show", name)).toMatchObject({
      code: 0,
      out: expect.stringContaining("every file matches its receipt"),
    });
    const preview = await es("salvage", "replay", name, "--dry-run");
    expect(preview).toMatchObject({ code: 0, out: expect.stringContaining("would write 1 document to gra") });
    const replayed = await es("salvage", "replay", name, "--yes");
    expect(replayed).toMatchObject({ code: 0, out: expect.stringMatching(/written +1/) });
    expect((await pair.gra.call("GET", "/orders-1/_doc/left-behind"))._source).toEqual({ n: 52 });
    expect((await es("salvage", "replay", name, "--yes")).out).toMatch(/replayed or already present in an earlier run/);
    await standbyIs("in-sync");
  });

  test("an abort is refused where no change is under way, with the way back that loses no write", async () => {
    const refused = await es("abort", "--yes");
    expect(refused).toMatchObject({ code: 4, err: expect.stringContaining("no change is under way") });
  });

  async function salvagedOf(region: string): Promise<SalvageEntry | undefined> {
    const entries = await line.json<readonly SalvageEntry[]>("salvage", "list");
    return entries.find((entry) => entry.state === "exported" && entry.region === region);
  }

  /** Runs the command on a terminal, and types the answer. */
  function onTerminal(answer: string, ...args: readonly string[]): Promise<{ code: number | null; out: string }> {
    const words = [...line.command, ...args].map((word) => `'${word}'`).join(" ");
    const child = spawn("script", ["--quiet", "--return", "--command", words, "/dev/null"]);
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
      if (chunk.includes("Type yes")) child.stdin.write(answer);
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve({ code, out }));
    });
  }
});

async function createWatchdogUser(cluster: TestCluster): Promise<void> {
  const role = Object.values(roleDefinitions({ patterns }))[0];
  await cluster.call("PUT", "/_security/role/es_failover_watchdog", { body: role });
  await cluster.call("PUT", "/_security/user/es-failover", {
    body: { password: PASSWORD, roles: ["es_failover_watchdog"] },
  });
}
