import { z } from "zod";

/** Names of applications and their instances: what fits a table and a log line. */
const name = z.string().regex(/^[\x21-\x7e]{1,128}$/, "1 to 128 printable characters without spaces");

/** What an application, or the publisher for it, reports: `POST /v1/acknowledgement`. */
export const acknowledgementSchema = z.strictObject({
  application: name,
  /** Which of its processes or hosts: `host1:4711`. */
  instance: name,
  /** The epoch that it uses; 0 while it uses none. */
  epoch: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  /** Why it does not use a newer one, in a sentence. */
  problem: z.string().min(1).max(500).nullable().default(null),
});
export type Acknowledgement = z.output<typeof acknowledgementSchema>;

export const receivedAcknowledgementSchema = acknowledgementSchema.extend({ atMs: z.number().int().min(0) });
/** With the time when it was heard, by the clock of the watchdog that heard it. */
export type ReceivedAcknowledgement = z.output<typeof receivedAcknowledgementSchema>;

/** One that is not heard of for longer is taken for gone. The publisher reports every minute, libraries once a switch. */
const KEPT_FOR_MS = 7 * 24 * 3_600_000;
/** Bounds memory and the store: nobody has to prove who they are to report. */
const MOST_INSTANCES = 5_000;

/** What every application said last. */
export class Acknowledgements {
  readonly #own = new Map<string, ReceivedAcknowledgement>();
  #others: readonly ReceivedAcknowledgement[] = [];
  #revision = 0;

  /** False when there are too many instances to take another one. */
  receive(acknowledgement: Acknowledgement, nowMs: number): boolean {
    const key = keyOf(acknowledgement);
    this.#forget(nowMs);
    if (!this.#own.has(key) && this.#own.size >= MOST_INSTANCES) return false;
    const before = this.#own.get(key);
    this.#own.set(key, { ...acknowledgement, atMs: nowMs });
    if (before?.epoch !== acknowledgement.epoch || before.problem !== acknowledgement.problem) this.#revision += 1;
    return true;
  }

  /** Changes when somebody said something new. */
  get revision(): number {
    return this.#revision;
  }

  /** What was said to this watchdog. */
  own(): readonly ReceivedAcknowledgement[] {
    return [...this.#own.values()];
  }

  /** What was said to the others, or to this one before it was started anew. */
  setFromPeers(others: readonly ReceivedAcknowledgement[]): void {
    this.#others = others;
  }

  /** The newest word of each instance, by application and instance. */
  all(nowMs: number): readonly ReceivedAcknowledgement[] {
    const newest = new Map<string, ReceivedAcknowledgement>();
    for (const heard of [...this.#others, ...this.#own.values()]) {
      const key = keyOf(heard);
      const before = newest.get(key);
      if (isKept(heard, nowMs) && (before === undefined || before.atMs <= heard.atMs)) newest.set(key, heard);
    }
    return [...newest.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  #forget(nowMs: number): void {
    for (const [key, heard] of this.#own) if (!isKept(heard, nowMs)) this.#own.delete(key);
  }
}

export const keyOf = ({ application, instance }: Pick<Acknowledgement, "application" | "instance">) =>
  `${application} ${instance}`;

export const isKept = ({ atMs }: ReceivedAcknowledgement, nowMs: number) => nowMs - atMs < KEPT_FOR_MS;

/** Who uses what, for `status`. */
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
  return { epoch: servingEpoch, instances: all.map((heard) => ({ ...heard, behind: behind(heard) })) };
}
