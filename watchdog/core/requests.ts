import type { RegionName } from "../config/address.ts";
import { listed } from "../util/text.ts";
import type { Silence } from "./state/members.ts";
import { stepOf, withStep } from "./state/plan.ts";
import type { AbortRequest, ChangeRequest, ServingRecord, StateRecord } from "./state/record.ts";

/**
 * The state document after an operator's command. Pure: the watchdog that got the command writes the result to the store
 * by compare-and-swap, and the controller acts on it.
 */

export type Command =
  | { readonly kind: "pause"; readonly reason: string }
  | { readonly kind: "resume" }
  /** Acknowledges the last failover: ends the block period. */
  | { readonly kind: "ack" }
  | ChangeCommand
  /** Decides what a rejoin deletes that waits for it (`rejoin.policy` wait). */
  | { readonly kind: "rejoin"; readonly policy: "delete" | "keep" }
  /** Ends the membership of a watchdog that is gone for good. */
  | { readonly kind: "forget"; readonly watchdog: string }
  /** Withdraws a change that no controller has handled yet. */
  | { readonly kind: "withdraw" }
  /** Ends a change that keeps routers closed, and goes back to the old region. */
  | AbortCommand;

export interface AbortCommand {
  readonly kind: "abort";
  readonly reason: string | null;
}

export interface ChangeCommand extends Pick<ChangeRequest, "kind" | "to" | "force" | "reason"> {}

/** Who gave a command, and when. */
export interface CommandOrigin {
  /** Login name. */
  readonly by: string;
  readonly atMs: number;
}

/** What the watchdog that got the command knows besides the record. */
export interface CommandBackground {
  readonly regions: readonly RegionName[];
  readonly silence: Silence;
}

export type Applied =
  | {
      readonly accepted: true;
      readonly record: StateRecord;
      /** One sentence for the history and the operator: what was changed. */
      readonly explanation: string;
    }
  | { readonly accepted: false; readonly reasons: readonly string[] };

/**
 * How long a request for a change stays valid. A controller handles it within a second or two; after this time there was
 * no controller, and a change that begins later would surprise the operator.
 */
export const REQUEST_VALID_MS = 60_000;

/** The rule id of an operator's command in the history. */
export const ruleIdOf = ({ kind }: Command): string => `operator-${kind}`;

/** The record after a command, or why it is refused. Whether a change can be carried out is decided by the rules. */
export function applyCommand(
  record: StateRecord | null,
  command: Command,
  asked: CommandOrigin,
  { regions, silence }: CommandBackground,
): Applied {
  if (record === null) return refused("there is no state document yet: no region is active");
  switch (command.kind) {
    case "pause":
      return pause(record, command.reason, asked);
    case "resume":
      if (record.paused === null) return refused("automatic failover is not paused");
      return changed(record, { paused: null }, `${asked.by} resumed automatic failover`);
    case "ack":
      return acknowledge(record, asked);
    case "rejoin":
      return decideRejoin(record, command.policy, asked);
    case "forget":
      return forget(record, command.watchdog, silence, asked);
    case "withdraw":
      if (record.phase !== "serving" || record.request === null)
        return refused("there is no request to withdraw: none was made, or it has been handled already");
      return changed(record, { request: null }, `${asked.by} withdrew the ${describeRequest(record.request)}`);
    case "abort":
      return requestAbort(record, command.reason, asked);
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
  if (reason.trim() === "") return refused("a pause needs a reason");
  if (record.paused !== null) {
    const { by: whom, sinceMs, reason: why } = record.paused;
    return refused(`automatic failover has been paused by ${whom} since ${new Date(sinceMs).toISOString()}: ${why}`);
  }
  return changed(record, { paused: { sinceMs: atMs, by, reason } }, `${by} paused automatic failover: ${reason}`);
}

function acknowledge(record: StateRecord, { by, atMs }: CommandOrigin): Applied {
  const { blockedUntilMs } = record;
  if (blockedUntilMs === null || blockedUntilMs <= atMs) {
    return refused("there is no block period: nothing prevents an automatic failover");
  }
  const explanation = `${by} acknowledged the last failover: the block period until ${new Date(blockedUntilMs).toISOString()} ends now`;
  return changed(record, { blockedUntilMs: null }, explanation);
}

function decideRejoin(record: StateRecord, policy: "delete" | "keep", { by }: CommandOrigin): Applied {
  if (record.phase !== "serving" || record.plan?.kind !== "rejoin") return refused("no former primary rejoins now");
  const step = stepOf(record.plan, "clear");
  if (step?.policy !== "wait") return refused("the rejoin waits for no decision: the configuration made it");
  const plan = withStep(record.plan, { ...step, policy });
  return changed(record, { plan }, `${by} decided the rejoin: ${policy}`);
}

function forget(record: StateRecord, watchdog: string, silence: Silence, { by }: CommandOrigin): Applied {
  if (record.phase !== "serving") return refused(`a change is under way (${record.phase}): wait until it has ended`);
  const staying = record.watchdogs.filter(({ name }) => name !== watchdog);
  if (staying.length === record.watchdogs.length) {
    return refused(`no watchdog ${watchdog} is registered: ${listed(record.watchdogs.map(({ name }) => name))} are`);
  }
  if (!(watchdog in silence)) {
    return refused(`${watchdog} reports, and would register again at once: stop its service (es-failover) first`);
  }
  return changed(record, { watchdogs: staying }, `${by} ended the membership of the watchdog ${watchdog}`);
}

function requestChange(
  record: StateRecord,
  { kind, to, force, reason }: ChangeCommand,
  { by, atMs }: CommandOrigin,
  regions: readonly RegionName[],
): Applied {
  if (!regions.includes(to)) return refused(`${to} is not a region: the regions are ${regions.join(" and ")}`);
  if (record.phase !== "serving") {
    return refused(
      `a change is already under way (${record.phase}, from ${record.from} to ${record.to}): ` +
        "follow it with `es-failover status`, or end it with `es-failover abort`",
    );
  }
  if (record.active === to) return refused(`${to} is already the active region`);
  const waiting = waitingRequest(record, atMs);
  if (waiting !== null)
    return refused(
      `${waiting.by} has just asked for a ${describeRequest(waiting)}: wait until it is handled, or withdraw it`,
    );
  const request: ChangeRequest = { kind, to, force, reason, by, atMs, validUntilMs: atMs + REQUEST_VALID_MS };
  const because = reason === null ? "" : `: ${reason}`;
  return changed(record, { request }, `${by} asked for a ${describeRequest(request)}${because}`);
}

/** Whether it can still be aborted is decided by the rules, which know the health of the regions. */
function requestAbort(record: StateRecord, reason: string | null, { by, atMs }: CommandOrigin): Applied {
  if (record.phase === "serving") return refused(nothingToAbort(record));
  if (record.phase === "promoting" && record.plan.kind === "undo") {
    return refused(`the switchover to ${record.to} already turns back to ${record.from}`);
  }
  if (record.abort !== null && record.abort.validUntilMs > atMs) {
    return refused(`${record.abort.by} has just asked to abort: wait until it is handled`);
  }
  const abort: AbortRequest = { by, reason, atMs, validUntilMs: atMs + REQUEST_VALID_MS };
  const because = reason === null ? "" : `: ${reason}`;
  return changed(record, { abort }, `${by} asked to abort the ${record.change} to ${record.to}${because}`);
}

function nothingToAbort({ active, request, lastFailover }: ServingRecord): string {
  if (request !== null) return "the change has not begun: `es-failover withdraw` cancels its request";
  const nothing = `no change is under way: ${active} serves`;
  if (lastFailover?.to !== active) return nothing;
  const { kind, from } = lastFailover;
  return (
    `${nothing} since the ${kind} from ${from}, and going back would lose the writes that it has acknowledged: once ` +
    `${from} is in sync, \`es-failover switchover --to ${from}\` loses none`
  );
}

function waitingRequest({ request }: ServingRecord, nowMs: number): ChangeRequest | null {
  return request !== null && request.validUntilMs > nowMs ? request : null;
}
