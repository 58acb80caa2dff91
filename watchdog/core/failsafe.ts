/**
 * Failsafe: whether a router may stay open while the store cannot be reached. It may while every member agrees, asked
 * again at each renewal, so that none of them can have carried out a change in the meantime.
 *
 * An answer that agrees is a failsafe grant and is valid for one lease time to live. A watchdog that asked for one or
 * gave one promotes nothing until it has expired, and gives none once it knows a higher epoch (rule promise). Without
 * this rule: the store is lost and all routers stay open; the store returns, the leases look expired, and a region is
 * promoted while a router still serves the other one under a grant.
 */
import { z } from "zod";
import type { DeepReadonly } from "../util/deep-readonly.ts";
import type { ServingRecord, StateRecord } from "./state/record.ts";

/** Fields of a newer version are left out: they never change what these mean. */
export const failsafeQuestionSchema = z.object({
  /** Name of the watchdog that asks. */
  watchdog: z.string().min(1),
  /** The epoch under which its router would stay open. */
  epoch: z.number().int().min(1),
  /** For how long the grant has to be valid. */
  validForMs: z.number().int().positive(),
});

export const failsafeAnswerSchema = z.discriminatedUnion("agrees", [
  z.object({
    agrees: z.literal(true),
    watchdog: z.string().min(1),
    active: z.string().min(1),
    /** Every member that this watchdog knows: a router that knows fewer has not asked all of them. */
    known: z.array(z.string()),
  }),
  z.object({
    agrees: z.literal(false),
    watchdog: z.string().min(1),
    reason: z.string(),
  }),
]);

export type FailsafeQuestion = Readonly<z.output<typeof failsafeQuestionSchema>>;
export type FailsafeAnswer = DeepReadonly<z.output<typeof failsafeAnswerSchema>>;

/** The other watchdogs, asked directly and not through the store. */
export interface Peers {
  /** Bounded by the adapter. Throws an error that names the address; the question may have arrived all the same. */
  ask(failsafeUrl: string, question: FailsafeQuestion): Promise<FailsafeAnswer>;
}

/** The answer of one watchdog, from the newest record that it knows. An answer that agrees is a grant and binds it. */
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
  if (!known.includes(watchdog)) return refuse(`has no member ${watchdog}`);
  if (validForMs > self.leaseTtlMs) {
    return refuse(`grants at most ${self.leaseTtlMs} ms, not ${validForMs} ms: leases.ttlMs differs`);
  }
  return { agrees: true, watchdog: self.name, active: newest.active, known };
}

/** The answer of a member, or why there is none. */
export interface PeerAnswer {
  readonly watchdog: string;
  readonly answer: FailsafeAnswer | null;
  readonly error: string | null;
}

/** The members whose grants a router needs: all but the one that asks. */
export function otherMembers(record: StateRecord, self: string): StateRecord["watchdogs"] {
  return record.watchdogs.filter(({ name }) => name !== self);
}

/** Why the others are not asked; null when they may be. */
export function blockerBeforeAsking(
  record: StateRecord | null,
  self: string,
  activeBlocker: string | null,
): string | null {
  if (record === null) return "no record is known";
  if (record.phase !== "serving") return `epoch ${record.epoch} is ${record.phase}`;
  if (!record.watchdogs.some(({ name }) => name === self)) return "this watchdog is not registered yet";
  return activeBlocker;
}

/** Why the router closes after the others were asked; null when it may stay open under the record's epoch. */
export function blockerInAnswers(record: ServingRecord, self: string, answers: readonly PeerAnswer[]): string | null {
  for (const { name } of otherMembers(record, self)) {
    const from = answers.find(({ watchdog }) => watchdog === name);
    if (from === undefined || from.answer === null) return `${name} does not answer: ${from?.error ?? "not asked"}`;
    const blocker = answerBlocker(from.answer, name, record);
    if (blocker !== null) return blocker;
  }
  return null;
}

function answerBlocker(answer: FailsafeAnswer, name: string, record: ServingRecord): string | null {
  // Two members with one address would count one answer twice.
  if (answer.watchdog !== name) return `the address of ${name} is answered by ${answer.watchdog}`;
  if (!answer.agrees) return `${name} ${answer.reason}`;
  if (answer.active !== record.active) return `${name} has ${answer.active} as the active region`;
  const unknown = answer.known.find((other) => !record.watchdogs.some((known) => known.name === other));
  return unknown === undefined ? null : `${name} knows the member ${unknown}, which was not asked`;
}
