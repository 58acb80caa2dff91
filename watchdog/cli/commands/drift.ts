import type { Command } from "commander";
import { loadConfig } from "../../config/load.ts";
import { activeRegion } from "../active-region.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { jsonOption } from "../options.ts";
import { formatDrift } from "../output/drift.ts";

export function addDrift(program: Command, { configFile, print, finish }: CommandContext): void {
  program
    .command("drift")
    .description(
      "compare what replication does not carry: templates, policies, pipelines, users, roles, settings, plugins",
    )
    .addOption(jsonOption())
    .action(async ({ json }: { json: boolean }) => {
      const loaded = await loadConfig(configFile());
      const { active, other } = await activeRegion(loaded.config);
      // Loaded on demand, as it brings the Elasticsearch client.
      const { surveyDrift } = await import("../../app/survey-drift.ts");
      const report = await surveyDrift(loaded, active, other);
      print(json ? JSON.stringify(report, null, 2) : formatDrift(report));
      if (report.items.length > 0 || report.unread.length > 0) finish(exitCodes.findings);
    });
}
