import { access, constants } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { outcomeOf, run } from "../util/run.ts";
import type { SetUpStep } from "./step.ts";

/** A program that the lab calls, and the Debian package that brings it. */
export interface MachineProgram {
  readonly program: string;
  readonly package: string;
}

/** What the lab's hosts are made with. */
const programs: readonly MachineProgram[] = [
  ...["unshare", "nsenter", "setpriv", "flock", "pivot_root"].map((program) => ({ program, package: "util-linux" })),
  ...["mount", "umount", "losetup"].map((program) => ({ program, package: "mount" })),
  { program: "ip", package: "iproute2" },
  { program: "nft", package: "nftables" },
  { program: "ssh", package: "openssh-client" },
  { program: "ssh-keygen", package: "openssh-client" },
  { program: "mmdebstrap", package: "mmdebstrap" },
  { program: "bash", package: "bash" },
  // By its full path: a python3 earlier on PATH may belong to some other environment.
  { program: "/usr/bin/python3", package: "python3-minimal" },
];

/** Where administrators' programs are, also for a PATH that leaves them out. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

async function isThere(program: string): Promise<boolean> {
  const directories = [...(process.env["PATH"] ?? "").split(path.delimiter), ...systemDirectories];
  const candidates = program.startsWith("/") ? [program] : directories.map((entry) => path.join(entry, program));
  for (const candidate of candidates) {
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

/** Programs that the lab needs and this machine has not. */
export async function missingPrograms(): Promise<readonly MachineProgram[]> {
  const missing: MachineProgram[] = [];
  for (const entry of programs) if (!(await isThere(entry.program))) missing.push(entry);
  return missing;
}

const listed = (missing: readonly MachineProgram[]): string => missing.map((entry) => entry.program).join(", ");

/** Installs the programs that are missing; a machine that has them all is left as it is. */
export const machinePackagesStep: SetUpStep = {
  title: "Install the machine's programs for the lab with apt-get",
  why: "network namespaces, nftables, SSH and mmdebstrap make the lab's hosts; some seconds",
  isDone: async () => (await missingPrograms()).length === 0,
  run: async (say) => {
    const missing = await missingPrograms();
    const packages = [...new Set(missing.map((entry) => entry.package))];
    if (!(await isThere("apt-get")) || process.getuid?.() !== 0) {
      throw new Error(
        `The lab needs programs that this machine does not have: ${listed(missing)}. They are installed by themselves ` +
          `on Debian, as root; here, install them yourself (Debian's packages: ${packages.join(", ")}).`,
      );
    }
    const install = ["install", "--yes", "--no-install-recommends", ...packages];
    say(`apt-get install ${packages.join(" ")}`);
    // Package lists may be missing or out of date; most machines have them, and fetching them takes longer than this.
    if ((await outcomeOf("apt-get", install)).exitCode === 0) return;
    say("apt-get update");
    await run("apt-get", ["update"]);
    say(`apt-get install ${packages.join(" ")}`);
    await run("apt-get", install);
  },
};
