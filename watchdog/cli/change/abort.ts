import { setTimeout as sleep } from "node:timers/promises";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { AbortPreview } from "../../core/preview-abort.ts";
import type { AbortCommand } from "../../core/requests.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { confirm, loginName } from "../operator.ts";
import { POLL_INTERVAL_MS, reasonInHistory, recordFrom } from "./follow.ts";
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
  const deadlineMs = performance.now() + waitMs;
  while (performance.now() < deadlineMs) {
    const { record, nowMs } = await recordFrom(socket);
    switch (abortStatus(record, from, answer, nowMs)) {
      case "in-progress":
        break;
      case "done":
        return print(`The change is aborted: ${from} serves again.`);
      case "refused":
        complain(`The abort was refused: ${await reasonInHistory(socket, answer)}`);
        return finish(exitCodes.refused);
      case "too-late":
        complain(`The change was done before it could be aborted: ${to} accepts writes.`);
        return finish(exitCodes.failed);
      case "not-handled":
        complain('No controller handled the abort: "es-failover status" shows why.');
        return finish(exitCodes.failed);
    }
    await sleep(POLL_INTERVAL_MS);
  }
  complain(`${from} does not serve after ${waitMs / 1_000} s; follow it with "es-failover status".`);
  finish(exitCodes.failed);
}
