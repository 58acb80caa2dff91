import { appendFile, readFile } from "node:fs/promises";
import { askControlSocket } from "../../adapters/control-socket.ts";
import { parseConfigFile } from "../../config/load.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { SimulatedStep } from "../../core/forecast.ts";
import type { KnownSituation } from "../../core/preview.ts";
import {
  assumptions,
  parseMoments,
  replayMoments,
  type SimulatedOutcome,
  simulateAssumption,
} from "../../core/simulate.ts";
import { reasonOf } from "../../util/files.ts";
import { duration, section, table, time } from "../../util/text.ts";
import type { CommandContext } from "../context.ts";

/** What to simulate: exactly one. */
export type Simulated =
  | { readonly kind: "observations"; readonly file: string }
  | { readonly kind: "if"; readonly assumption: string }
  | { readonly kind: "save"; readonly file: string };

/** Asks the rules about recorded or assumed situations, or records the present one. Changes nothing else. */
export async function simulate(
  { configFile, print }: CommandContext,
  what: Simulated,
  { json }: { readonly json: boolean },
): Promise<void> {
  const config = await parseConfigFile(configFile());
  switch (what.kind) {
    case "observations": {
      const steps = replayMoments(parseMoments(await textOf(what.file)), config);
      return print(json ? JSON.stringify(steps, null, 2) : formatSteps(steps));
    }
    case "if": {
      const outcome = await assume(config, what.assumption);
      return print(json ? JSON.stringify(outcome, null, 2) : formatOutcome(outcome));
    }
    case "save": {
      const situation = await askControlSocket(config.controlSocket, "GET /situation");
      // Names of hosts and indices stand in it: for its owner's eyes.
      await appendFile(what.file, `${JSON.stringify(situation)}\n`, { mode: 0o600 });
      return print(`The present situation was added to ${what.file}.`);
    }
    default:
      return what satisfies never;
  }
}

async function assume(config: WatchdogConfig, name: string): Promise<SimulatedOutcome> {
  const known = assumptions(config);
  const assumption = known.get(name);
  if (assumption === undefined)
    throw new Error(`"${name}" cannot be assumed; one of ${[...known.keys()].join(", ")} can`);
  const situation = (await askControlSocket(config.controlSocket, "GET /situation")) as KnownSituation;
  return simulateAssumption(situation, assumption, config);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

function formatSteps(steps: readonly SimulatedStep[]): string {
  if (steps.length === 0) return "The file holds no situation.";
  return table([
    ["TIME (UTC)", "STATE", "RULE", "WHY"],
    ...steps.map(({ atMs, rule, explanation, ...state }) => [time(atMs), stateOf(state), rule, explanation]),
  ]);
}

function formatOutcome({ assumed, startedAtMs, steps, plan }: SimulatedOutcome): string {
  return [
    `Assumed: ${assumed.join(" ")}`,
    section(
      "What would follow, at the latest by then",
      steps.map(({ atMs, rule, explanation, ...state }) => [
        `+${duration(atMs - startedAtMs)}`,
        stateOf(state),
        rule,
        explanation,
      ]),
    ),
    section(
      "Then would be carried out",
      plan.map((step, n) => [`${n + 1}.`, step]),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

const stateOf = ({ before, after }: Pick<SimulatedStep, "before" | "after">): string =>
  after === null ? before : `${before} -> ${after}`;
