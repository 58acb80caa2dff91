import { z } from "zod";

/** Names of applications and instances, which must fit into a table and a log line. */
const name = z.string().regex(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable characters without spaces");

/**
 * Report of an application, or of the publisher for it: `POST /v1/acknowledgement`. Later versions may add fields, so
 * unknown ones are ignored.
 */
export const acknowledgementSchema = z.object({
  application: name,
  /** The process or host: `host1:4711`. */
  instance: name,
  /** The epoch in use, or the one that the application was notified of; 0: none. */
  epoch: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  /** Why it does not use a newer epoch, in a sentence. */
  problem: z.string().min(1).max(500).nullable().default(null),
  /** false: the application was notified of the epoch, and does not report whether it uses it. */
  confirmed: z.boolean().default(true),
});
export type Acknowledgement = z.output<typeof acknowledgementSchema>;

const timeMs = z.number().int().min(0);

export const receivedAcknowledgementSchema = acknowledgementSchema.extend({
  atMs: timeMs,
  /** The first report of a series without a longer silence; null: by a watchdog of an older version. */
  sinceMs: timeMs.nullable().default(null),
});
/** With the time of its receipt, by the clock of the receiving watchdog. */
export type ReceivedAcknowledgement = z.output<typeof receivedAcknowledgementSchema>;

/**
 * An instance is kept in silence for as long as it had reported before, within these bounds: a short-lived process for an
 * hour, a host that reported for weeks and is off for a week.
 */
const MIN_SILENCE_MS = 3_600_000;
const MAX_SILENCE_MS = 7 * 24 * 3_600_000;
/** Bounds memory and the store, because reports are not authenticated. */
const MAX_INSTANCES = 5_000;
/** Dropped at once, so that not each report has to look for one. */
const MAX_DROPPED = 50;

/** The last report of every instance. */
export class Acknowledgements {
  readonly #own = new Map<string, ReceivedAcknowledgement>();
  #others: ReadonlyMap<string, ReceivedAcknowledgement> = new Map();
  #revision = 0;

  /** False when there are too many instances to add another one. */
  receive(acknowledgement: Acknowledgement, nowMs: number): boolean {
    const key = keyOf(acknowledgement);
    const own = this.#own.get(key);
    if (own === undefined && this.#own.size >= MAX_INSTANCES && !this.#makeRoom(nowMs)) return false;
    const before = [own, this.#others.get(key)].filter((report) => report !== undefined && isKept(report, nowMs));
    const sinceMs = Math.min(nowMs, ...before.map((report) => report?.sinceMs ?? nowMs));
    this.#own.set(key, { ...acknowledgement, atMs: nowMs, sinceMs });
    if (!sameReport(own, acknowledgement)) this.#revision += 1;
    return true;
  }

  /** Grows when a report has something new. */
  get revision(): number {
    return this.#revision;
  }

  /** Reports that this watchdog received. */
  own(): readonly ReceivedAcknowledgement[] {
    return [...this.#own.values()];
  }

  /** Sets the reports that other watchdogs received, and this one before its restart. */
  setFromPeers(others: readonly ReceivedAcknowledgement[]): void {
    this.#others = newest(others);
  }

  /** The newest report of each instance, sorted by application and instance. */
  all(nowMs: number): readonly ReceivedAcknowledgement[] {
    const reports = [...this.#others.values(), ...this.#own.values()].filter((report) => isKept(report, nowMs));
    return [...newest(reports).values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  /**
   * Drops silent instances; without any, those of the short-lived ones that were silent longest, of the application that
   * has most of them. So many processes that report once never crowd out one that reports regularly.
   */
  #makeRoom(nowMs: number): boolean {
    for (const [key, report] of this.#own) if (!isKept(report, nowMs)) this.#own.delete(key);
    if (this.#own.size < MAX_INSTANCES) return true;
    const shortLived = [...this.#own.values()].filter((report) => reportedForMs(report) < MIN_SILENCE_MS);
    const counts = new Map<string, number>();
    for (const { application } of shortLived) counts.set(application, (counts.get(application) ?? 0) + 1);
    const most = Math.max(0, ...counts.values());
    const dropped = shortLived
      .filter(({ application }) => counts.get(application) === most)
      .toSorted((a, b) => a.atMs - b.atMs)
      .slice(0, Math.min(MAX_DROPPED, Math.ceil(most / 2)));
    for (const report of dropped) this.#own.delete(keyOf(report));
    return dropped.length > 0;
  }
}

export const keyOf = ({ application, instance }: Pick<Acknowledgement, "application" | "instance">) =>
  `${application} ${instance}`;

/** Whether a report adds nothing but its time. */
export function sameReport(
  before: Acknowledgement | undefined,
  { epoch, problem, confirmed }: Acknowledgement,
): boolean {
  return before?.epoch === epoch && before.problem === problem && before.confirmed === confirmed;
}

const reportedForMs = ({ atMs, sinceMs }: ReceivedAcknowledgement) => atMs - (sinceMs ?? atMs);

export const isKept = (report: ReceivedAcknowledgement, nowMs: number) =>
  nowMs - report.atMs < Math.min(MAX_SILENCE_MS, Math.max(MIN_SILENCE_MS, reportedForMs(report)));

/** The newest report of each instance; of equally new ones the last. */
export function newest(reports: readonly ReceivedAcknowledgement[]): ReadonlyMap<string, ReceivedAcknowledgement> {
  const found = new Map<string, ReceivedAcknowledgement>();
  for (const report of reports) {
    const before = found.get(keyOf(report));
    if (before === undefined || before.atMs <= report.atMs) found.set(keyOf(report), report);
  }
  return found;
}

/** Which instance uses which epoch, for `status`. */
export interface ApplicationsReport {
  /** The epoch that applications should use; null while no region serves. */
  readonly epoch: number | null;
  readonly instances: readonly (ReceivedAcknowledgement & { readonly behind: boolean })[];
}

export function applicationsReport(
  all: readonly ReceivedAcknowledgement[],
  servingEpoch: number | null,
): ApplicationsReport {
  const behind = ({ epoch }: ReceivedAcknowledgement) => servingEpoch !== null && epoch < servingEpoch;
  return { epoch: servingEpoch, instances: all.map((report) => ({ ...report, behind: behind(report) })) };
}
