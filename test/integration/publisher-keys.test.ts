import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { etcdKeys } from "../../watchdog/adapters/etcd/keys.ts";
import { etcdStore } from "../../watchdog/adapters/etcd/store.ts";
import { Acknowledgements } from "../../watchdog/applications/acknowledgements.ts";
import { AcknowledgementSharing } from "../../watchdog/applications/endpoint/sharing.ts";
import type { Combined } from "../../watchdog/applications/publisher/sources/combine.ts";
import { EtcdSource } from "../../watchdog/applications/publisher/sources/etcd.ts";
import { ConsulTarget } from "../../watchdog/applications/publisher/targets/consul.ts";
import { EtcdKeysTarget } from "../../watchdog/applications/publisher/targets/etcd-keys.ts";
import type { PublishableState, Target } from "../../watchdog/applications/publisher/targets/target.ts";
import { publisherSchema } from "../../watchdog/config/applications.ts";
import { HttpClient } from "../../watchdog/util/http-client.ts";
import { LiveCell } from "../../watchdog/util/live.ts";
import { ConsulStandIn } from "./support/consul.ts";
import { EtcdCluster, etcdCommand } from "./support/etcd-cluster.ts";
import { historyEntry, stateRecord } from "./support/state-record.ts";

const gra = { phase: "serving", epoch: 1, region: "gra", host: "10.81.0.10", port: 9200 } as const;
const closing = { phase: "closing", epoch: 2 } as const;
const bhs = { phase: "serving", epoch: 3, region: "bhs", host: "2001:db8::10", port: 9200 } as const;
const published = (target: Target, state: PublishableState) => target.publish(state, () => true);

describe("keys and service in Consul (a stand-in, see support/consul.ts)", () => {
  let consul: ConsulStandIn;
  let client: HttpClient;
  const key = "es-failover/endpoint";
  const tokens = {
    right: { key, node: "es-failover", service: "elasticsearch" },
    other: { key: "x", node: "x", service: "x" },
  };
  beforeEach(async () => {
    consul = await ConsulStandIn.start(tokens);
    client = new HttpClient({ ca: null });
  });
  afterEach(async () => {
    client.close();
    await consul.close();
  });

  const target = (token: string | null = "right") => {
    const { consul: settings } = publisherSchema.parse({
      source: { kind: "service", urls: ["http://127.0.0.1:1"] },
      consul: { url: consul.url },
    });
    if (settings === null) throw new Error("Consul is configured");
    return new ConsulTarget(settings, client, token === null ? null : new LiveCell(token));
  };
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${consul.url}${path}`, { ...init, headers: { "x-consul-token": "right" } });
    return { index: response.headers.get("x-consul-index") ?? "", text: await response.text() };
  };
  const value = async () => JSON.parse((await ask(`/v1/kv/${key}?raw`)).text);
  const entries = async () => JSON.parse((await ask("/v1/catalog/service/elasticsearch")).text);

  test("name the region that serves; the service is absent while no region takes writes", async () => {
    await published(target(), gra);
    expect(await value()).toEqual(gra);
    expect(await entries()).toMatchObject([
      {
        Node: "es-failover",
        ServiceAddress: "10.81.0.10",
        ServicePort: 9200,
        ServiceTags: ["gra"],
        ServiceMeta: { epoch: "1", region: "gra" },
        ServiceWeights: { Passing: 1 },
      },
    ]);
    await published(target(), closing);
    expect([await value(), await entries()]).toEqual([closing, []]);
    await published(target(), bhs);
    expect(await entries()).toMatchObject([{ ServiceAddress: "2001:db8::10" }]);
  });

  test("wake a program that waits for the key in a blocking query", async () => {
    await published(target(), gra);
    const { index } = await ask(`/v1/kv/${key}`);
    const watching = ask(`/v1/kv/${key}?raw&index=${index}&wait=60s`);
    await published(target(), closing);
    expect(JSON.parse((await watching).text)).toEqual(closing);
  });

  test("are written once, and not again while they are current", async () => {
    await published(target(), gra);
    await published(target(), gra);
    await published(target(), gra);
    expect(consul.writes).toBe(1);
  });

  test("are corrected after a foreign change, or after the service was removed", async () => {
    await published(target(), gra);
    await ask(`/v1/kv/${key}`, { method: "PUT", body: "nonsense" });
    await published(target(), gra);
    expect(await value()).toEqual(gra);
    const take = [
      { Service: { Verb: "delete", Node: "es-failover", Service: { ID: "elasticsearch", Service: "elasticsearch" } } },
    ];
    await ask("/v1/txn", { method: "PUT", body: JSON.stringify(take) });
    expect(await entries()).toEqual([]);
    await published(target(), gra);
    expect(await entries()).toHaveLength(1);
  });

  test("never return to a lower epoch, not even when two publish at the same moment", async () => {
    await published(target(), bhs);
    await expect(published(target(), gra)).rejects.toThrow(/has epoch 3, but epoch 1 is the newest known here/);
    expect(await value()).toEqual(bhs);
    const outcomes = await Promise.allSettled([
      published(target(), { ...gra, epoch: 5 }),
      published(target(), { ...bhs, epoch: 6 }),
    ]);
    // Both read epoch 3: the second writer finds the key changed, and its address does not enter the catalog.
    const failed = outcomes.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
    expect(failed).toEqual([expect.stringMatching(/index is stale/)]);
    const { epoch, host } = await value();
    expect((await entries())[0]).toMatchObject({ ServiceAddress: host, ServiceMeta: { epoch: String(epoch) } });
  });

  test.each([
    [null, /answered 403: Permission denied: .*key:read.*check the policy of the token/],
    ["other", /answered 403/],
  ])("are refused with token %s, and the reason is reported", async (token, reason) => {
    await expect(published(target(token), gra)).rejects.toThrow(reason);
  });

  test("that cannot be reached are an error with the address", async () => {
    const away = target();
    await consul.close();
    await expect(published(away, gra)).rejects.toThrow(/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  });
});

const skipped = (await etcdCommand()) === null;

describe.skipIf(skipped)("etcd with three real members (skipped where it is not installed)", () => {
  let cluster: EtcdCluster;
  let prefix: string;
  let tests = 0;
  beforeAll(async () => {
    cluster = await EtcdCluster.start();
  });
  beforeEach(() => {
    prefix = `/es-failover/applications-${++tests}/`;
  });
  afterAll(() => cluster?.stop());

  test("the published keys name the region that serves, and never return to a lower epoch", async () => {
    const client = cluster.client();
    const target = new EtcdKeysTarget(client, prefix);
    const values = async () => [
      JSON.parse((await client.get(`${prefix}endpoint`))?.value ?? "null"),
      (await client.get(`${prefix}address`))?.value ?? null,
    ];
    await published(target, gra);
    expect(await values()).toEqual([gra, "10.81.0.10:9200"]);
    await published(target, closing);
    expect(await values()).toEqual([closing, null]);
    await published(target, bhs);
    expect(await values()).toEqual([bhs, "[2001:db8::10]:9200"]);
    const before = (await client.get(`${prefix}endpoint`))?.modRevision;
    await published(target, bhs);
    expect((await client.get(`${prefix}endpoint`))?.modRevision).toBe(before);
    await expect(published(target, closing)).rejects.toThrow(/has epoch 3, but epoch 2/);
    expect(await values()).toEqual([bhs, "[2001:db8::10]:9200"]);
  });

  test("a publisher reads the region that serves from the record itself", async () => {
    const received: Combined[] = [];
    const stop = new AbortController();
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const source = new EtcdSource({
      client: cluster.client(),
      key: etcdKeys(prefix).record,
      addresses: { gra: { host: "10.81.0.10", port: 9200 } },
      intervalMs: 20,
      clock: systemClock,
      log,
    });
    const running = source.run((combined) => received.push(combined), stop.signal);
    await eventually("the empty store has been read", 15_000, () => received.length > 0);
    expect(received[0]).toEqual({ state: null, conflict: null });
    const store = etcdStore({ client: cluster.client(), clock: systemClock, prefix, leaseTtlMs: 3_000 });
    await store.write(stateRecord(7), null, historyEntry(7));
    await eventually("the record has been read", 15_000, () => received.at(-1)?.state?.epoch === 7);
    expect(received.at(-1)?.state).toMatchObject({ phase: "serving", region: "gra", host: "10.81.0.10" });
    stop.abort();
    await running;
  });

  test("an acknowledgement to one watchdog is known to all, also after a restart", async () => {
    const client = cluster.client();
    const watchdog = (name: string) => {
      const acknowledgements = new Acknowledgements();
      return {
        acknowledgements,
        sharing: new AcknowledgementSharing({ client, prefix, watchdog: name, acknowledgements, clock: systemClock }),
      };
    };
    const [first, second] = [watchdog("w1"), watchdog("w2")];
    const nowMs = Date.now();
    first.acknowledgements.receive(
      { application: "orders", instance: "a", epoch: 3, problem: null, confirmed: true },
      nowMs,
    );
    second.acknowledgements.receive(
      { application: "orders", instance: "b", epoch: 2, problem: "sleeps", confirmed: true },
      nowMs,
    );
    await first.sharing.round();
    await second.sharing.round();
    const epochs = ({ acknowledgements }: typeof first) => acknowledgements.all(nowMs).map(({ epoch }) => epoch);
    expect(epochs(second)).toEqual([3, 2]);
    const again = watchdog("w1");
    await again.sharing.round();
    expect(epochs(again)).toEqual([3, 2]);
    again.acknowledgements.receive(
      { application: "orders", instance: "c", epoch: 3, problem: null, confirmed: true },
      nowMs,
    );
    await again.sharing.round();
    await second.sharing.round();
    expect(epochs(second)).toEqual([3, 2, 3]);
  });
});
