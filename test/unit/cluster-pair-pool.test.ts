import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import type { TestCluster } from "../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../lab/elasticsearch/start-cluster.ts";
import { PairPool } from "../integration/shared/pool.ts";
import { servePool } from "../integration/shared/server.ts";

/** A pool of pairs that are only names, with what happened to them in order. */
function poolOfNames({ startFails = false, resetFails = false, hold = async () => {} } = {}) {
  const events: string[] = [];
  let started = 0;
  const cluster = (name: string): TestCluster => {
    const acted = (action: string) => async () => void events.push(`${name} ${action}`);
    return {
      ...{ name, urls: [], transportAddresses: [], ca: "", caFile: "", elastic: { username: "", password: "" } },
      ...{ rest: () => Promise.reject(), call: () => Promise.reject(), connectRemote: acted("connect") },
      ...{ kill: acted("kill"), shutDown: acted("shutDown"), freeze: acted("freeze"), thaw: acted("thaw") },
      ...{ restart: acted("restart"), setSecret: acted("setSecret"), stop: acted("stop") },
    };
  };
  const names = new Map<ClusterPair, string>();
  const pool = new PairPool({
    start: async () => {
      if (startFails) throw new Error("no memory left");
      const name = `pair ${++started}`;
      events.push(`${name} starts`);
      const stop = async () => void events.push(`${name} stops`);
      const pair = { gra: cluster(`${name} gra`), bhs: cluster(`${name} bhs`), stop };
      names.set(pair, name);
      return pair;
    },
    reset: async (pair) => {
      await hold();
      if (resetFails) throw new Error("gra has a basic licence");
      events.push(`${names.get(pair)} is reset`);
    },
    discarded: (reason) => events.push(`discarded: ${reason}`),
  });
  return { pool, events };
}

describe("the pool of cluster pairs", () => {
  test("starts a pair only when none is free, and resets it between borrowers", async () => {
    const { pool, events } = poolOfNames();
    const [first, second] = [await pool.borrow(), await pool.borrow()];
    await pool.giveBack(first);
    expect(await pool.borrow()).toBe(first);
    await pool.giveBack(second);
    await pool.giveBack(second);
    await pool.stop();
    expect(events.slice(0, 4)).toEqual(["pair 1 starts", "pair 2 starts", "pair 1 is reset", "pair 2 is reset"]);
    expect(events.slice(4).sort()).toEqual(["pair 1 stops", "pair 2 stops"]);
  });

  test("stops a pair that cannot be reset, with the reason, and starts another one", async () => {
    const { pool, events } = poolOfNames({ resetFails: true });
    const spoilt = await pool.borrow();
    await pool.giveBack(spoilt);
    expect(await pool.borrow()).not.toBe(spoilt);
    expect(events).toEqual(["pair 1 starts", "discarded: gra has a basic licence", "pair 1 stops", "pair 2 starts"]);
  });

  test("has a borrower wait for a reset under way, which is quicker than a start", async () => {
    const reset = Promise.withResolvers<void>();
    const { pool, events } = poolOfNames({ hold: () => reset.promise });
    const pair = await pool.borrow();
    const returned = pool.giveBack(pair);
    const borrowed = pool.borrow();
    reset.resolve();
    expect(await borrowed).toBe(pair);
    await returned;
    expect(events).toEqual(["pair 1 starts", "pair 1 is reset"]);
  });

  test("tells a borrower why no pair starts", async () => {
    const server = await servePool(poolOfNames({ startFails: true }).pool);
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`${JSON.stringify({ id: 1, request: { action: "borrow" } })}\n`);
    const [reply] = await once(createInterface({ input: socket }), "line");
    expect(JSON.parse(reply)).toEqual({ id: 1, error: "no memory left" });
    socket.destroy();
    await server.close();
  });

  test("takes back the pair of a process that ends without giving it back", async () => {
    const { pool, events } = poolOfNames();
    const server = await servePool(pool);
    const socket = connect(server.port, "127.0.0.1");
    const replies = createInterface({ input: socket })[Symbol.asyncIterator]();
    const ask = async (id: number, request: object) => {
      socket.write(`${JSON.stringify({ id, request })}\n`);
      return JSON.parse((await replies.next()).value ?? "");
    };
    expect(await ask(1, { action: "freeze", cluster: "gra" })).toMatchObject({ id: 1, error: /no pair/ });
    expect(await ask(2, { action: "borrow" })).toMatchObject({ id: 2, pair: { gra: { name: "pair 1 gra" } } });
    expect(await ask(3, { action: "freeze", cluster: "gra" })).toEqual({ id: 3 });
    socket.destroy();
    await expect.poll(() => events).toEqual(["pair 1 starts", "pair 1 gra freeze", "pair 1 is reset"]);
    await server.close();
    await pool.stop();
    expect(events.at(-1)).toBe("pair 1 stops");
  });
});
