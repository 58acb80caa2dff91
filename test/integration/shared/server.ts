import { type AddressInfo, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { ClusterAddress, NodeControl } from "../../../lab/elasticsearch/cluster.ts";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { messageOf } from "../../../watchdog/util/errors.ts";
import type { PairPool } from "./pool.ts";
import {
  type NodeRequest,
  numberedRequestSchema,
  type PairAddress,
  type PoolReply,
  type PoolRequest,
} from "./protocol.ts";

export interface PoolServer {
  /** On loopback. */
  readonly port: number;
  /** Closes all connections; pairs that are still borrowed go back to the pool. */
  close(): Promise<void>;
}

/** Lends the pairs of a pool to other processes. A process that ends in any way gives back what it has. */
export async function servePool(pool: PairPool): Promise<PoolServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serveBorrower(pool, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serveBorrower(pool: PairPool, socket: Socket): void {
  const borrower = new Borrower(pool);
  createInterface({ input: socket }).on("line", async (line) => {
    const { id, request } = numberedRequestSchema.parse(JSON.parse(line));
    const reply = await borrower.answer(request).then(
      (content): PoolReply => ({ id, ...content }),
      (error: unknown): PoolReply => ({ id, error: messageOf(error) }),
    );
    if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
  });
  // A borrower that was killed resets its connection.
  socket.on("error", () => {});
  socket.on("close", () => void borrower.leave());
}

class Borrower {
  readonly #pool: PairPool;
  #pair: Promise<ClusterPair> | null = null;

  constructor(pool: PairPool) {
    this.#pool = pool;
  }

  async answer(request: PoolRequest): Promise<Pick<PoolReply, "pair">> {
    switch (request.action) {
      case "borrow":
        this.#pair ??= this.#pool.borrow();
        return { pair: addressesOf(await this.#pair) };
      case "return":
        await this.leave();
        return {};
      default: {
        if (this.#pair === null) throw new Error("no pair of clusters is borrowed");
        await act((await this.#pair)[request.cluster], request);
        return {};
      }
    }
  }

  async leave(): Promise<void> {
    // A pair that did not start has nothing to give back.
    const pair = await this.#pair?.catch(() => null);
    this.#pair = null;
    if (pair != null) await this.#pool.giveBack(pair);
  }
}

async function act(cluster: NodeControl, { action, node, health, secret }: NodeRequest): Promise<void> {
  if (action === "kill") return cluster.kill(node);
  if (action === "restart") return cluster.restart(health);
  if (action !== "setSecret") return cluster[action]();
  if (secret !== undefined) await cluster.setSecret(secret.name, secret.value);
}

const addressesOf = ({ gra, bhs }: ClusterPair): PairAddress => ({ gra: addressOf(gra), bhs: addressOf(bhs) });

function addressOf({ name, urls, transportAddresses, ca, caFile, elastic }: ClusterAddress): PairAddress["gra"] {
  return { name, urls: [...urls], transportAddresses: [...transportAddresses], ca, caFile, elastic };
}
