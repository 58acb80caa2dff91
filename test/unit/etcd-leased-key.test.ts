import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EtcdClient } from "../../watchdog/adapters/etcd/client.ts";
import { EtcdError } from "../../watchdog/adapters/etcd/errors.ts";
import { LeasedKey } from "../../watchdog/adapters/etcd/leased-key.ts";
import { FakeEtcd, type Fate } from "./support/fake-etcd.ts";
import { VirtualTime } from "./support/virtual-time.ts";

const tls = { ca: "", certificate: "", key: "" };

function setUp(options: { minTtlSeconds?: number } = {}) {
  const time = new VirtualTime();
  const etcd = new FakeEtcd(time, options);
  const client = () =>
    new EtcdClient({
      endpoints: ["https://a:2379", "https://b:2379"],
      tls,
      credentials: null,
      clock: time,
      transport: etcd,
      hedgeAfterMs: 500,
      deadlineMs: 1_500,
    });
  const leasedKey = (ttlMs: number, mayTakeOver: (value: string) => boolean = () => false) =>
    new LeasedKey({ client: client(), clock: time, key: "/k", ttlMs, mayTakeOver });
  return { time, etcd, leasedKey };
}

describe("a hold", () => {
  test("counts from the start of the call, not from its answer", async () => {
    const { time, etcd, leasedKey } = setUp();
    etcd.fate = () => ({ requestDelayMs: 10, answerDelayMs: 400, lost: "nothing" });
    const hold = await time.settle(leasedKey(10_000).hold("me"));
    expect(hold).toMatchObject({ held: true, validForMs: 10_000, untilMonotonicMs: 10_000 });
    expect(time.monotonicMs()).toBeGreaterThan(800);
  });

  test("is never longer than requested, even when etcd grants more", async () => {
    const { time, etcd, leasedKey } = setUp({ minTtlSeconds: 15 });
    expect(await time.settle(leasedKey(2_000).hold("me"))).toMatchObject({ validForMs: 2_000 });
    await time.runUntil(14_000);
    expect(etcd.value("/k")).toBe("me");
  });

  test("lost to another process is noticed", async () => {
    const { time, etcd, leasedKey } = setUp();
    const [mine, other] = [leasedKey(2_000), leasedKey(2_000)];
    await time.settle(mine.hold("me"));
    await time.runUntil(5_000);
    expect(await time.settle(other.hold("other"))).toMatchObject({ held: true });
    expect(await time.settle(mine.hold("me"))).toEqual({ held: false, holder: "other" });
    expect(await time.settle(mine.change("me, still"))).toBe(false);
    expect(etcd.value("/k")).toBe("other");
  });

  test("whose lease expired unnoticed is taken again", async () => {
    const { time, etcd, leasedKey } = setUp();
    const key = leasedKey(2_000);
    await time.settle(key.hold("me"));
    await time.runUntil(5_000);
    expect(etcd.value("/k")).toBeUndefined();
    expect(await time.settle(key.hold("me"))).toMatchObject({ held: true, untilMonotonicMs: 7_000 });
    expect(etcd.value("/k")).toBe("me");
  });

  test("whose key was deleted is restored", async () => {
    const { time, etcd, leasedKey } = setUp();
    const key = leasedKey(2_000);
    await time.settle(key.hold("me"));
    etcd.delete("/k");
    await time.settle(key.hold("me"));
    expect(etcd.value("/k")).toBe("me");
  });

  test("taken over from a predecessor lasts at least as long as the predecessor's", async () => {
    const { time, etcd, leasedKey } = setUp();
    await time.settle(leasedKey(30_000).hold("before"));
    const startedMs = time.monotonicMs();
    expect(await time.settle(leasedKey(2_000, () => true).hold("after"))).toMatchObject({ validForMs: 2_000 });
    await time.runUntil(startedMs + 29_900);
    expect(etcd.value("/k")).toBe("after");
  });

  test("released is free at once", async () => {
    const { time, leasedKey } = setUp();
    const mine = leasedKey(60_000);
    await time.settle(mine.hold("me"));
    await time.settle(mine.release());
    expect(await time.settle(leasedKey(2_000).hold("other"))).toMatchObject({ held: true });
  });

  test("that cannot be renewed is an error, which does not change the previous hold", async () => {
    const { time, etcd, leasedKey } = setUp();
    const key = leasedKey(2_000);
    await time.settle(key.hold("me"));
    etcd.fate = () => ({ requestDelayMs: 1, answerDelayMs: 1, lost: "request" });
    await expect(time.settle(key.hold("me"))).rejects.toThrow(EtcdError);
  });
});

describe("whatever the network does", () => {
  const delayMs = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 100 }) },
    { weight: 2, arbitrary: fc.integer({ min: 100, max: 3_000 }) },
  );
  const fate: fc.Arbitrary<Fate> = fc.record({
    requestDelayMs: delayMs,
    answerDelayMs: delayMs,
    lost: fc.oneof(
      { weight: 8, arbitrary: fc.constant("nothing" as const) },
      { weight: 1, arbitrary: fc.constantFrom("request" as const, "answer" as const) },
    ),
  });
  /** Pauses between two renewals of each process; long ones stand for a frozen process or a cut network. */
  const pauses = fc.array(fc.oneof(fc.integer({ min: 50, max: 1_000 }), fc.integer({ min: 1_000, max: 9_000 })), {
    minLength: 3,
    maxLength: 12,
  });
  const history = fc.record({
    fates: fc.array(fate, { minLength: 20, maxLength: 60 }),
    pauses: fc.array(pauses, { minLength: 2, maxLength: 3 }),
    ttls: fc.array(fc.integer({ min: 500, max: 6_000 }), { minLength: 3, maxLength: 3 }),
    minTtlSeconds: fc.integer({ min: 1, max: 3 }),
    leaderChangesMs: fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 4 }),
  });

  /** Runs the processes, each with its pauses, and checks after every event that each hold is valid. */
  async function run(
    { fates, pauses, ttls, minTtlSeconds, leaderChangesMs }: typeof history extends fc.Arbitrary<infer H> ? H : never,
    successors: boolean,
  ): Promise<void> {
    const { time, etcd, leasedKey } = setUp({ minTtlSeconds });
    const queue = [...fates];
    etcd.fate = () => queue.shift() ?? { requestDelayMs: 1, answerDelayMs: 1, lost: "nothing" };
    for (const atMs of leaderChangesMs) time.at(atMs, () => etcd.changeLeader());
    const promises = new Map<string, number>();
    const live = async (index: number, own: readonly number[]) => {
      const me = `process ${index}`;
      const key = leasedKey(ttls[index] ?? 1_000, (value) => successors || value.startsWith(me));
      for (const [round, pauseMs] of own.entries()) {
        try {
          const hold = await key.hold(`${me}, round ${round % 2}`);
          if (hold.held) promises.set(me, hold.untilMonotonicMs);
        } catch (error) {
          if (!(error instanceof EtcdError)) throw error;
        }
        await time.sleep(pauseMs);
      }
    };
    let before = Promise.resolve();
    for (const [index, own] of pauses.entries()) {
      // A successor starts after its predecessor has died, whose requests may still be under way.
      before = successors ? before.then(() => live(index, own)) : live(index, own);
    }
    await time.runUntil(180_000, () => {
      const relying = [...promises].filter(([, untilMs]) => untilMs > time.monotonicMs()).map(([me]) => me);
      const value = etcd.value("/k");
      if (successors) {
        if (relying.length > 0 && value === undefined) throw new Error(`${relying} rely on a key that is gone`);
        return;
      }
      for (const me of relying) {
        if (value?.startsWith(me) !== true) throw new Error(`${me} relies on the key, which holds ${value}`);
      }
    });
  }

  test("a key exists, with its holder's name, for as long as the holder may rely on it, so that never two hold it", async () => {
    await fc.assert(
      fc.asyncProperty(history, (events) => run(events, false)),
      { numRuns: 400 },
    );
  });

  test("a key that a successor takes over remains for as long as its dead predecessor may have relied on it", async () => {
    await fc.assert(
      fc.asyncProperty(history, (events) => run(events, true)),
      { numRuns: 400 },
    );
  });
});
