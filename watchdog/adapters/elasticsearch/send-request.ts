import { assertAcknowledged } from "./acknowledgement.ts";
import type { NodesOptions } from "./node-client.ts";
import { RegionNodes } from "./nodes.ts";

/** A request of an administrator, as a path and a body. */
export interface AdminRequest {
  readonly method: "PUT";
  readonly path: string;
  readonly body: object;
}

/** Sends requests to one cluster, one after the other. @throws ClusterError at the first one that is refused */
export async function sendRequests(options: NodesOptions, requests: readonly AdminRequest[]): Promise<void> {
  const nodes = new RegionNodes(options);
  try {
    for (const { method, path, body } of requests) {
      const what = `${method} ${path}`;
      const answer = await nodes.change(what, (client, call) =>
        client.transport.request<{ acknowledged?: boolean }>({ method, path, body }, call),
      );
      // Only some answers have it.
      if (answer.acknowledged !== undefined) assertAcknowledged(nodes, what, answer);
    }
  } finally {
    await nodes.close();
  }
}
