/** `npm run preview`: what an update would do to stacks, and whether it keeps every policy. */
import path from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../watchdog/util/errors.ts";
import { namedStacks, stacksWithFile } from "../config/project-files.ts";
import { exitCodes, previewDestruction, previewStacks } from "./preview.ts";
import { ownSetting, type PreviewSetting } from "./pulumi-preview.ts";

const usage = `Usage: npm run preview -- STACK... [--lab] [--markdown FILE]
       npm run preview -- STACK... --destroy

Previews stacks (gra, bhs, witness; all: each that has a Pulumi.<stack>.yaml) with the policy pack in policy/, and prints a
summary of each: what would be created, changed, replaced and deleted, and which policies it violates. Changes nothing.

  --lab            with the lab's cloud and empty stacks: needs no account, no credentials and no backend. Values that
                   only you can set, such as serviceName, are made up where they are missing
  --destroy        says instead what \`pulumi destroy\` would delete, and what protects it
  --markdown FILE  writes the summary as Markdown, too

Exit status: 0 done, 1 a preview failed, 2 the command line is wrong, 3 a policy is violated`;

/** Makes a place for previews that needs no account, and removes it. */
export type LabSetting = <T>(stacks: readonly string[], work: (setting: PreviewSetting) => Promise<T>) => Promise<T>;

/** The command. @returns its exit status */
export async function preview(args: readonly string[], withLab: LabSetting): Promise<number> {
  const parsed = parseCommandLine(args);
  if (typeof parsed === "string") {
    console.error(`${parsed}\n\n${usage}`);
    return exitCodes.usage;
  }
  if (parsed.help) {
    console.log(usage);
    return exitCodes.done;
  }
  const own = ownSetting();
  let stacks: readonly string[];
  try {
    stacks = namedStacks(own.directory, parsed.names);
  } catch (error) {
    console.error(messageOf(error));
    return exitCodes.usage;
  }
  if (parsed.destroy) return previewDestruction(own, stacks, (text) => console.log(text));
  const run = (setting: PreviewSetting) =>
    previewStacks({
      ...setting,
      stacks,
      say: (text) => console.log(text),
      ...(parsed.markdown === undefined ? {} : { markdown: path.resolve(parsed.markdown) }),
    });
  if (parsed.lab) return withLab(stacksWithFile(own.directory), run);
  return run(own);
}

function parseCommandLine(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        lab: { type: "boolean", default: false },
        destroy: { type: "boolean", default: false },
        markdown: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    return { ...values, names: positionals };
  } catch (error) {
    return messageOf(error);
  }
}
