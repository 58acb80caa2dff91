import { access, constants, copyFile, cp, mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { cachedDirectory, cachePath } from "../../watchdog/util/cache.ts";
import { outcomeOf, run } from "../util/run.ts";
import type { SetUpStep } from "./step.ts";

/** Version of the CLI in the lab and the tests; users may have any compatible one. */
export const pulumiVersion = "3.259.0";
/** An installed CLI may differ in the patch version. */
const acceptedVersion = /^v3\.259\.\d+$/;

const checkout = path.resolve(import.meta.dirname, "..", "..");

/** Directory with `pulumi`, its language host for Node.js and that host's dynamic provider. `pulumiStep` makes it. */
export const pulumiBinDirectory: string = path.join(cachePath("pulumi", pulumiVersion), "bin");

const cli = "pulumi";
const languageHost = "pulumi-language-nodejs";
/** Part of the npm package; the language host expects it in its own directory. */
const dynamicProvider = "pulumi-resource-pulumi-nodejs";

export const pulumiStep: SetUpStep = {
  title: `Provide the Pulumi CLI ${pulumiVersion}`,
  why: "the lab runs the real engine; built from its Go modules where none is installed, about 10 minutes once",
  isDone: async () =>
    (await hasPrograms(pulumiBinDirectory)) && (await isExecutable(dynamicProviderIn(pulumiBinDirectory))),
  run: async (say) => {
    if (!(await hasPrograms(pulumiBinDirectory))) {
      // Its version is wrong or it is incomplete.
      await rm(cachePath("pulumi", pulumiVersion), { recursive: true, force: true });
      await cachedDirectory("pulumi", pulumiVersion, (scratch) => makePrograms(scratch, say));
    }
    await addDynamicProvider(pulumiBinDirectory);
  },
};

function dynamicProviderIn(directory: string): string {
  return path.join(directory, dynamicProvider);
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Whether a directory has a CLI of an accepted version and its language host. */
async function hasPrograms(directory: string): Promise<boolean> {
  const files = [cli, languageHost].map((name) => path.join(directory, name));
  if (!(await Promise.all(files.map(isExecutable))).every(Boolean)) return false;
  const { exitCode, stdout } = await outcomeOf(path.join(directory, cli), ["version"]);
  return exitCode === 0 && acceptedVersion.test(stdout.trim());
}

/** Where an installed CLI may be: on PATH, then among the versions of the npm launcher `pulumi`. */
function candidateDirectories(): readonly string[] {
  const home = process.env["PULUMI_HOME"] ?? path.join(homedir(), ".pulumi");
  const onPath = (process.env["PATH"] ?? "").split(path.delimiter).filter((directory) => directory !== "");
  return [...onPath, path.join(home, "versions", pulumiVersion, "bin"), path.join(home, "bin")];
}

async function makePrograms(scratch: string, say: (line: string) => void): Promise<void> {
  const bin = path.join(scratch, "bin");
  await mkdir(bin);
  for (const candidate of candidateDirectories()) {
    if (!(await hasPrograms(candidate))) continue;
    say(`copying from ${candidate}`);
    for (const name of [cli, languageHost]) await copyFile(path.join(candidate, name), path.join(bin, name));
    return;
  }
  await refuseWithoutGo();
  const sources = path.join(scratch, "sources");
  await build("language-nodejs", "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs", languageHost);
  await build("cli", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", cli);
  await rm(sources, { recursive: true });

  async function build(modules: string, program: string, name: string): Promise<void> {
    say(`go build ${name}`);
    // A copy, as `go` may add to go.sum.
    const directory = path.join(sources, modules);
    await cp(path.join(import.meta.dirname, "pulumi", modules), directory, { recursive: true });
    const version = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${pulumiVersion}`;
    const flags = ["-mod=mod", "-buildvcs=false", "-trimpath", `-ldflags=-s -w ${version}`];
    await run("go", ["-C", directory, "build", ...flags, "-o", path.join(bin, name), program]);
  }
}

async function refuseWithoutGo(): Promise<void> {
  const found = await outcomeOf("go", ["version"]).catch(() => undefined);
  if (found?.exitCode === 0) return;
  throw new Error(
    `This machine has no Pulumi CLI ${pulumiVersion.replace(/\.\d+$/, ".x")} and no Go to build one: install ` +
      "`pulumi` with `pulumi-language-nodejs` on PATH (https://www.pulumi.com/docs/iac/download-install/), or Go 1.26.",
  );
}

async function addDynamicProvider(directory: string): Promise<void> {
  const file = dynamicProviderIn(directory);
  const scratch = `${file}.${process.pid}.new`;
  await copyFile(path.join(checkout, "node_modules", "@pulumi", "pulumi", dynamicProvider), scratch);
  await rename(scratch, file);
}

export interface PulumiSettings {
  /** Directory of the CLI's account and plug-in data. */
  readonly home: string;
  /** Directory of the stacks. */
  readonly backendDirectory: string;
  /** Encrypts the stacks' secrets. */
  readonly passphrase: string;
}

/** An environment for `pulumi` with its own home, a directory as backend, and no access to the internet. */
export function pulumiEnvironment(settings: PulumiSettings): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("PULUMI_"),
  );
  const programs = [pulumiBinDirectory, path.join(checkout, "node_modules", ".bin"), process.env["PATH"] ?? ""];
  return {
    ...Object.fromEntries(inherited),
    PATH: programs.join(path.delimiter),
    PULUMI_HOME: settings.home,
    PULUMI_BACKEND_URL: `file://${settings.backendDirectory}`,
    PULUMI_CONFIG_PASSPHRASE: settings.passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Otherwise it tries five times to download each plug-in. The project file and the CLI's directory have all of them.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}
