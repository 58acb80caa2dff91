import { z } from "zod";
import type { EtcdClient } from "../../adapters/etcd/client.ts";
import { parseValue } from "../../adapters/etcd/json.ts";
import type { Clock } from "../../util/clock.ts";
import {
  type Acknowledgements,
  isKept,
  newest,
  type ReceivedAcknowledgement,
  receivedAcknowledgementSchema,
} from "../acknowledgements.ts";

/** An entry of another version that cannot be read is left out, and does not hide the others. */
const sharedSchema = z.object({
  instances: z
    .array(receivedAcknowledgementSchema.nullable().catch(null))
    .transform((entries) => entries.flatMap((entry) => (entry === null ? [] : [entry]))),
});

/** Repeated reports change only their time, which the other watchdogs need before they take an instance for silent. */
const REFRESH_INTERVAL_MS = 10 * 60_000;
/** Etcd refuses a request above 1.5 MiB. */
const MAX_VALUE_BYTES = 1_000_000;

export interface SharingOptions {
  readonly client: Pick<EtcdClient, "list" | "transact">;
  /** Begins and ends with a slash. */
  readonly prefix: string;
  readonly watchdog: string;
  readonly acknowledgements: Acknowledgements;
  readonly clock: Pick<Clock, "nowMs">;
}

/**
 * Shares acknowledgements between the watchdogs through etcd. Each watchdog has one key, which it writes when a report is
 * new and reads back after a restart; so a switch of a thousand clients costs a few writes.
 */
export class AcknowledgementSharing {
  readonly #options: SharingOptions;
  #sharedRevision = -1;
  #sharedAtMs = Number.NEGATIVE_INFINITY;

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
    const nowMs = clock.nowMs();
    const isCurrent = revision === this.#sharedRevision && Math.abs(nowMs - this.#sharedAtMs) < REFRESH_INTERVAL_MS;
    if (isCurrent || acknowledgements.own().length === 0) return;
    // Keeps the reports that an earlier run of this watchdog received.
    const key = directory + watchdog;
    const before = found.find((entry) => entry.key === key);
    const kept = before === undefined ? [] : parseValue(before, sharedSchema).instances;
    const reports = [...newest([...kept, ...acknowledgements.own()]).values()].filter((report) =>
      isKept(report, nowMs),
    );
    const value = JSON.stringify({ instances: withinBytes(reports) });
    await client.transact(`write of ${key}`, { compare: [], success: [{ put: key, value }], failure: [] });
    this.#sharedRevision = revision;
    this.#sharedAtMs = nowMs;
  }
}

/** The reports that fit; those of instances that have reported for longest come first. */
export function withinBytes(reports: readonly ReceivedAcknowledgement[]): readonly ReceivedAcknowledgement[] {
  const sinceMs = (report: ReceivedAcknowledgement) => report.sinceMs ?? report.atMs;
  const fitting: ReceivedAcknowledgement[] = [];
  let bytes = 0;
  for (const report of reports.toSorted((a, b) => sinceMs(a) - sinceMs(b))) {
    bytes += Buffer.byteLength(JSON.stringify(report)) + 1;
    if (bytes > MAX_VALUE_BYTES) break;
    fitting.push(report);
  }
  return fitting;
}
