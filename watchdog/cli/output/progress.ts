import { setTimeout as sleep } from "node:timers/promises";
import { askControlSocket } from "../../adapters/control-socket.ts";
import type { CommandAnswer } from "../../controller/control-api.ts";
import type { WatchdogStatus } from "../../controller/status.ts";
import { describeStep } from "../../core/plans/describe-step.ts";
import type { HistoryEntry } from "../../core/ports/store.ts";
import type { ChangePreview } from "../../core/preview.ts";
import { currentStep } from "../../core/state/plan.ts";
import type { StateRecord } from "../../core/state/record.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

export interface FollowedChange {
  readonly preview: ChangePreview;
  readonly answer: CommandAnswer;
  readonly waitMs: number;
}

const LOOK_EVERY_MS = 300;
/** A request that is still there this long after its time found nobody who decides. */
const GRACE_MS = 5_000;

/** How a change stands: what the state document says of it, judged against what was asked for. */
export type Standing = "waiting" | "under-way" | "done" | "not-begun" | "undone" | "nobody-decided";

/**
 * Pure. `answer` is the write that asked for it: an older document says nothing yet.
 *
 * @param nowMs the watchdog's clock, which the request's time was taken from
 */
export function standingOf(
  record: StateRecord | null,
  to: string,
  answer: Pick<CommandAnswer, "epoch" | "sequence">,
  nowMs: number,
): Standing {
  if (record === null || record.epoch < answer.epoch) return "waiting";
  if (record.epoch === answer.epoch && record.sequence < answer.sequence) return "waiting";
  if (record.phase !== "serving") return "under-way";
  if (record.epoch > answer.epoch) return record.active === to ? "done" : "undone";
  if (record.request === null) return "not-begun";
  return nowMs > record.request.validUntilMs + GRACE_MS ? "nobody-decided" : "waiting";
}

/** Watches a change until it is over, and says how it went; the exit code tells the same. */
export async function followChange(
  context: CommandContext,
  socket: string,
  { preview, answer, waitMs }: FollowedChange,
): Promise<void> {
  const { print, complain, finish } = context;
  const { kind, from, to } = preview;
  const deadline = performance.now() + waitMs;
  let shown = "";
  while (performance.now() < deadline) {
    // A watchdog that restarts, or is busy with the store, is asked again until the time is up.
    const status = await askControlSocket(socket, "GET /status").catch(() => null);
    const { record, nowMs } = (status ?? { record: null, nowMs: 0 }) as WatchdogStatus;
    const standing = standingOf(record, to, answer, nowMs);
    const progress = progressOf(record);
    if (progress !== shown && standing === "under-way") {
      shown = progress;
      print(`  ${progress}`);
    }
    switch (standing) {
      case "done":
        return print(`The ${kind} is done: ${to} accepts writes.`);
      case "not-begun":
        complain(`The ${kind} did not begin: ${await lastWord(socket, answer)}`);
        return finish(exitCodes.refused);
      case "undone":
        complain(`The ${kind} was undone, ${from} goes on: ${await lastWord(socket, answer)}`);
        return finish(exitCodes.failed);
      case "nobody-decided":
        complain(`Nobody took the request for a ${kind} up; "es-failover status" shows why, "withdraw" takes it back.`);
        return finish(exitCodes.failed);
      case "waiting":
      case "under-way":
        await sleep(LOOK_EVERY_MS);
        break;
      default:
        return standing satisfies never;
    }
  }
  complain(`The ${kind} is not over after ${waitMs / 1_000} s. It goes on; "es-failover status" shows how it stands.`);
  finish(exitCodes.failed);
}

/** What is being done. From the record, as the watchdog that is asked need not be the one that decides. */
export function progressOf(record: StateRecord | null): string {
  switch (record?.phase) {
    case undefined:
    case "serving":
      return "";
    case "closing":
      return `closing ${record.from}`;
    case "promoting": {
      const step = currentStep(record.plan);
      const doing = record.plan.kind === "undo" ? `going back to ${record.from}` : `promoting ${record.to}`;
      return step === null ? doing : `${doing}: ${describeStep(step)}`;
    }
    default:
      return record satisfies never;
  }
}

/** What the history says of the end of a request. */
async function lastWord(socket: string, { explanation }: CommandAnswer): Promise<string> {
  const entries = (await askControlSocket(socket, "GET /history?limit=20")) as readonly HistoryEntry[];
  const asked = entries.findLastIndex((entry) => entry.explanation === explanation);
  const after = entries.slice(asked + 1).filter(({ rule }) => rule !== "in-sync-noted");
  return after.at(-1)?.explanation ?? "the history does not say why";
}
