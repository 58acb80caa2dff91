/** `npm run renew`: certificates are renewed before their end, without a person's update. */
import { parseArgs } from "node:util";
import { messageOf } from "../../watchdog/util/errors.ts";
import { namedStacks } from "../config/project-files.ts";
import { ownSetting, type PreviewSetting, previewStack, updateStack } from "../preview/pulumi-preview.ts";
import { renewalOf } from "./renewal.ts";

const usage = `Usage: npm run renew -- STACK...

Renews the certificates of stacks (gra, bhs, witness; all: each that has a Pulumi.<stack>.yaml) that are within 60 days of their
end, one stack after the other, by \`pulumi up\`. Meant for a schedule: a stack is updated only if the preview renews certificates
and changes nothing else, and the policies of policy/ hold. Another one is left alone and named.

Exit status: 0 done or nothing was due, 1 an update or a preview failed, 2 the command line is wrong, 3 a stack was left alone`;

export const exitCodes = { done: 0, failed: 1, usage: 2, refused: 3 } as const;

/** The command. @returns its exit status */
export async function main(args: readonly string[]): Promise<number> {
  const setting = ownSetting();
  let stacks: readonly string[];
  try {
    const options = { help: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    if (values.help) {
      console.log(usage);
      return exitCodes.done;
    }
    stacks = namedStacks(setting.directory, positionals);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`);
    return exitCodes.usage;
  }
  return renewStacks(setting, stacks, (line) => console.log(line));
}

/** Renews stacks in this order; ends at the first one that fails. @returns the exit status */
export async function renewStacks(
  setting: PreviewSetting,
  stacks: readonly string[],
  say: (line: string) => void,
): Promise<number> {
  let status: number = exitCodes.done;
  for (const stack of stacks) {
    const outcome = await renewStack(setting, stack, (line) => say(`${stack}: ${line}`));
    if (outcome === exitCodes.failed) return outcome;
    if (outcome !== exitCodes.done) status = outcome;
  }
  return status;
}

async function renewStack(setting: PreviewSetting, stack: string, say: (line: string) => void): Promise<number> {
  const report = await previewStack(setting, stack, { versions: {}, remoteClusterSecurity: {}, disturbed: {} });
  for (const error of report.errors) say(error);
  if (report.errors.length > 0) return exitCodes.failed;
  const renewal = renewalOf(report);
  const violated = report.findings.filter(({ isMandatory }) => isMandatory);
  switch (renewal.kind) {
    case "none":
      say("no certificate is near its end");
      return exitCodes.done;
    case "refused":
      for (const { operation, type, name } of renewal.changes) say(`would ${operation} ${type} ${name}`);
      say("left alone: an update would change more than certificates. Look at it, and run `pulumi up` yourself");
      return exitCodes.refused;
    case "due":
      for (const { rule, message } of violated) say(`${rule}: ${message}`);
      if (violated.length > 0) {
        say("left alone: an update would violate these policies");
        return exitCodes.refused;
      }
      say(`renewing ${renewal.certificates.join(", ")}`);
      await updateStack(setting, stack);
      say("renewed");
      return exitCodes.done;
    default:
      return renewal satisfies never;
  }
}
