import { describe, expect, test } from "vitest";
import { EtcdClient } from "../../watchdog/adapters/etcd/client.ts";
import { EtcdError } from "../../watchdog/adapters/etcd/errors.ts";
import type { EtcdStoreOptions } from "../../watchdog/adapters/etcd/store.ts";
import { etcdStore } from "../../watchdog/adapters/etcd/store.ts";
import type { Written } from "../../watchdog/core/ports/store.ts";
import type { HistoryEntry } from "../../watchdog/core/state/history.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { recordFrom } from "../../watchdog/core/state/record-codec.ts";
import { stateRecord } from "../integration/support/state-record.ts";
import { FakeEtcd, type Fate } from "./support/fake-etcd.ts";
import { VirtualTime } from "./support/virtual-time.ts";

const record = (epoch: number, cause = "test"): StateRecord => ({ ...stateRecord(epoch), cause });
const entry = (epoch: number): HistoryEntry => ({ atMs: epoch, epoch, rule: "r", explanation: "e", watchdog: "w" });

function setUp(options: Partial<EtcdStoreOptions> = {}) {
  const time = new VirtualTime();
  const etcd = new FakeEtcd(time);
  const store = (own: Partial<EtcdStoreOptions> = options) => {
    const endpoints = ["https://a:2379", "https://b:2379", "https://c:2379"];
    const tls = { ca: "", certificate: "", key: "" };
    const client = new EtcdClient({ endpoints, tls, credentials: null, clock: time, transport: etcd });
    return etcdStore({ client, clock: time, leaseTtlMs: 10_000, ...own });
  };
  return { time, etcd, store };
}

describe("the record", () => {
  test("is null before the first write, and afterwards the written record", async () => {
    const { time, store } = setUp();
    const one = store();
    expect(await time.settle(one.read())).toBeNull();
    const written = await time.settle(one.write(record(1), null, entry(1)));
    expect(written).toEqual({ revision: expect.any(String) });
    expect(await time.settle(one.read())).toEqual({ record: record(1), ...(written as Written) });
  });

  test("is created only once", async () => {
    const { time, store } = setUp();
    const [one, two] = [store(), store()];
    const both = Promise.all([one.write(record(1), null, entry(1)), two.write(record(1), null, entry(1))]);
    expect((await time.settle(both)).filter((outcome) => outcome === "conflict")).toHaveLength(1);
  });

  test("that was changed concurrently is not overwritten, and a conflict leaves no history", async () => {
    const { time, store } = setUp();
    const one = store();
    await time.settle(one.write(record(1), null, entry(1)));
    const revision = (await time.settle(one.read()))?.revision ?? "";
    expect(await time.settle(store().write(record(2), revision, entry(2)))).not.toBe("conflict");
    expect(await time.settle(one.write(record(3), revision, entry(3)))).toBe("conflict");
    expect(await time.settle(one.history(10))).toEqual([entry(1), entry(2)]);
  });

  test("of a newer version is never replaced by what this version reads of it", async () => {
    const { time, store } = setUp();
    const one = store();
    const foreign = recordFrom({ ...record(5), quorum: { sites: 3 } });
    await time.settle(one.write(foreign, null, entry(5)));
    const stored = await time.settle(store().read());
    expect(stored?.record).toMatchObject({ epoch: 5, active: "gra" });
    const refused = one.write(record(6), stored?.revision ?? "", entry(6));
    await expect(time.settle(refused)).rejects.toThrow(/of a newer version: upgrade this watchdog/);
  });

  test("that has not changed is not sent again", async () => {
    const { time, store } = setUp();
    const [one, two] = [store(), store()];
    const written = await time.settle(one.write(record(1), null, entry(1)));
    const first = await time.settle(two.read());
    expect(await time.settle(two.read())).toBe(first);
    if (written === "conflict") throw new Error("nothing else writes");
    await time.settle(one.write(record(2), written.revision, entry(2)));
    expect((await time.settle(two.read()))?.record).toEqual(record(2));
  });

  test("never returns to a lower epoch", async () => {
    const { time, store } = setUp();
    const one = store();
    await time.settle(one.write(record(5), null, entry(5)));
    const revision = (await time.settle(one.read()))?.revision ?? "";
    await expect(time.settle(one.write(record(4), revision, entry(4)))).rejects.toThrow("epoch 4");
  });
});

describe("a write whose answer is lost", () => {
  const fine: Fate = { requestDelayMs: 1, answerDelayMs: 1, lost: "nothing" };
  const cases: readonly [string, Fate][] = [
    ["took effect: written", { ...fine, lost: "answer" }],
    ["never arrived: written by the second attempt", { ...fine, lost: "request" }],
    ["arrives long after the second attempt: written once", { ...fine, requestDelayMs: 20_000 }],
  ];
  test.each(cases)("%s, and the next write may follow without a read", async (_, fate) => {
    const { time, etcd, store } = setUp();
    const one = store();
    const fates = [fate];
    etcd.fate = () => fates.shift() ?? fine;
    const written = await time.settle(one.write(record(1), null, entry(1)));
    await time.runUntil(60_000);
    expect(await time.settle(one.history(10))).toEqual([entry(1)]);
    expect(await time.settle(one.read())).toEqual({ record: record(1), ...(written as Written) });
    expect(await time.settle(one.write(record(2), (written as Written).revision, entry(2)))).not.toBe("conflict");
    expect((await time.settle(one.read()))?.record).toEqual(record(2));
  });

  test("and that another write preceded: a lasting conflict", async () => {
    const { time, etcd, store } = setUp();
    const [one, two] = [store(), store()];
    const fates: Fate[] = [{ ...fine, requestDelayMs: 20_000 }];
    etcd.fate = () => fates.shift() ?? fine;
    const late = one.write(record(1, "late"), null, entry(1));
    await time.runUntil(100);
    expect(await time.settle(two.write(record(1, "first"), null, entry(1)))).not.toBe("conflict");
    expect(await time.settle(late)).toBe("conflict");
    await time.runUntil(60_000);
    expect((await time.settle(one.read()))?.record.cause).toBe("first");
  });

  test("and stays lost: the error warns that it may have been made", async () => {
    const { time, etcd, store } = setUp();
    etcd.fate = () => ({ ...fine, lost: "answer" });
    const error = await time.settle(
      store()
        .write(record(1), null, entry(1))
        .catch((reason: unknown) => reason),
    );
    expect(error).toBeInstanceOf(EtcdError);
    expect(error).toMatchObject({ kind: "timeout", mayHaveTakenEffect: true });
  });
});

describe("the fence", () => {
  test("a watchdog that is not the controller writes nothing", async () => {
    const { time, etcd, store } = setUp();
    expect(await time.settle(store({ fence: () => null }).write(record(1), null, entry(1)))).toBe("conflict");
    expect(etcd.keys()).toEqual([]);
  });

  test("a watchdog whose leadership has expired in etcd writes nothing", async () => {
    const { time, etcd, store } = setUp();
    const fence = () => ({ key: "/es-failover/decider", createRevision: "7" });
    expect(await time.settle(store({ fence }).write(record(1), null, entry(1)))).toBe("conflict");
    expect(etcd.keys()).toEqual([]);
  });

  test("the record is read as the controller only while etcd has the leadership that the watchdog took", async () => {
    const { time, store } = setUp();
    const written = (await time.settle(store().write(record(1), null, entry(1)))) as Written;
    // Any key will do as that of the controller.
    const fence = (createRevision: string) => () => ({ key: "/es-failover/record", createRevision });
    const readBy = (own: Partial<EtcdStoreOptions>) => time.settle(store(own).readAsController());
    expect(await readBy({ fence: fence(written.revision) })).toEqual({ record: record(1), ...written });
    expect(await readBy({ fence: fence("999") })).toBeNull();
    expect(await readBy({ fence: () => null })).toBeNull();
    expect(await readBy({})).toEqual({ record: record(1), ...written });
  });
});

test("the history keeps the latest entries, in order, and at most a tenth more than its limit", async () => {
  const { time, etcd, store } = setUp();
  const one = store({ historyLimit: 10 });
  for (let epoch = 1; epoch <= 27; epoch++) {
    const revision = (await time.settle(one.read()))?.revision ?? null;
    await time.settle(one.write(record(epoch), revision, entry(epoch)));
  }
  const kept = etcd.keys().filter((key) => key.includes("history")).length;
  expect(kept).toBeGreaterThanOrEqual(10);
  expect(kept).toBeLessThanOrEqual(11);
  expect((await time.settle(one.history(100))).map(({ epoch }) => epoch)).toEqual(
    Array.from({ length: kept }, (_, n) => 27 - kept + 1 + n),
  );
  expect(await time.settle(one.history(2))).toEqual([entry(26), entry(27)]);
});

describe("router leases", () => {
  test("a router acknowledges under its lease, and its acknowledged epoch never decreases", async () => {
    const { time, store } = setUp();
    const one = store();
    expect(await time.settle(one.renewRouterLease("r"))).toEqual({ validForMs: 10_000 });
    await time.settle(one.acknowledge("r", 4));
    await time.settle(one.acknowledge("r", 3));
    await time.settle(one.renewRouterLease("r"));
    expect(await time.settle(one.routerLeases())).toEqual([{ router: "r", acknowledgedEpoch: 4 }]);
  });

  test("a router without a lease, or with a lost one, cannot acknowledge", async () => {
    const { time, store } = setUp();
    const one = store();
    await expect(time.settle(one.acknowledge("r", 1))).rejects.toThrow("holds no lease");
    await time.settle(one.renewRouterLease("r"));
    await time.runUntil(30_000);
    await expect(time.settle(one.acknowledge("r", 1))).rejects.toThrow(EtcdError);
    expect(await time.settle(one.routerLeases())).toEqual([]);
  });

  test("a lease that was lost and taken again still has the acknowledged epoch", async () => {
    const { time, store } = setUp();
    const one = store();
    await time.settle(one.renewRouterLease("r"));
    await time.settle(one.acknowledge("r", 4));
    await time.runUntil(30_000);
    await time.settle(one.renewRouterLease("r"));
    expect(await time.settle(one.routerLeases())).toEqual([{ router: "r", acknowledgedEpoch: 4 }]);
  });

  test("a restarted watchdog takes over its router's lease, with nothing acknowledged", async () => {
    const { time, store } = setUp();
    const before = store();
    await time.settle(before.renewRouterLease("r"));
    await time.settle(before.acknowledge("r", 4));
    await time.settle(store().renewRouterLease("r"));
    expect(await time.settle(store().routerLeases())).toEqual([{ router: "r", acknowledgedEpoch: 0 }]);
  });

  test("of two live watchdogs with one name the earlier one gets an error and stops", async () => {
    const { time, store } = setUp();
    const [one, two] = [store(), store()];
    await time.settle(one.renewRouterLease("r"));
    await time.settle(two.renewRouterLease("r"));
    await expect(time.settle(one.renewRouterLease("r"))).rejects.toThrow("every watchdog needs a unique name");
    await time.settle(two.renewRouterLease("r"));
  });
});
