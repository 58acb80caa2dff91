import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { AbortPreview } from "../../core/preview-abort.ts";
import type { AbortCommand } from "../../core/requests.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { confirm, loginName } from "../operator.ts";
import { followRecord, reasonInHistory } from "./follow.ts";
import { abortStatus } from "./status.ts";

interface AbortOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly wait: number;
}

/** Previews the abort, asks for confirmation, requests it and follows it until the old region serves. */
export async function abortChange(
  context: CommandContext,
  { reason }: AbortCommand,
  { dryRun, yes, wait }: AbortOptions,
): Promise<void> {
  const { configFile, print, complain, finish } = context;
  const { controlSocket } = await parseConfigFile(configFile());
  const request = { by: loginName(), reason };
  const preview = await askControlSocket(controlSocket, controlApi.previewAbort, request);
  if (preview.verdict === "refused") {
    complain(preview.reasons.join("\n"));
    return finish(exitCodes.refused);
  }
  const begins = preview.verdict === "begins" ? "An abort would take effect at once" : "An abort would have to wait";
  print(`${begins}: ${preview.reasons.join("; ")}.`);
  if (dryRun) return;
  if (!yes && !(await confirm(`\nGo back to ${preview.from}?`))) {
    complain("Not confirmed: nothing was changed.");
    return finish(exitCodes.refused);
  }
  const answer = await askControlSocket(controlSocket, controlApi.abort, request);
  print(`${answer.explanation}.`);
  if (wait > 0) await followAbort(context, controlSocket, { preview, answer, waitMs: wait * 1_000 });
}

interface RequestedAbort {
  readonly preview: AbortPreview;
  readonly answer: Parameters<typeof reasonInHistory>[1];
  readonly waitMs: number;
}

async function followAbort(
  { print, complain, finish }: CommandContext,
  socket: string,
  { preview: { from, to }, answer, waitMs }: RequestedAbort,
): Promise<void> {
  const hasEnded = await followRecord(socket, waitMs, async (record, nowMs) => {
    const status = abortStatus(record, from, answer, nowMs);
    switch (status) {
      case "in-progress":
        return false;
      case "done":
        print(`The change is aborted: ${from} serves again.`);
        return true;
      case "refused":
        complain(`The abort was refused: ${await reasonInHistory(socket, answer)}`);
        finish(exitCodes.refused);
        return true;
      case "too-late":
        complain(`The change was done before it could be aborted: ${to} accepts writes.`);
        finish(exitCodes.failed);
        return true;
      case "not-handled":
        complain('No controller handled the abort: "es-failover status" shows why.');
        finish(exitCodes.failed);
        return true;
      default:
        return status satisfies never;
    }
  });
  if (hasEnded) return;
  complain(`${from} does not serve after ${waitMs / 1_000} s; follow it with "es-failover status".`);
  finish(exitCodes.failed);
}
