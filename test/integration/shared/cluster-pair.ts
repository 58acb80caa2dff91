import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { inject } from "vitest";
import type { ClusterAddress, TestCluster } from "../../../lab/elasticsearch/cluster.ts";
import { ClusterClient } from "../../../lab/elasticsearch/cluster-client.ts";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { type NodeAction, type NodeRequest, type PoolReply, type PoolRequest, replySchema } from "./protocol.ts";

/**
 * Two one-node clusters, `gra` and `bhs`, each the other's connected remote: for this test file alone until it calls
 * `stop`, and as they are after a start. Later another file gets them, unless a reset fails: whatever a file does to
 * them is undone or ends with them.
 */
export async function borrowClusterPair(): Promise<ClusterPair> {
  const pool = await PoolConnection.open(inject("clusterPairPoolPort"));
  const { pair } = await pool.ask({ action: "borrow" });
  if (pair === undefined) throw new Error("unreachable: the answer to `borrow` has a pair");
  const [gra, bhs] = [new BorrowedCluster("gra", pair.gra, pool), new BorrowedCluster("bhs", pair.bhs, pool)];
  return {
    gra,
    bhs,
    stop: async () => {
      await Promise.all([gra.close(), bhs.close()]);
      await pool.ask({ action: "return" });
      pool.close();
    },
  };
}

/** A cluster whose nodes belong to the process that owns the pool. */
class BorrowedCluster extends ClusterClient implements TestCluster {
  readonly #region: "gra" | "bhs";
  readonly #pool: PoolConnection;

  constructor(region: "gra" | "bhs", address: ClusterAddress, pool: PoolConnection) {
    super(address);
    this.#region = region;
    this.#pool = pool;
  }

  kill = (node?: number): Promise<void> => this.#act("kill", node === undefined ? {} : { node });
  shutDown = (): Promise<void> => this.#act("shutDown");
  freeze = (): Promise<void> => this.#act("freeze");
  thaw = (): Promise<void> => this.#act("thaw");
  restart = (health: "red" | "yellow" = "yellow"): Promise<void> => this.#act("restart", { health });
  setSecret = (name: string, value: string): Promise<void> => this.#act("setSecret", { secret: { name, value } });

  stop(): Promise<void> {
    return Promise.reject(new Error("a borrowed cluster goes back with its pair"));
  }

  async #act(action: NodeAction, options: Omit<NodeRequest, "action" | "cluster"> = {}): Promise<void> {
    await this.#pool.ask({ action, cluster: this.#region, ...options });
  }
}

class PoolConnection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve(reply: PoolReply): void; reject(error: Error): void }>();
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => this.#take(replySchema.parse(JSON.parse(line))));
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the pool of cluster pairs is gone"));
    });
  }

  static async open(port: number): Promise<PoolConnection> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new PoolConnection(socket);
  }

  ask(request: PoolRequest): Promise<PoolReply> {
    const id = ++this.#lastId;
    this.#socket.write(`${JSON.stringify({ id, request })}\n`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  close(): void {
    this.#socket.end();
  }

  #take(reply: PoolReply): void {
    const asker = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) asker?.resolve(reply);
    else asker?.reject(new Error(reply.error));
  }
}
