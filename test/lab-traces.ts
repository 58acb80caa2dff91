import { existsSync } from "node:fs";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import path from "node:path";
import { labCgroups, processesOf } from "../lab/hosts/cgroup.ts";
import { labLayout } from "../lab/hosts/layout.ts";
import { outcomeOf } from "../lab/util/run.ts";

/** What a lab has on this machine now, to be compared with what is left of it later. */
export interface LabTraces {
  /** Number of network namespaces and of processes. */
  readonly networks: number;
  readonly processes: number;
  /** What the kernel and the disk still have of the lab; empty after a complete removal. */
  remaining(): Promise<readonly string[]>;
}

export async function labTraces(directory: string): Promise<LabTraces> {
  const { cgroupName, networks: networksDirectory } = labLayout(directory);
  const { root } = await labCgroups(cgroupName);
  const [itsNetworks, itsProcesses] = [await networks(networksDirectory), await processes(root)];
  return {
    networks: itsNetworks.length,
    processes: itsProcesses.length,
    remaining: async () => [
      ...[root, directory].filter((place) => existsSync(place)),
      ...(await stillRunning(itsProcesses)),
      ...(await stillInUse(directory, itsNetworks)),
      ...(await loopDevices(directory)),
    ],
  };
}

/** Processes below a group, with their start time, which distinguishes them from later ones with the same id. */
async function processes(group: string): Promise<readonly string[]> {
  const entries = await readdir(group, { recursive: true, withFileTypes: true }).catch(() => []);
  const groups = entries.filter((entry) => entry.isDirectory());
  const pids = await Promise.all(groups.map(({ parentPath, name }) => processesOf(path.join(parentPath, name))));
  const identities = await Promise.all(pids.flat().map(identity));
  return identities.filter((process) => process !== "");
}

async function identity(pid: number): Promise<string> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")).split(") ")[1]?.split(" ") ?? [];
  // A zombie has ended and waits for the machine's init to collect it.
  return fields[0] === "Z" || fields.length === 0 ? "" : `${pid}@${fields[19]}`;
}

async function networks(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return Promise.all(names.map(async (name) => `net:[${(await stat(path.join(directory, name))).ino}]`));
}

async function stillRunning(former: readonly string[]): Promise<readonly string[]> {
  const now = await Promise.all(former.map((process) => identity(Number(process.split("@")[0]))));
  return former.filter((process, position) => now[position] === process).map((process) => `process ${process}`);
}

async function stillInUse(directory: string, formerNetworks: readonly string[]): Promise<readonly string[]> {
  const uses: string[] = [];
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const network = await readlink(`/proc/${pid}/ns/net`).catch(() => "");
    if (formerNetworks.includes(network)) uses.push(`process ${pid} in ${network}`);
    const mounts = await readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => "");
    if (mounts.includes(directory)) uses.push(`mounts seen by process ${pid}`);
  }
  return uses;
}

async function loopDevices(directory: string): Promise<readonly string[]> {
  const { stdout } = await outcomeOf("losetup", ["--list", "--noheadings", "--output", "BACK-FILE"]);
  return stdout.split("\n").filter((file) => file.includes(directory));
}
