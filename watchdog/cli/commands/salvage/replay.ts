import { type Command, InvalidArgumentError, Option } from "commander";
import { loadConfig } from "../../../config/load.ts";
import { isManaged } from "../../../core/state/patterns.ts";
import { previewReplay, type ReplayRequest, replaySalvage } from "../../../salvage/commands.ts";
import type { ReplayableClass } from "../../../salvage/replay/replay-plan.ts";
import { count } from "../../../util/text.ts";
import { activeRegion } from "../../active-region.ts";
import type { CommandContext } from "../../context.ts";
import { exitCodes } from "../../exit-codes.ts";
import { confirm } from "../../operator.ts";
import { dryRunOption, jsonOption, yesOption } from "../../options.ts";
import { formatReplayPreview, formatReplayReport } from "../../output/salvage.ts";
import { actAsOwnerOf } from "../../privileges.ts";
import { type PlaceOption, placeOf, placeOption } from "./place.ts";

interface ReplayOptions extends PlaceOption {
  readonly classes: readonly ReplayableClass[];
  readonly includeMaybeDeleted: boolean;
  readonly externalVersions: readonly string[];
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

export function addReplay(salvage: Command, context: CommandContext): void {
  salvage
    .command("replay")
    .description("write operations that the active region lacks to it, never over anything newer; can be repeated")
    .argument("<name>", "as listed")
    .addOption(
      new Option("--classes <list>", "any of missing,newer,conflicting")
        .argParser(parseClasses)
        .default(["missing"], "missing"),
    )
    .option("--include-maybe-deleted", "also documents that the active region may have deleted", false)
    .addOption(
      new Option(
        "--external-versions <patterns>",
        "indices whose documents' versions the application sets: they are kept. Found by itself where the versions show it",
      )
        .argParser((text) => text.split(",").map((pattern) => pattern.trim()))
        .default([], "none"),
    )
    .addOption(placeOption())
    .addOption(dryRunOption())
    .addOption(yesOption())
    .addOption(jsonOption())
    .action((name: string, options: ReplayOptions) => replay(context, name, options));
}

const replayable: readonly ReplayableClass[] = ["missing", "newer", "conflicting"];

function parseClasses(text: string): readonly ReplayableClass[] {
  const named = text.split(",").map((name) => name.trim());
  const unknown = named.find((name) => !replayable.some((known) => known === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${replayable.join(", ")}.`);
  return replayable.filter((name) => named.includes(name));
}

/** Compares an export with the active region, previews the replay, asks for confirmation and replays. */
async function replay(context: CommandContext, name: string, options: ReplayOptions): Promise<void> {
  const loaded = await loadConfig(context.configFile());
  const { active: region } = await activeRegion(loaded.config);
  await actAsOwnerOf(loaded.config.stateDirectory);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("interrupted: run the same command again to continue"));
  process.once("SIGINT", interrupt);
  // Loaded on demand, as it brings the Elasticsearch client.
  const { connectActivePrimary } = await import("../../../app/clusters.ts");
  const active = connectActivePrimary(loaded, region);
  try {
    const { classes, includeMaybeDeleted: includeMayBeDeleted } = options;
    const root = placeOf(loaded.config.stateDirectory, options);
    const choice = { classes, includeMayBeDeleted };
    const isExternallyVersioned = (index: string) =>
      isManaged({ patterns: options.externalVersions, exclusions: [] }, index);
    const request = { root, name, active, choice, isExternallyVersioned, signal: interrupted.signal };
    await previewAndReplay(context, request, options);
  } finally {
    process.off("SIGINT", interrupt);
    await active.close();
  }
}

async function previewAndReplay(
  { print, complain, finish }: CommandContext,
  request: ReplayRequest,
  { dryRun, yes, json }: ReplayOptions,
): Promise<void> {
  const { region } = request.active;
  const preview = await previewReplay(request, Date.now);
  const { attempted, created } = preview.report;
  if (dryRun || !json) print(json ? JSON.stringify(preview, null, 2) : formatReplayPreview(preview, region));
  if (dryRun) return;
  const creating = created.length === 0 ? "" : `Create ${count(created.length, "index", "indices")} and write`;
  const question = `\n${creating === "" ? "Write" : creating} ${count(attempted, "document")} to ${region}?`;
  if (attempted > 0 && !yes && !(await confirm(question))) {
    complain("Not confirmed: nothing was replayed.");
    return finish(exitCodes.refused);
  }
  const report = await replaySalvage(request, preview.id);
  print(json ? JSON.stringify(report, null, 2) : formatReplayReport(report));
  if (report.outcomes.failed > 0) finish(exitCodes.failed);
}
