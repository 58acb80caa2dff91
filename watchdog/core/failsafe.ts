/**
 * Failsafe: whether a router may go on while the store cannot be reached. It may for as long as every known watchdog
 * says so again and again, so that none of them can have led a change meanwhile.
 *
 * An answer has a length, that of a lease. Whoever asked for one or gave one lets it run out before it promotes anything,
 * and gives none once it knows a higher epoch (rule promise). Else: the store is lost and all go on; it returns, the
 * leases look expired, and a region is promoted while a router still serves the other one by an answer.
 */
import { z } from "zod";
import type { DeepReadonly } from "../util/deep-readonly.ts";
import type { ServingRecord, StateRecord } from "./state/record.ts";

export const failsafeQuestionSchema = z.strictObject({
  /** Name of the watchdog that asks. */
  watchdog: z.string().min(1),
  /** The epoch under which its router would go on. */
  epoch: z.number().int().min(1),
  /** For how long the answer has to bind. */
  validForMs: z.number().int().positive(),
});

export const failsafeAnswerSchema = z.discriminatedUnion("agrees", [
  z.strictObject({
    agrees: z.literal(true),
    watchdog: z.string().min(1),
    active: z.string().min(1),
    /** Every watchdog that the one that answers knows of: a router that knows fewer has not asked all. */
    known: z.array(z.string()),
  }),
  z.strictObject({
    agrees: z.literal(false),
    watchdog: z.string().min(1),
    reason: z.string(),
  }),
]);

export type FailsafeQuestion = Readonly<z.output<typeof failsafeQuestionSchema>>;
export type FailsafeAnswer = DeepReadonly<z.output<typeof failsafeAnswerSchema>>;

/** The other watchdogs, asked directly. */
export interface Peers {
  /** Bounded by the adapter. Throws with a sentence that names the address; the question may have been heard all the same. */
  ask(failsafeUrl: string, question: FailsafeQuestion): Promise<FailsafeAnswer>;
}

/** What one watchdog answers, from the newest record that it knows. An answer that agrees binds it. */
export function answerFailsafe(
  { watchdog, epoch, validForMs }: FailsafeQuestion,
  self: { readonly name: string; readonly newest: StateRecord | null; readonly leaseTtlMs: number },
): FailsafeAnswer {
  const refuse = (reason: string): FailsafeAnswer => ({ agrees: false, watchdog: self.name, reason });
  const { newest } = self;
  if (newest === null) return refuse("knows no record");
  if (newest.epoch !== epoch) return refuse(`knows epoch ${newest.epoch}, not ${epoch}`);
  if (newest.phase !== "serving") return refuse(`knows that epoch ${epoch} is ${newest.phase}`);
  const known = newest.watchdogs.map(({ name }) => name);
  if (!known.includes(watchdog)) return refuse(`does not know ${watchdog}`);
  if (validForMs > self.leaseTtlMs) {
    return refuse(`binds itself for ${self.leaseTtlMs} ms at the most, not for ${validForMs} ms: leases.ttlMs differs`);
  }
  return { agrees: true, watchdog: self.name, active: newest.active, known };
}

/** A watchdog's answer, or why there is none. */
export interface PeerAnswer {
  readonly watchdog: string;
  readonly answer: FailsafeAnswer | null;
  readonly error: string | null;
}

/** Those whose word a router needs: everyone the record lists but the one that asks. */
export function otherMembers(record: StateRecord, self: string): StateRecord["watchdogs"] {
  return record.watchdogs.filter(({ name }) => name !== self);
}

/** What stands in the way before anybody is asked; null when the others may be. */
export function blockerBeforeAsking(
  record: StateRecord | null,
  self: string,
  activeFault: string | null,
): string | null {
  if (record === null) return "no record is known";
  if (record.phase !== "serving") return `epoch ${record.epoch} is ${record.phase}`;
  if (!record.watchdogs.some(({ name }) => name === self)) return "the record does not know this watchdog yet";
  return activeFault;
}

/** What stands in the way once they were asked; null when the router may go on under the record's epoch. */
export function blockerInAnswers(record: ServingRecord, self: string, heard: readonly PeerAnswer[]): string | null {
  for (const { name } of otherMembers(record, self)) {
    const from = heard.find(({ watchdog }) => watchdog === name);
    if (from === undefined || from.answer === null) return `${name} does not answer: ${from?.error ?? "not asked"}`;
    const fault = answerFault(from.answer, name, record);
    if (fault !== null) return fault;
  }
  return null;
}

function answerFault(answer: FailsafeAnswer, name: string, record: ServingRecord): string | null {
  // Two watchdogs behind one address would be one voice for two.
  if (answer.watchdog !== name) return `at the address of ${name} it is ${answer.watchdog} that answers`;
  if (!answer.agrees) return `${name} ${answer.reason}`;
  if (answer.active !== record.active) return `${name} takes ${answer.active} for active`;
  const unknown = answer.known.find((other) => !record.watchdogs.some((known) => known.name === other));
  return unknown === undefined ? null : `${name} knows of ${unknown}, which was not asked`;
}
