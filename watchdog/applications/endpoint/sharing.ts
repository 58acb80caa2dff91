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
 * Lets every watchdog know what applications told any one of them. Each has one key of its own, written when somebody
 * said something new and read back after a restart; so a switch of a thousand clients costs a few writes.
 */
export class AcknowledgementSharing {
  readonly #options: SharingOptions;
  #shared = -1;

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  /** @throws EtcdError nothing is lost: the next round shares it */
  async round(): Promise<void> {
    const { client, prefix, watchdog, acknowledgements, clock } = this.#options;
    const directory = `${prefix}acknowledgements/`;
    const found = await client.list(directory);
    acknowledgements.setFromPeers(found.flatMap((entry) => parseValue(entry, sharedSchema).instances));
    const { revision } = acknowledgements;
    if (revision === this.#shared || acknowledgements.own().length === 0) return;
    // With what a run of this watchdog before this one was told, which its key would lose otherwise.
    const key = directory + watchdog;
    const before = found.find((entry) => entry.key === key);
    const kept = before === undefined ? [] : parseValue(before, sharedSchema).instances;
    const own = acknowledgements.own();
    const told = new Set(own.map(keyOf));
    const instances = [...kept.filter((heard) => !told.has(keyOf(heard))), ...own];
    const value = JSON.stringify({ instances: instances.filter((heard) => isKept(heard, clock.nowMs())) });
    await client.transact(`write of ${key}`, { compare: [], success: [{ put: key, value }], failure: [] });
    this.#shared = revision;
  }
}
