import { messageOf } from "../../watchdog/util/errors.ts";
import { outcomeOf } from "../util/run.ts";
import { installPackages } from "./apt.ts";
import type { SetUpStep } from "./step.ts";

/** What clients/c is built and tested with: a check that finds it, and its Debian package. */
const parts: readonly { readonly name: string; readonly check: string; readonly package: string }[] = [
  { name: "a C compiler", check: "command -v cc", package: "gcc" },
  { name: "the C library's headers", check: "echo '#include <stdio.h>' | cc -E -", package: "libc6-dev" },
  { name: "make", check: "command -v make", package: "make" },
  { name: "pkg-config", check: "command -v pkg-config", package: "pkg-config" },
  { name: "libcurl's headers", check: "pkg-config --exists libcurl", package: "libcurl4-openssl-dev" },
  { name: "OpenSSL's headers, for the tests' server", check: "pkg-config --exists libssl", package: "libssl-dev" },
  { name: "libuv's headers", check: "pkg-config --exists libuv", package: "libuv1-dev" },
  { name: "libev's headers", check: "test -e /usr/include/ev.h", package: "libev-dev" },
  { name: "valgrind", check: "command -v valgrind", package: "valgrind" },
];

async function missingParts(): Promise<typeof parts> {
  const missing: (typeof parts)[number][] = [];
  for (const part of parts) if ((await outcomeOf("sh", ["-c", part.check])).exitCode !== 0) missing.push(part);
  return missing;
}

/** Why this machine cannot build the C library; undefined when it can. */
export async function cToolchainObstacle(): Promise<string | undefined> {
  const missing = await missingParts();
  if (missing.length === 0) return undefined;
  const names = missing.map((part) => part.name).join(", ");
  return `missing here: ${names} (Debian's packages: ${missing.map((part) => part.package).join(", ")})`;
}

/** On a machine that cannot install them, only the tests of the C library are skipped. */
export const cToolchainStep: SetUpStep = {
  title: "Install a C compiler and libcurl's headers with apt-get",
  why: "the library for applications in C is built and tested with them; some seconds",
  isDone: async () => (await missingParts()).length === 0,
  run: async (say) => {
    const packages = (await missingParts()).map((part) => part.package);
    try {
      await installPackages(packages, say);
    } catch (error) {
      const reason = messageOf(error).split("\n").at(-1) ?? "";
      say(`tests of the C library will be skipped: apt-get cannot install ${packages.join(", ")}: ${reason}`);
    }
  },
};
