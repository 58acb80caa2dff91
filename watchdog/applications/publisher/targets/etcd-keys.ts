import type { EtcdClient } from "../../../adapters/etcd/client.ts";
import { endpointStateSchema, hostPort } from "../../../core/endpoint-state.ts";
import { jsonOf } from "../../endpoint/answers.ts";
import { HigherEpoch, type Outcome, type PublishableState, type Target } from "./target.ts";

/**
 * Keys for programs that watch etcd: `endpoint` says all as JSON, `address` is `host:port` and is not there while nobody
 * may be written to. Both change in one transaction.
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
    const said = found === null ? null : parsed(found.value);
    if (said !== null && said.epoch > state.epoch) throw new HigherEpoch(this.name, said.epoch, state.epoch);
    const outcome = { summary: wanted, usedEpoch: null, waitingFor: null, warnings: [] };
    if (found?.value === wanted) return outcome;
    const { succeeded } = await this.#client.transact(`write of ${endpoint}`, {
      compare: [{ key: endpoint, modRevision: found?.modRevision ?? "0" }],
      success: [
        { put: endpoint, value: wanted },
        state.phase === "serving" ? { put: address, value: hostPort(state) } : { delete: address },
      ],
      failure: [],
    });
    if (!succeeded) throw new Error(`${this.name} was changed by another publisher meanwhile`);
    return outcome;
  }
}

/** null for what makes no sense: it is overwritten. */
export function parsed(value: string): { readonly epoch: number } | null {
  try {
    const state = endpointStateSchema.safeParse(JSON.parse(value));
    return state.success ? state.data : null;
  } catch {
    return null;
  }
}
