import type { EtcdClient } from "../../../adapters/etcd/client.ts";
import { endpointStateSchema, hostPort } from "../../../core/endpoint-state.ts";
import { jsonOf } from "../../endpoint/answers.ts";
import { HigherEpoch, type Outcome, type PublishableState, type Target } from "./target.ts";

/**
 * Keys for programs that watch etcd: `endpoint` is JSON; `address` is `host:port`, and absent while no region accepts
 * writes. Both change in one transaction.
 */
export class EtcdKeysTarget implements Target {
  readonly name: string;
  readonly #client: EtcdClient;
  readonly #prefix: string;

  constructor(client: EtcdClient, prefix: string) {
    this.name = `etcd ${prefix}`;
    this.#client = client;
    this.#prefix = prefix;
  }

  async publish(state: PublishableState): Promise<Outcome> {
    const endpoint = `${this.#prefix}endpoint`;
    const address = `${this.#prefix}address`;
    const wanted = JSON.stringify(jsonOf(state));
    const found = await this.#client.get(endpoint);
    const published = found === null ? null : parsed(found.value);
    if (published !== null && published.epoch > state.epoch) {
      throw new HigherEpoch(this.name, published.epoch, state.epoch);
    }
    const outcome = { summary: wanted, usedEpoch: null, notifiedEpoch: null, waitingFor: null, warnings: [] };
    if (found?.value === wanted) return outcome;
    const { succeeded } = await this.#client.transact(`write of ${endpoint}`, {
      compare: [{ key: endpoint, modRevision: found?.modRevision ?? "0" }],
      success: [
        { put: endpoint, value: wanted },
        state.phase === "serving" ? { put: address, value: hostPort(state) } : { delete: address },
      ],
      failure: [],
    });
    if (!succeeded) throw new Error(`${this.name} was changed by another publisher at the same time`);
    return outcome;
  }
}

/** null: invalid, to be overwritten. */
export function parsed(value: string): { readonly epoch: number } | null {
  try {
    const state = endpointStateSchema.safeParse(JSON.parse(value));
    return state.success ? state.data : null;
  } catch {
    return null;
  }
}
