import { z } from "zod";

/** Names of applications and instances, which must fit into a table and a log line. */
const name = z.string().regex(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable characters without spaces");

/** Report of an application, or of the publisher for it: `POST /v1/acknowledgement`. */
export const acknowledgementSchema = z.strictObject({
  application: name,
  /** The process or host: `host1:4711`. */
  instance: name,
  /** The epoch in use; 0: none. */
  epoch: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  /** Why it does not use a newer epoch, in a sentence. */
  problem: z.string().min(1).max(500).nullable().default(null),
});
export type Acknowledgement = z.output<typeof acknowledgementSchema>;

export const receivedAcknowledgementSchema = acknowledgementSchema.extend({ atMs: z.number().int().min(0) });
/** With the time of its receipt, by the clock of the receiving watchdog. */
export type ReceivedAcknowledgement = z.output<typeof receivedAcknowledgementSchema>;

/** An instance silent for longer is dropped. The publisher reports every minute, libraries once per switch. */
const RETENTION_MS = 7 * 24 * 3_600_000;
/** Bounds memory and the store, because reports are not authenticated. */
const MAX_INSTANCES = 5_000;

/** The last report of every instance. */
export class Acknowledgements {
  readonly #own = new Map<string, ReceivedAcknowledgement>();
  #others: readonly ReceivedAcknowledgement[] = [];
  #revision = 0;

  /** False when there are too many instances to add another one. */
  receive(acknowledgement: Acknowledgement, nowMs: number): boolean {
    const key = keyOf(acknowledgement);
    this.#dropSilent(nowMs);
    if (!this.#own.has(key) && this.#own.size >= MAX_INSTANCES) return false;
    const before = this.#own.get(key);
    this.#own.set(key, { ...acknowledgement, atMs: nowMs });
    if (before?.epoch !== acknowledgement.epoch || before.problem !== acknowledgement.problem) this.#revision += 1;
    return true;
  }

  /** Grows when a report has a new epoch or problem. */
  get revision(): number {
    return this.#revision;
  }

  /** Reports that this watchdog received. */
  own(): readonly ReceivedAcknowledgement[] {
    return [...this.#own.values()];
  }

  /** Sets the reports that other watchdogs received, and this one before its restart. */
  setFromPeers(others: readonly ReceivedAcknowledgement[]): void {
    this.#others = others;
  }

  /** The newest report of each instance, sorted by application and instance. */
  all(nowMs: number): readonly ReceivedAcknowledgement[] {
    const newest = new Map<string, ReceivedAcknowledgement>();
    for (const report of [...this.#others, ...this.#own.values()]) {
      const key = keyOf(report);
      const before = newest.get(key);
      if (isKept(report, nowMs) && (before === undefined || before.atMs <= report.atMs)) newest.set(key, report);
    }
    return [...newest.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  #dropSilent(nowMs: number): void {
    for (const [key, report] of this.#own) if (!isKept(report, nowMs)) this.#own.delete(key);
  }
}

export const keyOf = ({ application, instance }: Pick<Acknowledgement, "application" | "instance">) =>
  `${application} ${instance}`;

export const isKept = ({ atMs }: ReceivedAcknowledgement, nowMs: number) => nowMs - atMs < RETENTION_MS;

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
