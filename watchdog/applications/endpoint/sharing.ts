import { z } from "zod";
import type { EtcdClient } from "../../adapters/etcd/client.ts";
import { parseValue } from "../../adapters/etcd/json.ts";
import type { Clock } from "../../util/clock.ts";
import { type Acknowledgements, isKept, keyOf, receivedAcknowledgementSchema } from "../acknowledgements.ts";

const sharedSchema = z.object({ instances: z.array(receivedAcknowledgementSchema) });

export interface SharingOptions {
  readonly client: EtcdClient;
  /** Begins and ends with a slash. */
  readonly prefix: string;
  readonly watchdog: string;
  readonly acknowledgements: Acknowledgements;
  readonly clock: Clock;
}

/**
 * Shares acknowledgements between the watchdogs through etcd. Each watchdog has one key, which it writes when a report is
 * new and reads back after a restart; so a switch of a thousand clients costs a few writes.
 */
export class AcknowledgementSharing {
  readonly #options: SharingOptions;
  #sharedRevision = -1;

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  /** @throws EtcdError and loses nothing: the next round shares it */
  async round(): Promise<void> {
    const { client, prefix, watchdog, acknowledgements, clock } = this.#options;
    const directory = `${prefix}acknowledgements/`;
    const found = await client.list(directory);
    acknowledgements.setFromPeers(found.flatMap((entry) => parseValue(entry, sharedSchema).instances));
    const { revision } = acknowledgements;
    if (revision === this.#sharedRevision || acknowledgements.own().length === 0) return;
    // Keeps the reports that an earlier run of this watchdog received.
    const key = directory + watchdog;
    const before = found.find((entry) => entry.key === key);
    const kept = before === undefined ? [] : parseValue(before, sharedSchema).instances;
    const own = acknowledgements.own();
    const ownKeys = new Set(own.map(keyOf));
    const instances = [...kept.filter((report) => !ownKeys.has(keyOf(report))), ...own];
    const value = JSON.stringify({ instances: instances.filter((report) => isKept(report, clock.nowMs())) });
    await client.transact(`write of ${key}`, { compare: [], success: [{ put: key, value }], failure: [] });
    this.#sharedRevision = revision;
  }
}
