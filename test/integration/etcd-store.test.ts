import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { until } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import type { EtcdClientOptions } from "../../watchdog/adapters/etcd/client.ts";
import { EtcdError } from "../../watchdog/adapters/etcd/errors.ts";
import { type EtcdStoreOptions, etcdStore } from "../../watchdog/adapters/etcd/store.ts";
import { httpsTransport, type Transport, TransportFailure } from "../../watchdog/adapters/etcd/transport.ts";
import { planRepair } from "../../watchdog/core/plans/repair.ts";
import type { Store } from "../../watchdog/core/ports/store.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { EtcdCluster, etcdCommand } from "./support/etcd-cluster.ts";
import { historyEntry, stateRecord } from "./support/state-record.ts";

const skipped = (await etcdCommand()) === null;

describe.skipIf(skipped)("the store with three real members (skipped where set-up has not brought etcd)", () => {
  let cluster: EtcdCluster;
  let prefix: string;
  let tests = 0;
  beforeAll(async () => {
    cluster = await EtcdCluster.start();
  });
  beforeEach(() => {
    prefix = `/es-failover/test-${++tests}/`;
    onTestFailed(() =>
      console.error(cluster.members.map(({ endpoint, output }) => `${endpoint}:\n${output}`).join("\n")),
    );
  });
  afterEach(async () => {
    await cluster.heal();
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  /** A store as one watchdog has it, with a client of its own. */
  const store = (options: Partial<EtcdStoreOptions> = {}, client: Partial<EtcdClientOptions> = {}): Store =>
    etcdStore({ client: cluster.client(client), clock: systemClock, prefix, leaseTtlMs: 3_000, ...options });
  const listed = async (one: Store) => (await one.routerLeases()).map(({ router }) => router);

  /** The members' addresses, the current leader's first. */
  async function leaderFirst(): Promise<readonly string[]> {
    const leader = await cluster.leader();
    return [leader.endpoint, ...cluster.endpoints.filter((endpoint) => endpoint !== leader.endpoint)];
  }

  test("of many concurrent writers exactly one replaces each revision, and the history has every write", async () => {
    const patient = { hedgeAfterMs: 5_000, deadlineMs: 15_000 };
    const writers = Array.from({ length: 6 }, (_, index) => ({ name: `w${index}`, store: store({}, patient) }));
    const incrementsEach = 5;
    await Promise.all(
      writers.map(async ({ name, store: own }) => {
        for (let done = 0; done < incrementsEach; ) {
          const current = await own.read();
          const epoch = (current?.record.epoch ?? 0) + 1;
          const outcome = await own.write(stateRecord(epoch), current?.revision ?? null, historyEntry(epoch, name));
          if (outcome !== "conflict") done += 1;
        }
      }),
    );
    const total = writers.length * incrementsEach;
    expect((await store().read())?.record.epoch).toBe(total);
    const history = await store().history(total * 2);
    expect(history.map(({ epoch }) => epoch)).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  });

  test("the record of a promotion with ten thousand shards is written and read back completely", async () => {
    const checkpoints = Array.from({ length: 10_000 }, (_, shard) => ({
      index: `.ds-logs-some.application.with-a-long-name-production-2026.11.${shard}`,
      ...{ shard, globalCheckpoint: 123_456_789_012, maxSeqNo: 123_456_789_999 },
    }));
    const indices = checkpoints.map(({ index }) => index);
    const record: StateRecord = {
      ...stateRecord(1),
      plan: planRepair({ strays: indices, copies: [], blocked: [], joining: [] }, 0),
      halfPromoted: { region: "bhs", checkpoints },
    };
    expect(JSON.stringify(record).length).toBeGreaterThan(4 * 1024 * 1024);
    const patient = { hedgeAfterMs: 5_000, deadlineMs: 15_000 };
    await store({}, patient).write(record, null, historyEntry(1));
    expect((await store({}, patient).read())?.record).toEqual(record);
  });

  test("history is trimmed to its limit", async () => {
    const one = store({ historyLimit: 5 });
    for (let epoch = 1; epoch <= 9; epoch++) {
      await one.write(stateRecord(epoch), (await one.read())?.revision ?? null, historyEntry(epoch));
    }
    expect((await one.history(100)).map(({ epoch }) => epoch)).toEqual([5, 6, 7, 8, 9]);
  });

  test("the lease of a router whose watchdog died expires, and not before the validity that the router was given", async () => {
    const startedMs = performance.now();
    const { validForMs } = await store().renewRouterLease("lb-gra-1");
    expect(validForMs).toBe(3_000);
    const observer = store();
    for (let reads = 0; ; reads++) {
      const found = await listed(observer);
      if (performance.now() >= startedMs + validForMs) {
        expect(reads).toBeGreaterThan(0);
        break;
      }
      expect(found).toEqual(["lb-gra-1"]);
    }
    await until("the lease has run out", 10_000, async () => (await listed(observer)).length === 0);
  });

  test("a router that renews its lease keeps it and its acknowledgement", async () => {
    const router = store();
    await router.renewRouterLease("lb-gra-1");
    await router.acknowledge("lb-gra-1", 7);
    const startedMs = performance.now();
    while (performance.now() < startedMs + 6_000) {
      await router.renewRouterLease("lb-gra-1");
      expect(await store().routerLeases()).toEqual([{ router: "lb-gra-1", acknowledgedEpoch: 7 }]);
      await systemClock.sleep(500);
    }
  });

  test("a lease shorter than etcd allows lasts longer than the router relies on it", async () => {
    const startedMs = performance.now();
    expect(await store({ leaseTtlMs: 500 }).renewRouterLease("lb-gra-1")).toEqual({ validForMs: 500 });
    await until("the lease has run out", 10_000, async () => (await listed(store())).length === 0);
    // 1.5 times the election timeout of 1 s, in whole seconds.
    expect(performance.now() - startedMs).toBeGreaterThan(1_500);
  });

  test("after a lease expired unnoticed an acknowledgement is refused, and a renewal takes a new lease", async () => {
    const router = store({ leaseTtlMs: 2_000 });
    await router.renewRouterLease("lb-gra-1");
    await until("the lease has run out", 10_000, async () => (await listed(store())).length === 0);
    await expect(router.acknowledge("lb-gra-1", 2)).rejects.toThrow(EtcdError);
    expect(await listed(store())).toEqual([]);
    await router.renewRouterLease("lb-gra-1");
    expect(await store().routerLeases()).toEqual([{ router: "lb-gra-1", acknowledgedEpoch: 2 }]);
  });

  test.each(["killed", "frozen and thawed"] as const)(
    "while etcd's leader is %s a router's lease is listed for as long as the router may rely on it",
    async (how) => {
      const router = store({ leaseTtlMs: 4_000 }, { endpoints: await leaderFirst() });
      const observer = store();
      let reliesUntilMs = 0;
      let checkedWhileRelying = 0;
      let renewals = 0;
      const renew = async () => {
        const startedMs = performance.now();
        const renewed = await router.renewRouterLease("lb-gra-1").catch(() => null);
        if (renewed === null) return;
        reliesUntilMs = startedMs + renewed.validForMs;
        renewals += 1;
      };
      const check = async () => {
        // Valid before the request and still valid after the answer: so it was valid in between.
        const validUntilMs = reliesUntilMs;
        const found = await listed(observer).catch(() => null);
        if (found === null || performance.now() >= validUntilMs) return;
        expect(found).toEqual(["lb-gra-1"]);
        checkedWhileRelying += 1;
      };
      const forMs = async (ms: number) => {
        const endMs = performance.now() + ms;
        while (performance.now() < endMs) {
          await Promise.all([renew(), check()]);
          await systemClock.sleep(100);
        }
      };
      await forMs(1_000);
      const leader = await cluster.leader();
      if (how === "killed") await leader.kill();
      else await leader.freeze();
      await forMs(6_000);
      const renewalsBefore = renewals;
      if (how === "killed") leader.start();
      else leader.thaw();
      // A thawed leader believes for a moment that it still leads and that all leases have expired.
      await forMs(4_000);
      expect(renewals).toBeGreaterThan(renewalsBefore);
      expect(checkedWhileRelying).toBeGreaterThan(20);
    },
  );

  test("another member completes a write that a frozen one took, and the late one changes nothing", async () => {
    const writer = store({}, { endpoints: await leaderFirst(), deadlineMs: 10_000 });
    await writer.write(stateRecord(1), null, historyEntry(1));
    const revision = (await writer.read())?.revision ?? null;
    const leader = await cluster.leader();
    await leader.freeze();
    // The first attempt goes to the frozen leader over an open connection; the other members elect a new leader.
    const attempt = () => writer.write(stateRecord(2), revision, historyEntry(2)).catch((error: unknown) => error);
    let outcome = await attempt();
    await until("the write is settled", 15_000, async () => {
      if (outcome instanceof EtcdError) outcome = await attempt();
      return !(outcome instanceof EtcdError);
    });
    leader.thaw();
    await cluster.heal();
    const reader = store();
    await until("the thawed member has caught up", 10_000, async () => (await reader.read())?.record.epoch === 2);
    const replaced = (await reader.read())?.revision;
    expect([{ revision: replaced }, "conflict"]).toContainEqual(outcome);
    expect((await reader.history(10)).map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  describe("a network that loses answers", () => {
    /** Lets every request through and loses the answers to some transactions. */
    function losing(lose: (transactions: number) => boolean): Transport {
      const real = httpsTransport(cluster.tls);
      let transactions = 0;
      return {
        close: () => real.close(),
        post: async (url, body, headers, bounds) => {
          const answer = await real.post(url, body, headers, bounds);
          if (!url.pathname.endsWith("/kv/txn") || !lose(++transactions)) return answer;
          throw new TransportFailure("the answer was lost", { sent: true, certificateRefused: false });
        },
      };
    }

    test("a write that took effect without an answer is recognised, and done once", async () => {
      const writer = store({}, { transport: losing((transactions) => transactions === 1) });
      const written = await writer.write(stateRecord(1), null, historyEntry(1));
      expect(written).toEqual({ revision: (await store().read())?.revision });
      expect(await store().history(10)).toHaveLength(1);
    });

    test("without any answer the error says that the write may have taken effect, and a read shows whether it did", async () => {
      const writer = store({}, { transport: losing(() => true) });
      const error = await writer.write(stateRecord(1), null, historyEntry(1)).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: "timeout", mayHaveTakenEffect: true });
      expect((await store().read())?.record.epoch).toBe(1);
    });
  });
});
