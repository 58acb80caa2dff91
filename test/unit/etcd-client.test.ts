import { describe, expect, test } from "vitest";
import { EtcdClient, type EtcdClientOptions } from "../../watchdog/adapters/etcd/client.ts";
import { EtcdError } from "../../watchdog/adapters/etcd/errors.ts";
import { keepLeaseAlive } from "../../watchdog/adapters/etcd/leases.ts";
import { type HttpAnswer, type Transport, TransportFailure } from "../../watchdog/adapters/etcd/transport.ts";
import { VirtualTime } from "./support/virtual-time.ts";

const tls = { ca: "", certificate: "", key: "" };
const [a, b, c] = ["https://a:2379", "https://b:2379", "https://c:2379"] as const;
const answer = (body: object): HttpAnswer => ({ status: 200, body: JSON.stringify(body) });
const refusal = (code: number, message: string): HttpAnswer => ({
  status: 503,
  body: JSON.stringify({ code, message }),
});
const put = { compare: [], success: [{ put: "k", value: "v" }], failure: [] } as const;

/** A delayed answer. */
interface Late {
  readonly afterMs: number;
  readonly answer: HttpAnswer;
}

type Behaviour = (
  path: string,
  headers: Readonly<Record<string, string>>,
) => HttpAnswer | Late | "refuses" | "unreachable" | "silent" | "hangs up";

/** Members that each behave in a fixed way, on virtual time. */
function setUp(behaviours: Record<string, Behaviour>, options: Partial<EtcdClientOptions> = {}) {
  const clock = new VirtualTime();
  const asked: string[] = [];
  const fail = (sent: boolean) => new TransportFailure("it failed", { sent, certificateRefused: false });
  const transport: Transport = {
    close: () => {},
    post: async (url, _body, headers, { connectionMs, answerMs }) => {
      const path = url.pathname.replace("/v3/", "");
      asked.push(`${url.hostname} ${path}`);
      const found = behaviours[url.origin]?.(path, headers) ?? "refuses";
      if (found === "refuses") throw fail(false);
      if (found === "hangs up") throw fail(true);
      if (found === "unreachable") {
        await clock.sleep(connectionMs);
        throw fail(false);
      }
      if (found === "silent") {
        await clock.sleep(answerMs);
        throw fail(true);
      }
      const { afterMs, answer } = "answer" in found ? found : { afterMs: 10, answer: found };
      await clock.sleep(Math.min(afterMs, answerMs));
      if (afterMs > answerMs) throw fail(true);
      return answer;
    },
  };
  const client = new EtcdClient({ endpoints: [a, b, c], tls, credentials: null, clock, transport, ...options });
  return { clock, asked, client };
}

const fine: Behaviour = () => answer({ succeeded: true });
const failed = async (promise: Promise<unknown>): Promise<EtcdError> => {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EtcdError);
  return error as EtcdError;
};

describe("which member is asked", () => {
  test("a silent first member delays one call and no later one", async () => {
    const { clock, client } = setUp({ [a]: () => "silent", [b]: fine, [c]: fine });
    await clock.settle(client.get("k"));
    const afterFirstMs = clock.monotonicMs();
    expect(afterFirstMs).toBeGreaterThanOrEqual(1_000);
    await clock.settle(client.get("k"));
    expect(clock.monotonicMs() - afterFirstMs).toBeLessThan(50);
  });

  test("a member without a leader is skipped, also for writes: it changed nothing", async () => {
    const { clock, client, asked } = setUp({ [a]: () => refusal(14, "etcdserver: no leader"), [b]: fine });
    await clock.settle(client.transact("write", put));
    expect(asked).toEqual(["a kv/txn", "b kv/txn"]);
  });

  test("a member without a leader is skipped for keep-alives, too, whose refusals have another form", async () => {
    const noLeader = { status: 503, body: JSON.stringify({ error: { code: 14, message: "etcdserver: no leader" } }) };
    const kept = answer({ result: { ID: "7", TTL: "10" } });
    const one = setUp({ [a]: () => noLeader, [b]: () => kept });
    expect(await one.clock.settle(keepLeaseAlive(one.client, "7"))).toBe(10);
    const all = setUp({ [a]: () => noLeader, [b]: () => noLeader, [c]: () => "refuses" });
    expect((await all.clock.settle(failed(keepLeaseAlive(all.client, "7")))).kind).toBe("no-quorum");
  });

  test("a refusal that every member would repeat is not retried at the others", async () => {
    const { clock, client, asked } = setUp({ [a]: () => refusal(7, "etcdserver: permission denied"), [b]: fine });
    const error = await clock.settle(failed(client.transact("write", put)));
    expect(error.kind).toBe("unauthorized");
    expect(asked).toEqual(["a kv/txn"]);
  });

  test("without a reachable member the error names all of them", async () => {
    const { clock, client } = setUp({});
    const error = await clock.settle(failed(client.get("k")));
    expect(error.kind).toBe("unreachable");
    for (const endpoint of [a, b, c]) expect(error.message).toContain(endpoint);
  });
});

describe("a member that is slow", () => {
  const late =
    (afterMs: number): Behaviour =>
    () => ({ afterMs, answer: answer({ succeeded: true }) });

  test("wins when it answers before the member that was asked meanwhile, and is asked first again", async () => {
    const { clock, client, asked } = setUp({ [a]: late(1_500), [b]: () => "silent", [c]: () => "silent" });
    await clock.settle(client.get("k"));
    expect(clock.monotonicMs()).toBe(1_500);
    expect(asked).toEqual(["a kv/range", "b kv/range"]);
    await clock.settle(client.get("k"));
    expect(asked[2]).toBe("a kv/range");
  });

  test("is not awaited once another one has answered", async () => {
    const { clock, client, asked } = setUp({ [a]: late(2_900), [b]: late(300), [c]: fine });
    await clock.settle(client.get("k"));
    expect(clock.monotonicMs()).toBe(1_300);
    await clock.runUntil(5_000);
    await clock.settle(client.get("k"));
    expect(asked).toEqual(["a kv/range", "b kv/range", "b kv/range"]);
  });

  test("has until the deadline for a write that must not be sent twice", async () => {
    const { clock, client, asked } = setUp({ [a]: late(2_900), [b]: fine });
    await clock.settle(client.transact("write", put));
    expect(clock.monotonicMs()).toBe(2_900);
    expect(asked).toEqual(["a kv/txn"]);
  });

  test("and to which there is no connection: such a write goes to the next one", async () => {
    const { clock, client, asked } = setUp({ [a]: () => "unreachable", [b]: fine });
    await clock.settle(client.transact("write", put));
    expect(clock.monotonicMs()).toBe(1_010);
    expect(asked).toEqual(["a kv/txn", "b kv/txn"]);
  });

  test("whose answer comes after the deadline does not make the other members' refusals uncertain", async () => {
    const { clock, client } = setUp({
      [a]: late(9_000),
      [b]: () => refusal(14, "etcdserver: no leader"),
      [c]: late(9_000),
    });
    const error = await clock.settle(failed(client.get("k")));
    expect(error.kind).toBe("no-quorum");
    for (const endpoint of [a, b, c]) expect(error.message).toContain(endpoint);
    expect(clock.monotonicMs()).toBe(3_000);
  });
});

describe("writes whose answer is lost", () => {
  test.each(["silent", "hangs up"] as const)("%s: not repeated, and reported", async (how) => {
    const { clock, client, asked } = setUp({ [a]: () => how, [b]: fine });
    const error = await clock.settle(failed(client.transact("write of k", put)));
    expect(error).toMatchObject({ kind: "timeout", mayHaveTakenEffect: true });
    expect(error.message).toContain("write of k");
    expect(asked).toEqual(["a kv/txn"]);
  });

  test("an answer that is not etcd's leaves the same uncertainty", async () => {
    const { clock, client, asked } = setUp({ [a]: () => ({ status: 502, body: "<html>" }), [b]: fine });
    const error = await clock.settle(failed(client.transact("write", put)));
    expect(error.mayHaveTakenEffect).toBe(true);
    expect(asked).toEqual(["a kv/txn"]);
  });

  test("are sent to the next member when no connection was made", async () => {
    const { clock, client, asked } = setUp({ [a]: () => "refuses", [b]: fine });
    await clock.settle(client.transact("write", put));
    expect(asked).toEqual(["a kv/txn", "b kv/txn"]);
  });

  test("are sent to the next member when their compares make that harmless", async () => {
    const { clock, client, asked } = setUp({ [a]: () => "silent", [b]: fine });
    await clock.settle(client.transact("write", { ...put, guarded: true }));
    expect(asked).toEqual(["a kv/txn", "b kv/txn"]);
  });

  test("a transaction that only reads is a read", async () => {
    const { clock, client, asked } = setUp({ [a]: () => "silent", [b]: fine });
    await clock.settle(client.transact("check", { compare: [], success: [], failure: [{ get: "k" }] }));
    expect(asked).toEqual(["a kv/txn", "b kv/txn"]);
  });
});

test("a call ends by its deadline, whatever the members do", async () => {
  const silent: Behaviour = () => "silent";
  const { clock, client } = setUp(
    { [a]: silent, [b]: silent, [c]: silent },
    { hedgeAfterMs: 1_000, deadlineMs: 2_500 },
  );
  await clock.settle(failed(client.get("k")));
  expect(clock.monotonicMs()).toBe(2_500);
});

describe("authentication", () => {
  const credentials = { username: "u", password: "p" };
  /** Issues tokens t1, t2, …, and knows none from before its restart. */
  function member() {
    let given = 0;
    let forgotten = 0;
    const behaviour: Behaviour = (path, headers) => {
      if (path === "auth/authenticate") return answer({ token: `t${++given}` });
      const known = headers["authorization"] === `t${given}` && given > forgotten;
      return known ? answer({}) : refusal(16, "etcdserver: invalid auth token");
    };
    return { behaviour, restart: () => (forgotten = given) };
  }

  test("concurrent calls share one token", async () => {
    const { clock, client, asked } = setUp({ [a]: member().behaviour }, { credentials });
    await clock.settle(Promise.all([client.get("k"), client.get("l")]));
    expect(asked.filter((path) => path.includes("authenticate"))).toHaveLength(1);
  });

  test("a token that a member has lost is renewed once, in the same call", async () => {
    const { behaviour, restart } = member();
    const { clock, client, asked } = setUp({ [a]: behaviour }, { credentials });
    await clock.settle(client.get("k"));
    restart();
    await clock.settle(client.transact("write", put));
    await clock.settle(client.get("k"));
    const authenticate = "a auth/authenticate";
    expect(asked).toEqual([authenticate, "a kv/range", "a kv/txn", authenticate, "a kv/txn", "a kv/range"]);
  });

  test("concurrent calls whose token was lost obtain one new one", async () => {
    const { behaviour, restart } = member();
    const { clock, client, asked } = setUp({ [a]: behaviour }, { credentials });
    await clock.settle(client.get("k"));
    restart();
    await clock.settle(Promise.all([client.get("k"), client.get("l"), client.get("m")]));
    expect(asked.filter((path) => path.includes("authenticate"))).toHaveLength(2);
  });

  test("a wrong password ends the call with a sentence and without a retry", async () => {
    const refuse: Behaviour = () => refusal(3, "etcdserver: authentication failed, invalid user ID or password");
    const { clock, client, asked } = setUp({ [a]: refuse }, { credentials });
    const error = await clock.settle(failed(client.transact("write", put)));
    expect(error).toMatchObject({ kind: "unauthorized", mayHaveTakenEffect: false });
    expect(error.message).toContain("authentication as u");
    expect(error.message).not.toContain("password: p");
    expect(asked).toEqual(["a auth/authenticate"]);
  });
});

test("an address without TLS is refused at once", () => {
  expect(() => setUp({}, { endpoints: ["http://a:2379"] })).toThrow("http://a:2379 is not an https address");
});
