import { appendFile, readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import { parseMoments, replayMoments } from "../../core/recorded.ts";
import { assumptions, type SimulatedOutcome, simulateAssumption } from "../../core/simulate.ts";
import { reasonOf } from "../../util/files.ts";
import type { CommandContext } from "../context.ts";
import { jsonOption } from "../options.ts";
import { formatOutcome, formatSteps } from "../output/simulate.ts";

interface SimulateOptions {
  readonly observations?: string;
  readonly if?: string;
  readonly save?: string;
  readonly json: boolean;
}

export function addSimulate(program: Command, context: CommandContext): void {
  program
    .command("simulate")
    .description("apply the rules to recorded situations, or to an assumption about the current one")
    .addOption(new Option("--observations <file>", "situations, one JSON object per line").conflicts(["if", "save"]))
    .addOption(new Option("--if <event>", "such as gra-down, gra-elasticsearch-down or store-down").conflicts("save"))
    .option("--save <file>", "append the current situation to a file for --observations")
    .addOption(jsonOption())
    .action(async (options: SimulateOptions, command: Command) => {
      if (options.observations !== undefined) return simulateRecorded(context, options.observations, options.json);
      if (options.if !== undefined) return simulateEvent(context, options.if, options.json);
      if (options.save !== undefined) return saveSituation(context, options.save);
      return command.error("error: one of --observations, --if and --save is required");
    });
}

async function simulateRecorded({ configFile, print }: CommandContext, file: string, json: boolean): Promise<void> {
  const config = await parseConfigFile(configFile());
  const steps = replayMoments(parseMoments(await textOf(file)), config);
  print(json ? JSON.stringify(steps, null, 2) : formatSteps(steps));
}

async function simulateEvent({ configFile, print }: CommandContext, event: string, json: boolean): Promise<void> {
  const outcome = await assume(await parseConfigFile(configFile()), event);
  print(json ? JSON.stringify(outcome, null, 2) : formatOutcome(outcome));
}

async function assume(config: WatchdogConfig, event: string): Promise<SimulatedOutcome> {
  const known = assumptions(config);
  const assumption = known.get(event);
  if (assumption === undefined)
    throw new Error(`--if "${event}" is unknown; use one of ${[...known.keys()].join(", ")}`);
  const situation = await askControlSocket(config.controlSocket, controlApi.situation, {});
  return simulateAssumption(situation, assumption, config);
}

async function saveSituation({ configFile, print }: CommandContext, file: string): Promise<void> {
  const { controlSocket } = await parseConfigFile(configFile());
  const situation = await askControlSocket(controlSocket, controlApi.situation, {});
  // Private, as it names hosts and indices.
  await appendFile(file, `${JSON.stringify(situation)}\n`, { mode: 0o600 });
  print(`Appended the current situation to ${file}.`);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}
