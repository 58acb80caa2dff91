import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { Traffic } from "../../lab/traffic/traffic.ts";
import { eventually } from "../../lab/util/until.ts";
import { users } from "../../watchdog/config/roles.ts";
import type { StepKind } from "../../watchdog/core/state/plan.ts";
import type { LastFailover, StateRecord } from "../../watchdog/core/state/record.ts";
import { type PromotionStep, promotionSteps } from "../promotion-steps.ts";
import { haproxyMissing } from "./haproxy-process.ts";
import { borrowClusterPair } from "./shared/cluster-pair.ts";
import { whileMisbehaving } from "./support/ccr.ts";
import {
  type ClusterState,
  clear,
  createUsers,
  followers,
  passwords,
  seed,
  seeded,
  serves,
  stateOf,
} from "./support/watchdog-clusters.ts";
import type { Moment } from "./support/watchdog-interruption.ts";
import { releaseForTests } from "./support/watchdog-release.ts";
import { SafetyWitness } from "./support/watchdog-safety.ts";
import { type SiteOverrides, WatchdogSite } from "./support/watchdog-site.ts";

/**
 * The whole watchdog on real parts: two Elasticsearch clusters that replicate, HAProxy with the rendered configuration,
 * the file store, and the released program as an unprivileged process. The tests share the clusters; each has an entry, a
 * store and indices of its own.
 */

/** Steps with a request per index or batch of indices. */
const stepsOfSeveralRequests = ["pause-follow", "close", "unfollow", "open", "verify"] as const;

/** The result of every failover of the seeded indices. */
const promoted: ClusterState = {
  documents: seeded,
  writeIndex: "orders-000002",
  followers: {},
  autoFollow: { "es-failover-from-gra": "paused" },
};
const following: ClusterState = {
  documents: seeded,
  writeIndex: null,
  followers: { "orders-000001": "active", "orders-000002": "active", customers: "active" },
  autoFollow: { "es-failover-from-gra": "active" },
};
const failoverPath = ["1 serving gra", "2 closing gra to bhs", "2 promoting gra to bhs", "3 serving bhs"];

const title = `the watchdog on real parts${haproxyMissing === undefined ? "" : ` (skipped: ${haproxyMissing})`}`;

describe.skipIf(haproxyMissing !== undefined)(title, () => {
  let pair: ClusterPair;
  let site: WatchdogSite;

  const release = releaseForTests();
  beforeAll(async () => {
    pair = await borrowClusterPair();
    await createUsers(pair);
  });
  afterAll(() => pair?.stop());

  beforeEach(() => seed(pair));
  afterEach(async () => {
    await site?.stop();
    for (const cluster of [pair.gra, pair.bhs]) await cluster.thaw();
    await clear(pair);
  });

  /** Makes a site whose watchdog has brought bhs in sync with gra. */
  async function siteInSync(more?: SiteOverrides, start?: (started: WatchdogSite) => void): Promise<void> {
    site = await WatchdogSite.inSync(pair, release(), more, start);
  }

  function startTraffic(): Traffic {
    const credentials = { username: users.app.name, password: passwords.app };
    const load = { index: "orders", writers: 2, pauseMs: 20, timeoutMs: 5_000 };
    return new Traffic({ entries: [site.haproxy.entry], ca: site.haproxy.ca, ...credentials, ...load });
  }

  /** What the metrics tell of a failover. */
  function shownBy(metrics: ReadonlyMap<string, number>) {
    const value = (name: string) => metrics.get(`es_failover_${name}`);
    return {
      epoch: value("epoch"),
      gra: value('active{region="gra"}'),
      bhs: value('active{region="bhs"}'),
      openTo: ["gra", "bhs"].filter((region) => value(`router_open{region="${region}"}`) === 1).join(),
      ready: value("ready"),
      failovers: value('changes_total{kind="failover",automatic="true",outcome="done"}') ?? 0,
    };
  }

  /** How long the failover kept applications from writing, by the metrics; null while they do not tell. */
  async function writePauseMs(): Promise<number | null> {
    const paused = (await site.metrics()).get('es_failover_write_pause_seconds{kind="failover"}');
    return paused === undefined ? null : paused * 1_000;
  }

  /** Expects that bhs takes a write through the entry into the write index of the alias. */
  async function expectWritable(): Promise<void> {
    const { status, region, body } = await site.request("PUT", "/orders/_create/after-failover", { n: 1 });
    expect({ status, region }).toEqual({ status: 201, region: "bhs" });
    expect(JSON.parse(body)).toMatchObject({ _index: "orders-000002", result: "created" });
  }

  async function expectClosed(): Promise<void> {
    expect(await site.request("GET", "/")).toMatchObject({ status: 503, region: null, retryAfter: "2" });
    expect((await site.tickets()).filter(({ validUntilMs }) => validUntilMs > Date.now())).toEqual([]);
  }

  test("a lost primary leads to a promotion step by step, writes in the other region, and a record of the loss", async () => {
    await siteInSync();
    const witness = new SafetyWitness(site);
    const { index_templates } = await pair.bhs.call("GET", "/_index_template/orders");
    expect(index_templates[0].index_template).toMatchObject({ composed_of: ["orders-mappings"], priority: 200 });
    expect(await stateOf(pair.bhs)).toEqual(following);
    // Created after following began: auto-follow takes it.
    await pair.gra.call("PUT", "/orders-000003");
    await site.untilInSync(4);
    expect(shownBy(await site.metrics())).toEqual({ epoch: 1, gra: 1, bhs: 0, openTo: "gra", ready: 1, failovers: 0 });
    const surveyed = new Map<string, number>();
    await eventually("the first survey has ended", 30_000, async () => {
      for (const [name, value] of await site.metrics()) surveyed.set(name, value);
      return surveyed.has("es_failover_survey_timestamp_seconds");
    });
    expect(surveyed.get('es_failover_readiness_check{check="remote connection bhs to gra",verdict="ok"}')).toBe(1);
    expect(surveyed.get('es_failover_drift_items{kind="version"}')).toBe(0);
    // Elasticsearch's default of 12 h; a follower that reads has renewed its lease within some minutes.
    expect(surveyed.get("es_failover_retention_lease_period_seconds")).toBe(43_200);
    expect(surveyed.get("es_failover_retention_lease_remaining_seconds")).toBeGreaterThan(43_200 - 300);

    const startedAtMs = Date.now();
    const traffic = startTraffic();
    try {
      await traffic.next("write-acknowledged", 60_000, () => traffic.ledger.acknowledged.size >= 200);
      await pair.gra.kill();
      const killedAtMs = Date.now();
      await site.untilServing("bhs");
      await traffic.next("write-acknowledged", 60_000, ({ atMs }) => atMs > killedAtMs);
      await traffic.stop();
      await eventually("the router tells how long writes paused", 30_000, async () => (await writePauseMs()) !== null);
      const { fromMs, toMs } = traffic.ledger.longestOutage(startedAtMs, Date.now());
      expect(Math.abs(((await writePauseMs()) ?? 0) - ((toMs ?? Date.now()) - fromMs))).toBeLessThan(1_000);
      const shown = shownBy(await site.metrics());
      // Not ready: the only other region is lost.
      expect(shown).toEqual({ epoch: 3, gra: 0, bhs: 1, openTo: "bhs", ready: 0, failovers: 1 });
    } finally {
      await traffic.close();
      // gra is inspected in its state at the loss, before the watchdog makes it a standby.
      await site.end("SIGTERM");
      await pair.gra.restart();
    }
    expect(await witness.stop()).toMatchObject({ violations: [], path: failoverPath, named: ["1 gra", "3 bhs"] });
    expect(await decisions()).toEqual(["failover", "begin-promotion", "promotion-goes-on", "promotion-done"]);
    expect(await stepsDone()).toEqual(promotionSteps);
    expect(await followers(pair.bhs)).toEqual({});
    expect((await stateOf(pair.bhs)).writeIndex).toBe("orders-000002");

    const failover = lastFailoverOf(await site.record());
    expect(failover).toMatchObject({ from: "gra", to: "bhs", automatic: true, missingIndices: [] });
    expect(failover.checkpoints.map(({ index, shard }) => `${index}/${shard}`).sort()).toEqual(
      ["customers/0", "orders-000001/0", "orders-000002/0", "orders-000002/1", "orders-000003/0"].sort(),
    );
    const missing = await missingFrom(pair.bhs, [...traffic.ledger.acknowledged.keys()]);
    const lost = await operationsAbove(pair.gra, failover.checkpoints);
    expect(missing.length).toBeLessThanOrEqual(lost);
    expect(failover.loss.atLeast).toBeLessThanOrEqual(lost);
    expect(failover.loss.atMost ?? Number.NaN).toBeGreaterThanOrEqual(lost);

    // gra returns with indices that may have writes of their own, which are salvaged first.
    site.start();
    const { record } = await site.untilStatus(
      "gra has rejoined",
      ({ record: last, replication }) =>
        last?.phase === "serving" && last.standby === "in-sync" && replication?.inSync === true,
    );
    expect(record).toMatchObject({ epoch: 3, active: "bhs" });
    expect(Object.keys(await followers(pair.gra)).sort()).toEqual([
      "customers",
      "orders-000001",
      "orders-000002",
      "orders-000003",
    ]);
    expect(await site.request("GET", "/")).toMatchObject({ status: 200, region: "bhs" });
  });

  const interruptions: readonly { moment: Moment; when: string; at: readonly PromotionStep[] }[] = [
    { moment: "begun", when: "at the beginning of a step", at: promotionSteps },
    { moment: "halfway", when: "between two requests of a step", at: stepsOfSeveralRequests },
    { moment: "effected", when: "after a step and before its record as done", at: promotionSteps },
  ];
  test.each(interruptions)(
    "a promotion whose watchdog is killed $when, at every step, has the same result as an undisturbed one, and the endpoint service names no wrong region",
    async ({ moment, at }) => {
      // One request at a time, so that there is a moment between two.
      const oneByOne = { promotion: { batchSize: 1, parallelism: 1 } };
      await siteInSync(oneByOne, (started) => started.start({ step: at[0] ?? "verify", moment }));
      const witness = new SafetyWitness(site);
      await pair.gra.freeze();
      for (const [position, step] of at.entries()) {
        expect(await site.ended()).toBe("SIGKILL");
        expect(progressOf(await site.record())).toEqual(progressAt(step));
        await expectClosed();
        const next = at[position + 1];
        site.start(next === undefined ? undefined : { step: next, moment });
      }
      await site.untilServing("bhs");
      await expectEnd(witness);
    },
  );

  /** Expects the result of an undisturbed failover of the seeded indices. */
  async function expectEnd(witness: SafetyWitness): Promise<void> {
    expect(await witness.stop()).toMatchObject({ violations: [], path: failoverPath, named: ["1 gra", "3 bhs"] });
    expect(await stateOf(pair.bhs)).toEqual(promoted);
    expect(await stepsDone()).toEqual(promotionSteps);
    const { loss, checkpoints } = lastFailoverOf(await site.record());
    expect(loss.atLeast).toBe(0);
    // bhs has every seeded document, so the checkpoints count them all.
    const documents = checkpoints.reduce((sum, { globalCheckpoint }) => sum + globalCheckpoint + 1, 0);
    expect(documents).toBe(Object.values(seeded).reduce((sum, count) => sum + count, 0));
    await expectWritable();
  }

  test("a promotion waits for an unfollow that hangs, and continues over retention leases that remain", async () => {
    await siteInSync();
    const witness = new SafetyWitness(site);
    await whileMisbehaving(pair.bhs, "lease_removal_fails", ["orders-000002"], async () => {
      await whileMisbehaving(pair.bhs, "unfollow_hangs", ["orders-000001"], async () => {
        await pair.gra.freeze();
        const { plan } = await site.untilStatus("two attempts to unfollow have failed", (status) =>
          (status.plan ?? []).some(
            ({ kind, attempts, error }) => kind === "unfollow" && attempts >= 2 && error !== null,
          ),
        );
        const unfollow = plan?.find(({ kind }) => kind === "unfollow");
        expect(unfollow?.error).toMatch(/indices still followers: orders-000001 .*no answer within/);
        expect(await followers(pair.bhs)).toEqual({ "orders-000001": "paused" });
        await expectClosed();
      });
      await site.untilServing("bhs");
    });
    await expectEnd(witness);
  });

  test("with both regions unhealthy nothing changes, and service resumes when they return", async () => {
    await siteInSync();
    const witness = new SafetyWitness(site);
    const before = await site.record();
    for (const cluster of [pair.gra, pair.bhs]) await cluster.freeze();
    const failedChecks = 8;
    const status = await site.untilStatus(`${failedChecks} checks of each region have failed`, ({ regions }) =>
      regions.every(({ health }) => health.failuresInARow >= failedChecks),
    );
    expect(status.decisions[0]).toMatchObject({ rule: "refuse-both-unhealthy", epoch: 1 });
    expect(status.summary).toMatch(/^gra is unhealthy: .*; no failover: bhs is not healthy/);
    // Still routed to gra, whose servers HAProxy itself has down.
    expect(status.router?.ticket).toMatchObject({ region: "gra", epoch: 1 });
    expect(status.router?.ticket?.validUntilMs).toBeGreaterThan(status.nowMs);
    expect(await site.record()).toEqual(before);

    // gra first: in the other order a failover to bhs would be right.
    await pair.gra.thaw();
    await site.untilStatus("gra is healthy", isHealthy("gra"));
    await pair.bhs.thaw();
    await site.untilStatus("bhs is healthy", isHealthy("bhs"));
    await site.untilInSync(Object.keys(seeded).length);
    expect(await stateOf(pair.bhs)).toEqual(following);
    await site.untilAnswer("gra answers again", ({ status: code, region }) => code === 200 && region === "gra");
    expect(await witness.stop()).toMatchObject({ violations: [], path: ["1 serving gra"] });
    expect(await decisions()).not.toContain("failover");
  });

  test("a watchdog that returns before its ticket expires costs no request", async () => {
    const router = { ticketValidityMs: 60_000, ticketRenewalMs: 1_000 };
    await siteInSync({ router, leases: { ttlMs: 70_000 } });
    const traffic = startTraffic();
    try {
      await traffic.next("write-acknowledged", 60_000);
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        await site.end(signal);
        const endedAtMs = Date.now();
        site.start();
        // The new watchdog issues its first ticket before the last one of the old watchdog expires.
        const { nowMs } = await site.untilServing("gra");
        expect(nowMs - endedAtMs).toBeLessThan(router.ticketValidityMs - router.ticketRenewalMs);
        await traffic.next("write-acknowledged", 60_000, ({ atMs }) => atMs > nowMs);
      }
      await traffic.stop();
    } finally {
      await traffic.close();
    }
    const { writesFailed, readsFailed, lastFailure } = traffic.ledger;
    expect({ writesFailed, readsFailed, lastFailure }).toEqual({ writesFailed: 0, readsFailed: 0, lastFailure: null });
  });

  test("a router whose watchdog is dead closes when its ticket expires, and opens when the watchdog is back", async () => {
    await siteInSync({ router: { ticketValidityMs: 3_000, ticketRenewalMs: 1_000 }, leases: { ttlMs: 5_000 } });
    await site.end("SIGKILL");
    const [ticket] = await site.tickets();
    expect(ticket?.region).toBe("gra");
    let lastServedMs = 0;
    await site.untilAnswer("the entry is closed", ({ sentAtMs, status, retryAfter, region }) => {
      if (region !== null) lastServedMs = sentAtMs;
      return status === 503 && region === null && retryAfter === "2";
    });
    expect(Date.now()).toBeGreaterThanOrEqual(ticket?.validUntilMs ?? Number.NaN);
    expect(lastServedMs).toBeLessThan(ticket?.validUntilMs ?? Number.NaN);
    const startedMs = performance.now();
    site.start();
    await site.untilAnswer("the entry is open again", ({ status, region }) => status === 200 && region === "gra");
    // One or two seconds on a quiet machine.
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect((await site.record()).epoch).toBe(1);
  });

  // Last, because a trial licence that was given up does not return.
  test("a standby that is not in sync, read-only, or without a licence is not promoted, and the reason is reported", async () => {
    site = await WatchdogSite.create(pair, release());
    await whileMisbehaving(pair.bhs, "fatal", ["orders-000001"], async () => {
      site.start();
      await site.untilStatus("orders-000001 has stopped following", ({ replication }) =>
        (replication?.reasons ?? []).some((reason) => reason.startsWith("orders-000001 stopped following")),
      );
      const witness = new SafetyWitness(site);
      await pair.gra.freeze();
      const refusal = async (rule: string, reason: RegExp) => {
        const { summary } = await site.untilStatus(
          `${rule} decides, because ${reason}`,
          (status) => status.decisions[0]?.rule === rule && reason.test(status.summary),
        );
        expect(summary).toMatch(/^gra is unhealthy: .*; no failover: /);
      };
      await refusal("refuse-not-in-sync", /bhs is not in sync \(following\)/);
      await setReadOnly(true);
      await refusal("refuse-not-promotable", /a cluster-wide block makes bhs read-only/);
      await setReadOnly(false);
      await pair.bhs.call("POST", "/_license/start_basic?acknowledge=true");
      await refusal("refuse-not-promotable", /basic licence of bhs does not include cross-cluster replication/);
      // orders-000001 may be paused: gra froze while the watchdog restarted its following.
      expect(Object.keys(await followers(pair.bhs)).sort()).toEqual(Object.keys(following.followers).sort());
      expect(await witness.stop()).toMatchObject({ violations: [], path: ["1 serving gra"] });
    });
  });

  const setReadOnly = (readOnly: boolean) =>
    pair.bhs.call("PUT", "/_cluster/settings", {
      body: { persistent: { "cluster.blocks.read_only": readOnly ? true : null } },
    });

  /** Ids of the rules in this site's history from the failover on, without repetitions. */
  async function decisions(): Promise<readonly string[]> {
    const rules = (await site.history()).map(({ rule }) => rule);
    const start = rules.indexOf("failover");
    return start < 0
      ? rules
      : [...new Set(rules.slice(start))].filter((rule) => rule.includes("promotion") || rule === "failover");
  }

  /** Kinds of the steps that the history has as done, in that order, each once. */
  async function stepsDone(): Promise<readonly StepKind[]> {
    const failover = lastFailoverOf(await site.record());
    const done = (await site.history()).filter(
      ({ rule, explanation, atMs }) =>
        rule === "promotion-goes-on" && explanation.endsWith(": done") && atMs >= failover.startedAtMs,
    );
    return done.map(({ explanation }) => stepNamed(explanation));
  }
});

/** Text of a step of each kind in the history. */
const wordings: Readonly<Record<PromotionStep, RegExp>> = {
  "pause-auto-follow": /^pause 1 auto-follow pattern/,
  drain: /^wait up to/,
  "pause-follow": /^pause-follow/,
  "record-checkpoints": /^record the checkpoints/,
  close: /^close/,
  unfollow: /^unfollow/,
  open: /^open/,
  "write-aliases": /^set 1 write alias/,
  "data-streams": /data stream/,
  verify: /^verify/,
};

function stepNamed(explanation: string): StepKind {
  const step = promotionSteps.find((kind) => wordings[kind].test(explanation));
  if (step === undefined) throw new Error(`no step reads "${explanation}"`);
  return step;
}

/** Status of every step in the record. */
function progressOf(record: StateRecord): readonly string[] {
  if (record.phase !== "promoting") throw new Error(`the record says ${record.phase}, not promoting`);
  return record.plan.steps.map(({ kind, status }) => `${kind} ${status}`);
}

/** The statuses in the store after the watchdog was killed in a step. */
function progressAt(step: PromotionStep): readonly string[] {
  const position = promotionSteps.indexOf(step);
  return promotionSteps.map((kind, n) => `${kind} ${n < position ? "done" : n === position ? "running" : "pending"}`);
}

const isHealthy =
  (region: string) =>
  ({
    regions,
  }: {
    readonly regions: readonly { readonly region: string; readonly health: { readonly state: string } }[];
  }) =>
    regions.find((candidate) => candidate.region === region)?.health.state === "healthy";

function lastFailoverOf({ lastFailover }: StateRecord): LastFailover {
  if (lastFailover === null) throw new Error("the record tells of no failover");
  return lastFailover;
}

/** Ids that a search of the alias `orders` does not find. */
async function missingFrom(cluster: TestCluster, ids: readonly string[]): Promise<readonly string[]> {
  await cluster.call("POST", "/orders/_refresh");
  const found = await cluster.call("GET", "/orders/_search", { body: { size: 10_000, _source: false } });
  const there = new Set((found.hits.hits as { _id: string }[]).map(({ _id }) => _id));
  return ids.filter((id) => !there.has(id));
}

/** The number of operations above these checkpoints in a cluster. */
async function operationsAbove(cluster: TestCluster, checkpoints: LastFailover["checkpoints"]): Promise<number> {
  await serves(cluster);
  const { indices } = await cluster.call("GET", "/orders*,customers/_stats?level=shards");
  return checkpoints.reduce((sum, { index, shard, globalCheckpoint }) => {
    const [copy] = indices[index].shards[shard] as { seq_no: { max_seq_no: number } }[];
    return sum + Math.max(0, (copy?.seq_no.max_seq_no ?? -1) - globalCheckpoint);
  }, 0);
}
