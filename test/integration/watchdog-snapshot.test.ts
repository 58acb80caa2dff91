import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { eventually } from "../../lab/util/until.ts";
import { haproxyMissing } from "./haproxy-process.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { createLargeLeader, documentsOf } from "./support/ccr.ts";
import { clear, createUsers, seed, seeded, stateOf } from "./support/watchdog-clusters.ts";
import { releaseForTests } from "./support/watchdog-release.ts";
import { SafetyWitness } from "./support/watchdog-safety.ts";
import { WatchdogSite } from "./support/watchdog-site.ts";

/** An index that a snapshot of the standby holds while it is promoted, on the real parts of watchdog-failover.test.ts. */

const held = "orders-large";
/** At the repository's rate a snapshot of it takes about a minute and a half. */
const kilobytes = 900;
const rate = "10kb";
const repository = "slow";
const maxStuckMs = 12_000;
const title = `a snapshot that runs in the standby${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;

describe.skipIf(haproxyMissing !== undefined)(title, { timeout: 600_000 }, () => {
  let pair: ClusterPair;
  let site: WatchdogSite;
  let isKilled = false;

  const release = releaseForTests();
  beforeAll(async () => {
    pair = await borrowClusterPair();
    await createUsers(pair);
  });
  afterAll(() => pair?.stop());

  beforeEach(async () => {
    await seed(pair);
    site = await WatchdogSite.inSync(pair, release(), { promotion: { unfollowTimeoutMs: 1_500, maxStuckMs } });
    await createLargeLeader(pair.gra, held, kilobytes);
    await site.untilInSync(Object.keys(seeded).length + 1);
    await eventually("the large index is copied", 60_000, async () => {
      return (await documentsOf(pair.bhs, held)).length === kilobytes;
    });
  });
  afterEach(async () => {
    await site?.stop();
    await pair.bhs.rest("DELETE", `/_snapshot/${repository}/*`);
    await pair.bhs.rest("DELETE", `/_snapshot/${repository}`);
    if (isKilled) await pair.gra.restart();
    isKilled = false;
    await clear(pair);
  });

  /** Begins a snapshot of the large index alone, and waits until it holds it. */
  async function beginSnapshot(): Promise<void> {
    const settings = { location: repository, max_snapshot_bytes_per_sec: rate };
    await pair.bhs.call("PUT", `/_snapshot/${repository}`, { body: { type: "fs", settings } });
    const body = { indices: held, include_global_state: false };
    await pair.bhs.call("PUT", `/_snapshot/${repository}/nightly?wait_for_completion=false`, { body });
    await eventually("the snapshot runs", 30_000, async () => (await runningSnapshots()).includes(held));
  }

  async function runningSnapshots(): Promise<readonly string[]> {
    const { snapshots } = await pair.bhs.call("GET", "/_snapshot/_status");
    return (snapshots as { indices: object }[]).flatMap(({ indices }) => Object.keys(indices));
  }

  test("refuses a switchover; a failover leaves the index out, opens the others within the bound, and it joins later", async () => {
    await beginSnapshot();
    await eventually("the switchover is refused for the snapshot", 30_000, async () => {
      const { verdict, reasons } = await site.previewSwitchover("bhs");
      return verdict === "refused" && reasons.join().includes(`a snapshot that runs in bhs holds ${held}`);
    });

    const witness = new SafetyWitness(site);
    isKilled = true;
    await pair.gra.kill();
    await site.untilServing("bhs");
    expect((await witness.stop()).violations).toEqual([]);
    const { lastFailover } = await site.record();
    expect(lastFailover).toMatchObject({
      missingIndices: [held],
      leftOut: [{ index: held, reason: expect.stringMatching(/could not be closed: .*being snapshotted/) }],
      toJoin: { indices: [held] },
    });
    const closedMs = (lastFailover?.finishedAtMs ?? 0) - (lastFailover?.startedAtMs ?? 0);
    expect(closedMs).toBeLessThan(maxStuckMs + 10_000);
    expect((await stateOf(pair.bhs)).documents).toEqual({ ...seeded, [held]: kilobytes });
    expect(await site.request("PUT", "/customers/_create/after", { n: 1 })).toMatchObject({
      status: 201,
      region: "bhs",
    });
    expect(await site.request("PUT", `/${held}/_create/after`, { filler: "new" })).toMatchObject({ status: 403 });

    await pair.bhs.call("DELETE", `/_snapshot/${repository}/nightly`);
    await site.untilDecided("repair-done", new RegExp(`${held} has joined`));
    expect((await site.record()).lastFailover).toMatchObject({ missingIndices: [], leftOut: [] });
    expect(await site.request("PUT", `/${held}/_create/after`, { filler: "new" })).toMatchObject({ status: 201 });
  });
});
