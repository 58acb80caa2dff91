import { z } from "zod";
import { type PreviewSetting, runPulumi } from "../preview/pulumi-preview.ts";
import { overSsh, withKeyFile } from "../ssh-command.ts";
import { type Roles, rolesSchema } from "./verdict.ts";

/** TCP, login and the command itself, over an ocean. */
const ANSWER_MS = 20_000;

const outputsSchema = z.object({
  hosts: z.record(z.string(), z.object({ role: z.string(), ssh: z.string() })),
  sshPrivateKey: z.string(),
});
const statusSchema = z.object({ record: rolesSchema.nullable() });

/** The roles by the record with the highest epoch that any watchdog of the stacks has; null where none answers. */
export async function askWatchdogs(setting: PreviewSetting, stacks: readonly string[]): Promise<Roles | null> {
  const answers = await Promise.all(stacks.map((stack) => answersOf(setting, stack)));
  return answers.flat().reduce<Roles | null>((newest, roles) => {
    return newest === null || roles.epoch > newest.epoch ? roles : newest;
  }, null);
}

async function answersOf(setting: PreviewSetting, stack: string): Promise<readonly Roles[]> {
  const outputs = await outputsOf(setting, stack);
  if (outputs === null) return [];
  return withKeyFile(outputs.sshPrivateKey, async (key) => {
    const hosts = Object.values(outputs.hosts).filter(({ role }) => role !== "elasticsearch");
    const answers = hosts.map(({ ssh }) => statusOf(setting, key, ssh.replace(/^ssh /, "")));
    return (await Promise.all(answers)).filter((roles) => roles !== null);
  });
}

/** null for a stack that is not there, or that nothing was made of. */
async function outputsOf(setting: PreviewSetting, stack: string): Promise<z.output<typeof outputsSchema> | null> {
  const { status, stdout } = await runPulumi(setting, [
    "stack",
    "output",
    "--json",
    "--show-secrets",
    "--stack",
    stack,
  ]);
  if (status !== 0) return null;
  const outputs = outputsSchema.safeParse(JSON.parse(stdout));
  return outputs.success ? outputs.data : null;
}

/** What the host's watchdog, or without it the store, tells; null where the host does not. */
async function statusOf({ environment }: PreviewSetting, key: string, target: string): Promise<Roles | null> {
  const command = "sudo es-failover status --json";
  const outcome = await overSsh({ key, target, command, environment, timeoutMs: ANSWER_MS }).catch(() => null);
  return outcome === null ? null : rolesIn(outcome.stdout);
}

function rolesIn(text: string): Roles | null {
  try {
    return statusSchema.parse(JSON.parse(text)).record;
  } catch {
    return null;
  }
}
