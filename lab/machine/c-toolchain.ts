import { outcomeOf } from "../util/run.ts";
import type { SetUpStep } from "./step.ts";

/** What clients/c is built and tested with: how it is found on a machine, and the Debian package that brings it. */
const parts: readonly { readonly name: string; readonly check: string; readonly package: string }[] = [
  { name: "a C compiler", check: "command -v cc", package: "gcc" },
  { name: "the C library's headers", check: "echo '#include <stdio.h>' | cc -E -", package: "libc6-dev" },
  { name: "make", check: "command -v make", package: "make" },
  { name: "pkg-config", check: "command -v pkg-config", package: "pkg-config" },
  { name: "libcurl's headers", check: "pkg-config --exists libcurl", package: "libcurl4-openssl-dev" },
  { name: "valgrind", check: "command -v valgrind", package: "valgrind" },
];

async function missingParts(): Promise<typeof parts> {
  const missing: (typeof parts)[number][] = [];
  for (const part of parts) if ((await outcomeOf("sh", ["-c", part.check])).exitCode !== 0) missing.push(part);
  return missing;
}

/** Why the C library cannot be built here; undefined when it can. */
export async function cToolchainObstacle(): Promise<string | undefined> {
  const missing = await missingParts();
  if (missing.length === 0) return undefined;
  const names = missing.map((part) => part.name).join(", ");
  return `missing here: ${names} (Debian's packages: ${missing.map((part) => part.package).join(", ")})`;
}

/** A machine that cannot have them runs everything else all the same: only the tests of the C library are skipped. */
export const cToolchainStep: SetUpStep = {
  title: "Install a C compiler and libcurl's headers with apt-get",
  why: "the library for applications in C is built and tested with them; some seconds",
  isDone: async () => (await missingParts()).length === 0,
  run: async (say) => {
    const packages = (await missingParts()).map((part) => part.package);
    const aptGet = (...args: readonly string[]): Promise<{ exitCode: number; stderr: string }> =>
      outcomeOf("apt-get", args).catch((error: unknown) => ({ exitCode: 1, stderr: String(error) }));
    const install = ["install", "--yes", "--no-install-recommends", ...packages];
    say(`apt-get install ${packages.join(" ")}`);
    if ((await aptGet(...install)).exitCode === 0) return;
    say("apt-get update");
    await aptGet("update");
    const { exitCode, stderr } = await aptGet(...install);
    if (exitCode === 0) return;
    const reason = stderr.trim().split("\n").at(-1) ?? "";
    say(`tests of the C library will be skipped: apt-get cannot install ${packages.join(", ")}: ${reason}`);
  },
};
