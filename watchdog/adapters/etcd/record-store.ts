import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { StoredRecord, Written } from "../../core/ports/store.ts";
import { type HistoryEntry, historyEntrySchema } from "../../core/state/history.ts";
import { newerVersionOf } from "../../core/state/newer-version.ts";
import type { StateRecord } from "../../core/state/record.ts";
import { decodeRecord, encodeRecord } from "../../core/state/record-codec.ts";
import { messageOf } from "../../util/errors.ts";
import type { EtcdClient } from "./client.ts";
import { EtcdError } from "./errors.ts";
import { parseValue } from "./json.ts";
import { type EtcdKeys, historyKey } from "./keys.ts";
import type { Compare, KeyValue, Revision } from "./wire.ts";

/**
 * What every write of the controller requires besides the record's revision: that the controller's key is still the one
 * it took. So a deposed controller cannot write, whatever it believes.
 */
export interface LeadershipToken {
  readonly key: string;
  readonly createRevision: Revision;
}

const historySchema = z.object({
  /** Distinguishes two attempts to replace the same revision. */
  writeId: z.string(),
  entry: historyEntrySchema,
});

/** Trims many entries at once: a trim costs two round trips, for which a change under way waits. */
const TRIM_ABOVE = 1.1;

export interface RecordStoreOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  /** Entries of history that are kept; up to a tenth more until they are trimmed. */
  readonly historyLimit: number;
  /** Returns null while this watchdog does not lead: then nothing is written. Without it every watchdog may write. */
  readonly fence: (() => LeadershipToken | null) | null;
}

/** The state document and its history in etcd. */
export class EtcdRecordStore {
  readonly #options: RecordStoreOptions;
  /** As last read or written; null when there was none. */
  #known: StoredRecord | null = null;

  constructor(options: RecordStoreOptions) {
    this.#options = options;
  }

  async read(): Promise<StoredRecord | null> {
    const { client, keys } = this.#options;
    // A record that has not changed is neither sent nor parsed again.
    const known = this.#known;
    const { succeeded, read } = await client.transact(`read of ${keys.record}`, {
      compare: [{ key: keys.record, modRevision: known?.revision ?? "0" }],
      success: [],
      failure: [{ get: keys.record }],
    });
    if (succeeded) return known;
    const found = read[0]?.[0];
    this.#known = found === undefined ? null : this.#parsed(found);
    return this.#known;
  }

  /** The same while this watchdog leads, in one transaction; null when it does not. */
  async readAsController(): Promise<StoredRecord | null> {
    const { client, keys, fence } = this.#options;
    const token = fence === null ? null : fence();
    if (fence !== null && token === null) return null;
    const compare: Compare[] = token === null ? [] : [{ key: token.key, createRevision: token.createRevision }];
    const { succeeded, read } = await client.transact("read of the state record", {
      compare,
      success: [{ get: keys.record }],
      failure: [],
    });
    const found = read[0]?.[0];
    return !succeeded || found === undefined ? null : this.#parsed(found);
  }

  #parsed(found: KeyValue): StoredRecord {
    if (this.#known?.revision === found.modRevision) return this.#known;
    return { record: parseRecord(found), revision: found.modRevision };
  }

  /**
   * Compare-and-swap of the record together with its history entry. A second attempt settles one whose answer was lost:
   * only one of them can succeed, and when the second finds the revision replaced, the history key shows by whose write.
   *
   * @throws EtcdError with `mayHaveTakenEffect` when the outcome stays unknown
   */
  async write(record: StateRecord, expected: string | null, entry: HistoryEntry): Promise<Written | "conflict"> {
    const { client, keys, fence, historyLimit } = this.#options;
    this.#refuseUnsound(record, expected);
    const token = fence === null ? null : fence();
    if (fence !== null && token === null) return "conflict";
    const writeId = randomUUID();
    const marker = historyKey(keys, expected);
    const compare: Compare[] = [{ key: keys.record, modRevision: expected ?? "0" }];
    if (token !== null) compare.push({ key: token.key, createRevision: token.createRevision });
    const answer = await client.transact("write of the state record", {
      compare,
      success: [
        { put: keys.record, value: encodeRecord(record) },
        { put: marker, value: JSON.stringify({ writeId, entry }) },
        // In the same transaction, which saves a round trip.
        { count: keys.history },
      ],
      failure: [{ get: marker }],
      guarded: true,
    });
    if (answer.succeeded) {
      const kept = answer.counts.at(-1) ?? 0;
      if (kept > historyLimit * TRIM_ABOVE) await this.#trimHistory();
      return this.#written(record, answer.revision);
    }
    const found = answer.read[0]?.[0];
    if (found === undefined || parseValue(found, historySchema).writeId !== writeId) return "conflict";
    // An attempt whose answer was lost has written the marker, and the record with it.
    return this.#written(record, found.modRevision);
  }

  #written(record: StateRecord, revision: string): Written {
    this.#known = { record, revision };
    return { revision };
  }

  async history(limit: number): Promise<readonly HistoryEntry[]> {
    const { client, keys } = this.#options;
    if (limit < 1) return [];
    const latestFirst = await client.list(keys.history, { limit });
    return latestFirst.map((found) => parseValue(found, historySchema).entry).reverse();
  }

  /** No lower epoch overrides a higher one, and no part of a record replaces it. Only a defect of the caller can cause it. */
  #refuseUnsound(record: StateRecord, expected: string | null): void {
    if (this.#known?.revision !== expected) return;
    const { record: last } = this.#known;
    const newer = newerVersionOf(last);
    if (newer !== null) throw new EtcdError("rejected", newer);
    if (record.epoch >= last.epoch) return;
    throw new EtcdError("rejected", `a record of epoch ${record.epoch} may not replace one of epoch ${last.epoch}`);
  }

  /** Best effort, after the write: a history that is too long does no harm, and the next write trims it. */
  async #trimHistory(): Promise<void> {
    const { client, keys, historyLimit } = this.#options;
    try {
      const oldestKept = (await client.list(keys.history, { limit: historyLimit })).at(-1);
      if (oldestKept === undefined) return;
      const trim = { deleteFrom: keys.history, before: oldestKept.key };
      await client.transact("trim of the history", { compare: [], success: [trim], failure: [] });
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    }
  }
}

/** @throws EtcdError when not even the part is there that every version reads */
function parseRecord({ key, value }: KeyValue): StateRecord {
  try {
    return decodeRecord(value);
  } catch (error) {
    throw new EtcdError("rejected", `etcd: the value of ${key} is no state document: ${messageOf(error)}`);
  }
}
