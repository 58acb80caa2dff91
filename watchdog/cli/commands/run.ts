import type { Command } from "commander";
import type { CommandContext } from "../context.ts";

export function addRun(program: Command, { configFile }: CommandContext): void {
  program
    .command("run")
    .description("run the watchdog until SIGTERM or SIGINT; the routing ticket stays in place")
    .action(async () => {
      // Loaded on demand: the Elasticsearch client takes longer to load than most commands take to run.
      const { runWatchdog } = await import("../../app/run.ts");
      await runWatchdog(configFile());
    });
}
