import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { z } from "zod";
import { stackSchema } from "../config/schema.ts";
import type { Declared } from "../declared.ts";
import { type PreviewReport, readReport } from "./report.ts";

/** Where previews run, and which rules they have to keep. */
export interface PreviewSetting {
  /** Directory of Pulumi.yaml. */
  readonly directory: string;
  /** Directory of PulumiPolicy.yaml. */
  readonly pack: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const checkout = path.resolve(import.meta.dirname, "..", "..");

/** The stacks of this checkout, with the credentials of the environment. */
export const ownSetting = (): PreviewSetting => ({
  directory: checkout,
  pack: path.join(checkout, "policy"),
  environment: process.env,
});

/** Facts of other stacks for the policy pack: see docs/policies.md. */
export interface OtherStacks {
  readonly versions: Readonly<Record<string, Declared["versions"]>>;
  readonly remoteClusterSecurity: Readonly<Record<string, Declared["remoteClusterSecurity"]>>;
  readonly disturbed: Readonly<Record<string, readonly string[]>>;
}

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly all: string;
}

/** Runs the CLI to its end. @param onText called with what it prints, as it comes */
export function runPulumi(
  { directory, environment }: Pick<PreviewSetting, "directory" | "environment">,
  args: readonly string[],
  onText: (text: string) => void = () => undefined,
): Promise<Run> {
  return new Promise((resolve, reject) => {
    // The variable enables --event-log, which Pulumi's own Automation API reads, too.
    const env = { ...environment, PULUMI_DEBUG_COMMANDS: "true" };
    const child = spawn("pulumi", ["--non-interactive", "--color=never", ...args], {
      cwd: directory,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, all] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      all += text;
      onText(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      all += text;
      onText(text);
    });
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new Error("`pulumi` is not on the PATH. Install the CLI: https://www.pulumi.com/docs/install/")
          : error,
      ),
    );
    child.on("close", (status) => resolve({ status, stdout, all }));
  });
}

/** Previews a stack with the policy pack. What fails is in the report. */
export async function previewStack(
  setting: PreviewSetting,
  stack: string,
  others: OtherStacks,
): Promise<PreviewReport> {
  const scratch = await mkdtemp(path.join(tmpdir(), "preview-"));
  try {
    const [events, facts] = [path.join(scratch, "events.jsonl"), path.join(scratch, "others.json")];
    const { versions, remoteClusterSecurity, disturbed } = others;
    const byRule = {
      "versions-are-pinned": { versions },
      "one-remote-security": { remoteClusterSecurity },
      "one-data-host-at-a-time": { disturbed },
    };
    await writeFile(facts, JSON.stringify(byRule));
    const policies = ["--policy-pack", setting.pack, "--policy-pack-config", facts];
    const { status, all } = await runPulumi(setting, ["preview", "--stack", stack, "--event-log", events, ...policies]);
    const report = readReport(stack, await readFile(events, "utf8").catch(() => ""));
    const isExplained =
      status === 0 || report.errors.length > 0 || report.findings.some(({ isMandatory }) => isMandatory);
    // Before the engine starts, the CLI writes no events: an unknown stack, a missing passphrase.
    return isExplained ? report : { ...report, errors: [all.trim() || `pulumi ended with status ${status}`] };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Updates a stack as its configuration and this checkout have it. @throws Error with the CLI's words */
export async function updateStack(setting: PreviewSetting, stack: string): Promise<void> {
  const { status, all } = await runPulumi(setting, ["up", "--yes", "--skip-preview", "--stack", stack]);
  if (status !== 0) throw new Error(all.trim());
}

/** The stack's state, as JSON. @throws Error with the CLI's words */
export async function exportedState(setting: PreviewSetting, stack: string): Promise<string> {
  const { status, stdout, all } = await runPulumi(setting, ["stack", "export", "--stack", stack]);
  if (status !== 0) throw new Error(all.trim());
  return stdout;
}

/** The site that a stack provisions; the stack's own name where its configuration cannot be read. */
export async function configuredSite(setting: PreviewSetting, stack: string): Promise<string> {
  const { status, stdout } = await runPulumi(setting, ["config", "get", "es-failover:region", "--stack", stack]);
  return status === 0 && stdout.trim() !== "" ? stdout.trim() : stack;
}

const configValues = z.record(
  z.string(),
  z.object({ value: z.string().optional(), objectValue: z.unknown().optional() }),
);

/** What a stack is configured with that all have to share; undefined where there is no such stack. */
export async function configuredFacts(
  setting: PreviewSetting,
  stack: string,
): Promise<Pick<Declared, "versions" | "remoteClusterSecurity"> | undefined> {
  const { status, stdout } = await runPulumi(setting, ["config", "--json", "--stack", stack]);
  if (status !== 0) return undefined;
  const values = configValues.parse(JSON.parse(stdout));
  const { image, remoteClusterSecurity } = stackSchema.shape;
  const { version } = stackSchema.shape.elasticsearch.shape;
  const elasticsearch = z
    .object({ version: version.catch("not readable") })
    .safeParse(values["es-failover:elasticsearch"]?.objectValue);
  if (!elasticsearch.success) return undefined;
  const security = remoteClusterSecurity.safeParse(values["es-failover:remoteClusterSecurity"]?.value);
  if (!security.success) return undefined;
  return {
    versions: {
      elasticsearch: elasticsearch.data.version,
      image: image.catch("not readable").parse(values["es-failover:image"]?.value),
    },
    remoteClusterSecurity: security.data,
  };
}
