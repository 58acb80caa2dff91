import { setTimeout as sleep } from "node:timers/promises";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { CommandAnswer } from "../../controller/control-api/changes.ts";
import type { ChangePreview } from "../../core/preview.ts";
import type { LastFailover, StateRecord } from "../../core/state/record.ts";
import { exceptionRows } from "../../presentation/exceptions.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { type ChangeStatus, changeStatus, progressOf } from "./status.ts";

export interface RequestedChange {
  readonly preview: ChangePreview;
  readonly answer: CommandAnswer;
  /** How long to follow the change. */
  readonly waitMs: number;
}

const POLL_INTERVAL_MS = 300;

/** Prints the progress of a change until it ends or `waitMs` is over; message and exit code give the outcome. */
export async function followChange(context: CommandContext, socket: string, change: RequestedChange): Promise<void> {
  const { preview, answer, waitMs } = change;
  let printed = "";
  const hasEnded = await followRecord(socket, waitMs, async (record, nowMs) => {
    const status = changeStatus(record, preview.to, answer, nowMs);
    const progress = progressOf(record);
    if (progress !== printed && status === "in-progress") {
      printed = progress;
      context.print(`  ${progress}`);
    }
    if (status === "waiting" || status === "in-progress") return false;
    if (status === "done") context.print(doneSentence(preview, record?.lastFailover ?? null));
    else await report(context, socket, change, status);
    return true;
  });
  if (hasEnded) return;
  context.complain(
    `The ${preview.kind} has not ended after ${waitMs / 1_000} s and continues; follow it with "es-failover status".`,
  );
  context.finish(exitCodes.failed);
}

/**
 * Asks for the record until `hasEnded` says that what is followed has ended, or the time is up; returns which. A watchdog
 * that restarts, or waits for its store, is asked again: until it answers the record is null.
 */
export async function followRecord(
  socket: string,
  waitMs: number,
  hasEnded: (record: StateRecord | null, nowMs: number) => Promise<boolean>,
): Promise<boolean> {
  const deadlineMs = performance.now() + waitMs;
  while (performance.now() < deadlineMs) {
    const status = await askControlSocket(socket, controlApi.status, {}).catch(() => null);
    if (await hasEnded(status?.record ?? null, status?.nowMs ?? 0)) return true;
    await sleep(POLL_INTERVAL_MS);
  }
  return false;
}

async function report(
  { complain, finish }: CommandContext,
  socket: string,
  { preview: { kind, from }, answer }: RequestedChange,
  status: Exclude<ChangeStatus, "waiting" | "in-progress" | "done">,
): Promise<void> {
  switch (status) {
    case "not-started":
      complain(`The ${kind} did not start: ${await reasonInHistory(socket, answer)}`);
      return finish(exitCodes.refused);
    case "undone":
      complain(`The ${kind} was undone and ${from} serves again: ${await reasonInHistory(socket, answer)}`);
      return finish(exitCodes.failed);
    case "not-handled":
      complain(
        `No controller handled the ${kind} request: "es-failover status" shows why, "es-failover withdraw" cancels it.`,
      );
      return finish(exitCodes.failed);
    default:
      return status satisfies never;
  }
}

function doneSentence({ kind, to }: ChangePreview, made: LastFailover | null): string {
  const exceptions = made?.to === to ? exceptionRows(made) : [];
  return [`The ${kind} is done: ${to} accepts writes.`, ...exceptions.map((row) => `  ${row.join(": ")}`)].join("\n");
}

/** The last entry of the history after the request, which explains how the request ended. */
export async function reasonInHistory(socket: string, { explanation }: CommandAnswer): Promise<string> {
  const entries = await askControlSocket(socket, controlApi.history, { limit: 20 });
  const requested = entries.findLastIndex((entry) => entry.explanation === explanation);
  const after = entries.slice(requested + 1).filter(({ rule }) => rule !== "in-sync-noted");
  return after.at(-1)?.explanation ?? "the history does not give a reason";
}
