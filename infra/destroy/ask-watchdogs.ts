import { z } from "zod";
import { messageOf } from "../../watchdog/util/errors.ts";
import { type PreviewSetting, runPulumi } from "../preview/pulumi-preview.ts";
import { accessTo, hostsOutput, type SshAccess } from "../ssh/access.ts";
import { configuredAccess } from "../ssh/configured-access.ts";
import { overSsh } from "../ssh/over-ssh.ts";
import { type Roles, rolesSchema } from "./verdict.ts";

/** TCP, login and the command itself, over an ocean. */
const ANSWER_MS = 20_000;

const outputsSchema = z.object({ hosts: hostsOutput, sshPrivateKey: z.string() });
const statusSchema = z.object({ record: rolesSchema.nullable() });

/** The answers of all watchdogs, together. */
export interface Answers {
  /** By the record with the highest epoch that any of them has; null where none has one. */
  readonly roles: Roles | null;
  /** Why the others have not answered: "gra-haproxy-1: …" */
  readonly silent: readonly string[];
}

/** Asks the watchdogs of all hosts of the stacks. @throws ConfigError where it is not known how they are to be reached */
export async function askWatchdogs(setting: PreviewSetting, stacks: readonly string[]): Promise<Answers> {
  const answers = (await Promise.all(stacks.map((stack) => answersOf(setting, stack)))).flat();
  const roles = answers.flatMap((answer) => (typeof answer === "string" ? [] : (answer ?? [])));
  return {
    roles: roles.reduce<Roles | null>(
      (newest, one) => (newest === null || one.epoch > newest.epoch ? one : newest),
      null,
    ),
    silent: answers.filter((answer) => typeof answer === "string"),
  };
}

/** A host's record; null where it has none; a text where it does not answer. */
type Answer = Roles | string | null;

async function answersOf(setting: PreviewSetting, stack: string): Promise<readonly Answer[]> {
  const [outputs, config] = await Promise.all([outputsOf(setting, stack), configuredAccess(setting, stack)]);
  if (outputs === null || config === null) return [];
  const hosts = Object.entries(outputs.hosts).filter(([, { role }]) => role !== "elasticsearch");
  return Promise.all(
    hosts.map(async ([name, host]) => {
      const answer = await statusOf(setting, outputs.sshPrivateKey, accessTo(name, host, config));
      return typeof answer === "string" ? `${name}: ${answer}` : answer;
    }),
  );
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

/** The record as the host's watchdog has it, or without one the store. */
async function statusOf({ environment }: PreviewSetting, privateKey: string, access: SshAccess): Promise<Answer> {
  const command = "sudo es-failover status --json";
  try {
    const outcome = await overSsh({ access, privateKey, command, environment, timeoutMs: ANSWER_MS });
    return recordIn(outcome.stdout) ?? (outcome.stderr.trim().split("\n").at(-1) || "no answer");
  } catch (error) {
    return messageOf(error);
  }
}

/** undefined where the text is no status. */
function recordIn(text: string): Roles | null | undefined {
  try {
    return statusSchema.parse(JSON.parse(text)).record;
  } catch {
    return undefined;
  }
}
