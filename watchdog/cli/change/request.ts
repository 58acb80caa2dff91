import type { Command } from "commander";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { type LoadedConfig, loadConfig } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { ChangePreview } from "../../core/preview.ts";
import type { ChangeCommand } from "../../core/requests.ts";
import { messageOf } from "../../util/errors.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { confirm, loginName } from "../operator.ts";
import { dryRunOption, jsonOption, waitOption, yesOption } from "../options.ts";
import { type CopySize, formatChangePreview } from "../output/change.ts";
import { followChange } from "./follow.ts";

/** Options of `failover` and `switchover` as typed. */
export interface ChangeFlags {
  readonly to: string;
  readonly reason?: string;
  readonly yes: boolean;
  readonly json: boolean;
  readonly dryRun: boolean;
  /** How long to follow the change, seconds; 0: not at all. */
  readonly wait: number;
}

export function addChangeOptions(command: Command): Command {
  return command
    .requiredOption("--to <region>", "the region to promote")
    .option("--reason <text>", "recorded in the history")
    .addOption(yesOption())
    .addOption(jsonOption("print the preview as JSON"))
    .addOption(waitOption("change"))
    .addOption(dryRunOption());
}

const previewCalls = { failover: controlApi.previewFailover, switchover: controlApi.previewSwitchover };

/** Previews a failover or switchover, asks for confirmation, requests it and follows it until it ends. */
export async function requestChange(
  context: CommandContext,
  command: ChangeCommand,
  { dryRun, yes, json, wait }: Omit<ChangeFlags, "to" | "reason">,
): Promise<void> {
  const { configFile, print, complain, finish } = context;
  const loaded = await loadConfig(configFile());
  const { controlSocket } = loaded.config;
  const { kind, ...asked } = command;
  const request = { ...asked, by: loginName() };
  const preview = await askControlSocket(controlSocket, previewCalls[kind], request);
  if (preview.verdict === "refused") {
    if (json) print(JSON.stringify({ ...preview, copyBytes: null }, null, 2));
    complain(preview.reasons.join("\n"));
    return finish(exitCodes.refused);
  }
  const copy = await copySize(loaded, preview);
  print(json ? JSON.stringify({ ...preview, ...copy }, null, 2) : formatChangePreview(preview, copy));
  if (dryRun) return;
  if (!yes && !(await confirm(`\n${questionOf(preview)}`))) {
    complain("Not confirmed: nothing was changed.");
    return finish(exitCodes.refused);
  }
  const answer = await askControlSocket(controlSocket, controlApi[kind], request);
  print(`\n${answer.explanation}.`);
  if (wait > 0) await followChange(context, controlSocket, { preview, answer, waitMs: wait * 1_000 });
}

function questionOf({ kind, from, to, loss }: ChangePreview): string {
  if (kind === "switchover") return `Move from ${from} to ${to}?`;
  const atMost = loss?.atMost ?? null;
  const operations = atMost === null ? "an unknown number of" : `up to ${atMost}`;
  return `Fail over to ${to} and lose ${operations} operations that only ${from} has?`;
}

/** What the failback costs: the region left behind copies every managed index again. */
async function copySize(loaded: LoadedConfig, { to, indicesToCopy }: ChangePreview): Promise<CopySize> {
  if (indicesToCopy.length === 0) return { copyBytes: 0, copyError: null };
  try {
    const { managedPrimaryBytes } = await import("../../app/storage.ts");
    return { copyBytes: await managedPrimaryBytes(loaded, to), copyError: null };
  } catch (error) {
    return { copyBytes: null, copyError: messageOf(error) };
  }
}
