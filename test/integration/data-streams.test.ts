import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import type { ReplicationStatus } from "../../watchdog/controller/status.ts";
import { listSalvages } from "../../watchdog/salvage/exports.ts";
import { salvageRoot } from "../../watchdog/salvage/salvage.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { copySlowly } from "./support/ccr.ts";
import { append, putStreamTemplate, streamOf, writeIndexOf } from "./support/data-streams.ts";
import { InProcessSite, missingFrom } from "./support/in-process-site.ts";
import { application } from "./support/writers.ts";

/**
 * A data stream that applications write to, through a failover, the return of the old primary and the failback, on two real
 * clusters that replicate. The tests build on each other.
 */

const stream = "events";
const onlyOnGra = ["stray-1", "stray-2", "stray-3"];

let pair: ClusterPair;
let directory: string;
let site: InProcessSite;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "es-failover-streams-"));
  pair = await borrowClusterPair();
  await putStreamTemplate(pair.gra, stream, [`${stream}*`]);
  await pair.gra.call("PUT", `/_data_stream/${stream}`);
  site = await InProcessSite.create({ pair, directory, target: stream });
  site.start();
  await site.untilServing("gra", "in-sync");
  // The first run on a machine builds the lab's Elasticsearch as well.
}, 600_000);

afterAll(async () => {
  await site?.stop();
  await pair?.stop();
  await rm(directory, { recursive: true, force: true });
});

const rollOver = (region: "gra" | "bhs") => pair[region].call("POST", `/${stream}/_rollover`);
const allWritten = () => [...site.traffic.acknowledged, ...onlyOnGra];

async function untilReplication(what: string, condition: (status: ReplicationStatus) => boolean): Promise<void> {
  await eventually(what, 120_000, () => {
    const replication = site.watchdog?.status().replication;
    return replication != null && condition(replication);
  });
}

describe("a data stream under load", () => {
  test("is followed through its rollovers as a replicated one, and status names it", async () => {
    site.traffic.start();
    await site.traffic.next(30);
    await rollOver("gra");
    await untilReplication("both generations are followed", ({ dataStreams }) => dataStreams[0]?.followed === 2);
    const { indices } = (await streamOf(pair.gra, stream)) ?? { indices: [] };
    expect(await streamOf(pair.bhs, stream)).toMatchObject({ indices, replicated: true, template: stream });
    expect(site.watchdog?.status().replication?.dataStreams).toEqual([
      { name: stream, writeIndex: indices.at(-1), indices: 2, followed: 2, problems: [] },
    ]);
  });

  test("takes writes in the other region although its newest generation was still being copied", async () => {
    // A byte a second: even of an empty index the first copy takes minutes.
    await copySlowly(pair.bhs, 1);
    await rollOver("gra");
    const copied = await writeIndexOf(pair.gra, stream);
    await untilReplication("the first copy is observed", ({ unprotected }) =>
      unprotected.some(({ index, state }) => index === copied && state === "copying"),
    );
    await site.traffic.next(10);
    await pair.gra.freeze();
    await site.untilServing("bhs");
    await copySlowly(pair.bhs, null);
    await site.traffic.next(20);
    const { lastFailover } = await site.record();
    expect(lastFailover).toMatchObject({ kind: "failover", to: "bhs", leftOut: [{ index: copied }] });
    await eventually("the unfinished copy is deleted", 120_000, async () => {
      const found = await streamOf(pair.bhs, stream);
      return found !== null && !found.indices.includes(copied);
    });
    expect(await streamOf(pair.bhs, stream)).toMatchObject({ replicated: false });
    expect(await writeIndexOf(pair.bhs, stream)).toMatch(/-000004$/);
  });

  test("is deleted in the old region once its writes are salvaged, and followed again", async () => {
    await pair.gra.thaw();
    // A generation of the same name as the one that bhs writes to, written to past the routers before gra is fenced.
    await rollOver("gra");
    for (const id of onlyOnGra) {
      await pair.gra.call("PUT", `/${stream}/_create/${id}`, { body: { "@timestamp": 0 }, as: application });
    }
    expect(await writeIndexOf(pair.gra, stream)).toBe(await writeIndexOf(pair.bhs, stream));
    await site.untilServing("bhs", "in-sync");
    const { indices } = (await streamOf(pair.bhs, stream)) ?? { indices: [] };
    await eventually("all of the stream is followed", 120_000, async () => {
      const found = await streamOf(pair.gra, stream);
      return found?.replicated === true && found.indices.join() === indices.join();
    });
    const [exported] = await listSalvages(salvageRoot(directory));
    expect(exported).toMatchObject({ state: "exported" });
    expect(exported?.totals.operations).toBeGreaterThanOrEqual(onlyOnGra.length + 10);
  });

  test("has every acknowledged write after a replay, which creates the salvaged documents through the stream", async () => {
    const { outcomes } = await site.replayIntoBhs("3-gra");
    expect(outcomes).toMatchObject({ failed: 0, changed: 0 });
    expect(await missingFrom(pair.bhs, stream, allWritten())).toEqual([]);
  });

  test("loses nothing in a switchover back, after which it writes to the generation that was followed", async () => {
    const newest = await writeIndexOf(pair.bhs, stream);
    await site.switchOver("gra");
    await site.traffic.next(20);
    expect(await writeIndexOf(pair.gra, stream)).toBe(newest);
    await site.untilServing("gra", "in-sync");
    await site.traffic.stop();
    expect((await site.record()).lastFailover).toMatchObject({ kind: "switchover", loss: { atLeast: 0, atMost: 0 } });
    expect(await missingFrom(pair.gra, stream, allWritten())).toEqual([]);
    await eventually(
      "bhs has all",
      30_000,
      async () => (await missingFrom(pair.bhs, stream, allWritten())).length === 0,
    );
    expect(await streamOf(pair.gra, stream)).toMatchObject({ replicated: false });
    expect(await streamOf(pair.bhs, stream)).toMatchObject({ replicated: true });
    expect((await listSalvages(salvageRoot(directory))).at(-1)).toMatchObject({ totals: { operations: 0 } });
    // The application goes on to roll it over and to write.
    await rollOver("gra");
    expect(await append(pair.gra, stream, "last")).not.toBe(newest);
  });
});
