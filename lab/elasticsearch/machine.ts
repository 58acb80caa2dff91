import { existsSync } from "node:fs";
import path from "node:path";
import { run } from "../util/run.ts";

export function isOnPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((directory) => existsSync(path.join(directory, program)));
}

/** Installs a package on this machine with apt. */
export async function installPackage(name: string, say: (line: string) => void): Promise<void> {
  say(`installing the package ${name}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-q"], { env });
  await run("apt-get", ["install", "-q", "-y", "--no-install-recommends", name], { env });
}
