import type { EtcdClient } from "../../../adapters/etcd/client.ts";
import type { Addresses } from "../../../config/address.ts";
import type { EndpointState } from "../../../core/endpoint-state.ts";
import type { StateRecord } from "../../../core/state/record.ts";
import { decodeRecord } from "../../../core/state/record-codec.ts";
import type { Clock } from "../../../util/clock.ts";
import { messageOf } from "../../../util/errors.ts";
import type { Logger } from "../../../util/logger.ts";
import { type Combined, combine } from "./combine.ts";
import type { Source, SourceReport } from "./source.ts";

export interface EtcdSourceOptions {
  readonly client: EtcdClient;
  /** Key of the state record. */
  readonly key: string;
  readonly addresses: Addresses;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The state record of the watchdogs, by linearizable reads. */
export class EtcdSource implements Source {
  readonly #options: EtcdSourceOptions;
  #report: SourceReport;

  constructor(options: EtcdSourceOptions) {
    this.#options = options;
    this.#report = { name: `etcd ${options.key}`, state: null, error: "not read yet", heardAtMs: null };
  }

  report(): readonly SourceReport[] {
    return [this.#report];
  }

  async run(publish: (combined: Combined) => void, signal: AbortSignal): Promise<void> {
    const { client, key, addresses, intervalMs, clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        const found = await client.get(key);
        const record = found === null ? null : decodeRecord(found.value);
        const state = stateOf(record, addresses);
        this.#report = { ...this.#report, state, error: null, heardAtMs: clock.nowMs() };
        publish(combine([state]));
      } catch (error) {
        const message = messageOf(error);
        if (message !== this.#report.error) log.warn({ event: "source-error", error: message }, message);
        this.#report = { ...this.#report, state: null, error: message };
      }
      await clock.sleep(intervalMs, signal).catch(() => {});
    }
  }
}

/** A record filled into an empty store takes effect only after all older tickets have expired. */
export function stateOf(record: StateRecord | null, addresses: Addresses): EndpointState {
  if (record === null) return { phase: "unknown", epoch: 0 };
  const { epoch } = record;
  if (record.phase !== "serving") return { phase: record.phase, epoch };
  const address = addresses[record.active];
  if (address === undefined || record.filledAtMs !== null) return { phase: "unknown", epoch };
  return { phase: "serving", epoch, region: record.active, ...address };
}
