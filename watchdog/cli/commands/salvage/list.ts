import type { Command } from "commander";
import { parseConfigFile } from "../../../config/load.ts";
import { listSalvages } from "../../../salvage/exports.ts";
import type { CommandContext } from "../../context.ts";
import { jsonOption } from "../../options.ts";
import { formatList } from "../../output/salvage.ts";
import { actAsOwnerOf } from "../../privileges.ts";
import { type PlaceOption, placeOf, placeOption } from "./place.ts";

export function addList(salvage: Command, { configFile, print }: CommandContext): void {
  salvage
    .command("list")
    .description("show the exports on this host")
    .addOption(placeOption())
    .addOption(jsonOption())
    .action(async ({ json, ...place }: PlaceOption & { json: boolean }) => {
      const { stateDirectory } = await parseConfigFile(configFile());
      await actAsOwnerOf(stateDirectory);
      const entries = await listSalvages(placeOf(stateDirectory, place));
      print(json ? JSON.stringify(entries, null, 2) : formatList(entries));
    });
}
