import type { RegionName } from "../config/address.ts";
import type { ChangeRequest, ServingRecord, StateRecord } from "./state/record.ts";

/**
 * What an operator's command makes of the state document. Pure: the daemon puts the result into the store by
 * compare-and-swap, so that of many watchdogs whichever decides next goes by it.
 */

export type Command =
  | { readonly kind: "pause"; readonly reason: string }
  | { readonly kind: "resume" }
  /** Ends the block period after a failover. */
  | { readonly kind: "ack" }
  | ChangeCommand
  /** Takes back a change that was asked for and not decided on yet. */
  | { readonly kind: "withdraw" };

export interface ChangeCommand extends Pick<ChangeRequest, "kind" | "to" | "force" | "reason"> {}

/** Who gives a command, and when. */
export interface CommandOrigin {
  /** Login name. */
  readonly by: string;
  readonly atMs: number;
}

export type Applied =
  | {
      readonly accepted: true;
      readonly record: StateRecord;
      /** What was changed, in a sentence: for the history and for the operator. */
      readonly explanation: string;
    }
  | { readonly accepted: false; readonly reasons: readonly string[] };

/**
 * How long a request for a change waits to be decided on. A decider takes it up within a second or two; one that waits
 * for longer found no decider, and the operator is not to be surprised by it later.
 */
export const REQUEST_VALID_MS = 60_000;

/** The history's rule id for what an operator did. */
export const ruleIdOf = ({ kind }: Command): string => `operator-${kind}`;

/** The record after a command, or why it is refused. Whether a change can be carried out is for the rules to say. */
export function applyCommand(
  record: StateRecord | null,
  command: Command,
  asked: CommandOrigin,
  regions: readonly RegionName[],
): Applied {
  if (record === null) return refused("there is no state document yet: the watchdog has not decided who is active");
  switch (command.kind) {
    case "pause":
      return pause(record, command.reason, asked);
    case "resume":
      if (record.paused === null) return refused("automatic failover is not paused");
      return changed(record, { paused: null }, `${asked.by} resumed automatic failover`);
    case "ack":
      return acknowledge(record, asked);
    case "withdraw":
      if (record.phase !== "serving" || record.request === null) return refused("no change waits to be decided on");
      return changed(record, { request: null }, `${asked.by} withdrew the ${describeRequest(record.request)}`);
    case "failover":
    case "switchover":
      return requestChange(record, command, asked, regions);
    default:
      return command satisfies never;
  }
}

/** "switchover to gra", "forced failover to bhs". */
export function describeRequest({ kind, to, force }: Pick<ChangeRequest, "kind" | "to" | "force">): string {
  return `${force ? "forced " : ""}${kind} to ${to}`;
}

const refused = (...reasons: string[]): Applied => ({ accepted: false, reasons });

function changed<R extends StateRecord>(record: R, changes: Partial<R>, explanation: string): Applied {
  return { accepted: true, record: { ...record, ...changes, sequence: record.sequence + 1 }, explanation };
}

function pause(record: StateRecord, reason: string, { by, atMs }: CommandOrigin): Applied {
  if (reason.trim() === "") return refused("a pause needs a reason, for whoever finds it");
  if (record.paused !== null) {
    const { by: whom, sinceMs, reason: why } = record.paused;
    return refused(`automatic failover is paused already, by ${whom} since ${new Date(sinceMs).toISOString()}: ${why}`);
  }
  return changed(record, { paused: { sinceMs: atMs, by, reason } }, `${by} paused automatic failover: ${reason}`);
}

function acknowledge(record: StateRecord, { by, atMs }: CommandOrigin): Applied {
  const { blockedUntilMs } = record;
  if (blockedUntilMs === null || blockedUntilMs <= atMs) {
    return refused("no block period is running: nothing keeps an automatic failover back");
  }
  const explanation = `${by} acknowledged the last failover: the block period, until ${new Date(blockedUntilMs).toISOString()}, is over`;
  return changed(record, { blockedUntilMs: null }, explanation);
}

function requestChange(
  record: StateRecord,
  { kind, to, force, reason }: ChangeCommand,
  { by, atMs }: CommandOrigin,
  regions: readonly RegionName[],
): Applied {
  if (!regions.includes(to)) return refused(`${to} is no region: one of ${regions.join(" and ")} is`);
  if (record.phase !== "serving") {
    return refused(`a change is under way already (${record.phase}, from ${record.from} to ${record.to})`);
  }
  if (record.active === to) return refused(`${to} is the active region already`);
  const waiting = waitingRequest(record, atMs);
  if (waiting !== null) return refused(`${waiting.by} asked for a ${describeRequest(waiting)} a moment ago`);
  const request: ChangeRequest = { kind, to, force, reason, by, atMs, validUntilMs: atMs + REQUEST_VALID_MS };
  const because = reason === null ? "" : `: ${reason}`;
  return changed(record, { request }, `${by} asked for a ${describeRequest(request)}${because}`);
}

function waitingRequest({ request }: ServingRecord, nowMs: number): ChangeRequest | null {
  return request !== null && request.validUntilMs > nowMs ? request : null;
}
