import type { Command } from "commander";
import { parseConfigFile } from "../../../config/load.ts";
import { showSalvage } from "../../../salvage/exports.ts";
import type { CommandContext } from "../../context.ts";
import { exitCodes } from "../../exit-codes.ts";
import { jsonOption } from "../../options.ts";
import { formatDetails } from "../../output/salvage.ts";
import { actAsOwnerOf } from "../../privileges.ts";
import { type PlaceOption, placeOf, placeOption } from "./place.ts";

export function addShow(salvage: Command, { configFile, print, finish }: CommandContext): void {
  salvage
    .command("show")
    .description("verify an export against its receipt, and show what it contains and what it cannot contain")
    .argument("<name>", "as listed")
    .addOption(placeOption())
    .addOption(jsonOption())
    .action(async (name: string, { json, ...place }: PlaceOption & { json: boolean }) => {
      const { stateDirectory } = await parseConfigFile(configFile());
      await actAsOwnerOf(stateDirectory);
      const details = await showSalvage(placeOf(stateDirectory, place), name);
      print(json ? JSON.stringify(details, null, 2) : formatDetails(details));
      if (details.indices.some(({ check }) => !check.valid)) finish(exitCodes.findings);
    });
}
