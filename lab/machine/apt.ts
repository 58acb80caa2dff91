import { access, constants } from "node:fs/promises";
import path from "node:path";
import { outcomeOf, run } from "../util/run.ts";

/** Directories of administrators' programs, which a user's PATH may lack. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** @param program name, looked up on PATH and in the directories of administrators' programs; or a full path */
export async function isInstalled(program: string): Promise<boolean> {
  const directories = [...(process.env["PATH"] ?? "").split(path.delimiter), ...systemDirectories];
  const candidates = program.startsWith("/") ? [program] : directories.map((entry) => path.join(entry, program));
  for (const candidate of candidates) {
    const isExecutable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable) return true;
  }
  return false;
}

/** Installs Debian packages on this machine. @throws Error with the end of apt's output when they cannot be installed */
export async function installPackages(names: readonly string[], say: (line: string) => void): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "--yes", "--no-install-recommends", ...names];
  say(`apt-get install ${names.join(" ")}`);
  // Most machines have usable package lists, and fetching them takes longer than this attempt.
  if ((await outcomeOf("apt-get", install, { env })).exitCode === 0) return;
  say("apt-get update");
  await run("apt-get", ["update"], { env });
  say(`apt-get install ${names.join(" ")}`);
  await run("apt-get", install, { env });
}
