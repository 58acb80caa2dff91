import process from "node:process";
import { installPackages, isInstalled } from "./apt.ts";
import type { SetUpStep } from "./step.ts";

/** A program that the lab calls, and its Debian package. */
export interface MachineProgram {
  readonly program: string;
  readonly package: string;
}

const programs: readonly MachineProgram[] = [
  ...["unshare", "nsenter", "setpriv", "flock", "pivot_root"].map((program) => ({ program, package: "util-linux" })),
  ...["mount", "umount", "losetup"].map((program) => ({ program, package: "mount" })),
  { program: "ip", package: "iproute2" },
  { program: "nft", package: "nftables" },
  { program: "ssh", package: "openssh-client" },
  { program: "ssh-keygen", package: "openssh-client" },
  { program: "mmdebstrap", package: "mmdebstrap" },
  { program: "bash", package: "bash" },
  // By its full path: a python3 earlier on PATH may belong to another environment.
  { program: "/usr/bin/python3", package: "python3-minimal" },
];

/** Programs that the lab needs and this machine lacks. */
export async function missingPrograms(): Promise<readonly MachineProgram[]> {
  const missing: MachineProgram[] = [];
  for (const entry of programs) if (!(await isInstalled(entry.program))) missing.push(entry);
  return missing;
}

/** Installs the missing programs. */
export const machinePackagesStep: SetUpStep = {
  title: "Install the machine's programs for the lab with apt-get",
  why: "network namespaces, nftables, SSH and mmdebstrap make the lab's hosts; some seconds",
  isDone: async () => (await missingPrograms()).length === 0,
  run: async (say) => {
    const missing = await missingPrograms();
    const packages = [...new Set(missing.map((entry) => entry.package))];
    if (!(await isInstalled("apt-get")) || process.getuid?.() !== 0) {
      const names = missing.map((entry) => entry.program).join(", ");
      throw new Error(
        `The lab needs programs that this machine lacks: ${names}. It installs them itself on Debian as root; here, ` +
          `install them yourself (Debian's packages: ${packages.join(", ")}).`,
      );
    }
    await installPackages(packages, say);
  },
};
