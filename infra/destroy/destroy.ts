/** Destroys a stack, after it has asked the watchdogs which region is active and has shown what is lost. */
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { messageOf } from "../../watchdog/util/errors.ts";
import { stacksWithFile } from "../config/project-files.ts";
import { destructionOf, renderDestruction } from "../preview/destruction.ts";
import {
  configuredSite,
  exportedState,
  ownSetting,
  type PreviewSetting,
  runPulumi,
} from "../preview/pulumi-preview.ts";
import { askWatchdogs } from "./ask-watchdogs.ts";
import { verdictOn } from "./verdict.ts";

const usage = `Usage: npm run destroy -- STACK [--active-too] [--yes]

Destroys all that a stack has made: asks the watchdogs by SSH which region is active, shows what is lost, asks for the stack's
name, takes the protection off, and runs \`pulumi destroy\`. The stack and its configuration stay: \`pulumi up\` builds it again.

  --active-too  also if the region is active, or no watchdog tells
  --yes         without the question

Exit status: 0 done, 1 failed, 2 the command line is wrong, 4 refused or not confirmed`;

export const exitCodes = { done: 0, failed: 1, usage: 2, refused: 4 } as const;

export interface DestroyOptions extends PreviewSetting {
  readonly stack: string;
  /** Stacks whose watchdogs are asked: all of the project. */
  readonly stacks: readonly string[];
  readonly activeToo: boolean;
  /** Whether the operator wants it, who has read what was said. */
  readonly confirm: () => Promise<boolean>;
  readonly say: (text: string) => void;
}

/** @returns the exit status @throws Error when a state cannot be read, or it is not known how to reach the watchdogs */
export async function destroyStack(options: DestroyOptions): Promise<number> {
  const { stack, stacks, activeToo, confirm, say } = options;
  const destruction = destructionOf(stack, await exportedState(options, stack));
  say(renderDestruction(destruction));
  if (destruction.resources === 0) return exitCodes.done;
  const [site, { roles, silent }] = await Promise.all([configuredSite(options, stack), askWatchdogs(options, stacks)]);
  for (const reason of silent) say(`  no answer   ${reason}`);
  const verdict = verdictOn({ site, roles, activeToo });
  say(`  afterwards  ${verdict.consequence}`);
  if (verdict.refusal !== null) {
    say(`Refused: ${verdict.refusal}.`);
    return exitCodes.refused;
  }
  if (!(await confirm())) {
    say("Not confirmed: nothing was changed.");
    return exitCodes.refused;
  }
  return carryOut(options);
}

async function carryOut(options: DestroyOptions): Promise<number> {
  const { stack, say } = options;
  const steps = [
    ["state", "unprotect", "--all", "--yes", "--stack", stack],
    ["destroy", "--yes", "--skip-preview", "--stack", stack],
  ];
  for (const step of steps) {
    const { status } = await runPulumi(options, step, (text) => say(text.trimEnd()));
    if (status === 0) continue;
    say(
      `\`pulumi ${step.slice(0, 2).join(" ")}\` failed: the reason is above. The same command goes on where it has stopped.`,
    );
    return exitCodes.failed;
  }
  say(
    `${stack} is gone. If it is not to come back: \`es-failover watchdogs forget\` on another host, for each of its watchdogs.`,
  );
  return exitCodes.done;
}

/** The command. @returns its exit status */
export async function main(args: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(args);
  if (typeof parsed === "string") {
    console.error(`${parsed}\n\n${usage}`);
    return exitCodes.usage;
  }
  if (parsed.help) {
    console.log(usage);
    return exitCodes.done;
  }
  const setting = ownSetting();
  const stacks = stacksWithFile(setting.directory);
  const [stack, ...more] = parsed.names;
  if (stack === undefined || more.length > 0 || !stacks.includes(stack)) {
    console.error(`Name one stack of ${stacks.join(", ")}.\n\n${usage}`);
    return exitCodes.usage;
  }
  const confirm = async () => parsed.yes || (await nameIsTyped(stack));
  return destroyStack({ ...setting, stack, stacks, activeToo: parsed.activeToo, confirm, say: console.log });
}

function parseCommandLine(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        "active-too": { type: "boolean", default: false },
        yes: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    return { activeToo: values["active-too"], yes: values.yes, help: values.help, names: positionals };
  } catch (error) {
    return messageOf(error);
  }
}

/** Without a terminal it is not confirmed: `--yes` does. */
async function nameIsTyped(stack: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(`Type ${stack} to destroy it: `)).trim() === stack;
  } finally {
    terminal.close();
  }
}
