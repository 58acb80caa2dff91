import { appendFile, writeFile } from "node:fs/promises";
import { stacksWithFile } from "../config/project-files.ts";
import { destructionOf, renderDestruction } from "./destruction.ts";
import {
  configuredFacts,
  exportedState,
  type OtherStacks,
  type PreviewSetting,
  previewStack,
} from "./pulumi-preview.ts";
import { renderMarkdown, renderText } from "./render.ts";
import { disturbedDataHosts, type PreviewReport } from "./report.ts";

export const exitCodes = { done: 0, failed: 1, usage: 2, violated: 3 } as const;

export interface PreviewOptions extends PreviewSetting {
  /** In this order. What a region's preview takes down counts for the next one's. */
  readonly stacks: readonly string[];
  /** File that gets the summary as Markdown. */
  readonly markdown?: string;
  readonly say: (text: string) => void;
}

/** Previews stacks one after the other and prints a summary of each. @returns the exit status */
export async function previewStacks(options: PreviewOptions): Promise<number> {
  const { stacks, markdown, say } = options;
  if (markdown !== undefined) await writeFile(markdown, "## Preview\n\n");
  const all = stacksWithFile(options.directory);
  const { facts, notes } = await factsOf(options, all);
  const reports: PreviewReport[] = [];
  for (const stack of stacks) {
    const disturbed = Object.fromEntries(reports.map((report) => [report.stack, disturbedDataHosts(report)]));
    const others: OtherStacks = { ...facts, disturbed };
    const report = await previewStack(options, stack, others);
    reports.push(report);
    say(renderText(report, notes));
    if (markdown !== undefined) await appendFile(markdown, `${renderMarkdown(report, notes)}\n`);
  }
  return statusOf(reports);
}

/** Prints what `pulumi destroy` would delete of each stack. @returns the exit status @throws Error when a state cannot be read */
export async function previewDestruction(
  setting: PreviewSetting,
  stacks: readonly string[],
  say: PreviewOptions["say"],
): Promise<number> {
  for (const stack of stacks) {
    say(renderDestruction(destructionOf(stack, await exportedState(setting, stack))));
    say(`To do it: \`npm run destroy -- ${stack}\`, which asks the watchdogs first which region is active.`);
  }
  return exitCodes.done;
}

async function factsOf(
  setting: PreviewSetting,
  stacks: readonly string[],
): Promise<{ readonly facts: Omit<OtherStacks, "disturbed">; readonly notes: readonly string[] }> {
  const found = await Promise.all(stacks.map(async (stack) => [stack, await configuredFacts(setting, stack)] as const));
  const missing = found.filter(([, facts]) => facts === undefined).map(([stack]) => stack);
  const known = found.flatMap(([stack, facts]) => (facts === undefined ? [] : [{ stack, ...facts }]));
  return {
    facts: {
      versions: Object.fromEntries(known.map(({ stack, versions }) => [stack, versions])),
      remoteClusterSecurity: Object.fromEntries(known.map(({ stack, remoteClusterSecurity: own }) => [stack, own])),
    },
    notes: missing.length === 0 ? [] : [`not compared with ${missing.join(", ")}, whose configuration cannot be read`],
  };
}

function statusOf(reports: readonly PreviewReport[]): number {
  if (reports.some(({ errors }) => errors.length > 0)) return exitCodes.failed;
  const isViolated = reports.some(({ findings }) => findings.some(({ isMandatory }) => isMandatory));
  return isViolated ? exitCodes.violated : exitCodes.done;
}
