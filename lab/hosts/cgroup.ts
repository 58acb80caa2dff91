import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { hasCode, isMissing } from "../util/files.ts";
import { until } from "../util/until.ts";

/**
 * The lab's processes by cgroup. The kernel knows which of them run and what for; there are no pid files to go stale.
 *
 *     LAB/services/NAME           the WAN and the package proxy
 *     LAB/controller              what runs in the controller's network
 *     LAB/supervisors/HOST        boots the host, again after each reboot
 *     LAB/hosts/HOST/system       the host itself; its own view of the cgroup tree begins here
 *     LAB/hosts/HOST/doors        commands run inside it without SSH
 */
export interface LabCgroups {
  readonly root: string;
  readonly controller: string;
  service(name: string): string;
  supervisor(host: string): string;
  host(host: string): string;
  system(host: string): string;
  doors(host: string): string;
}

/** Mount point of the machine's cgroup2 tree; undefined when it has none. */
export async function cgroup2Mount(): Promise<string | undefined> {
  const mounts = await readFile("/proc/self/mounts", "utf8");
  return mounts
    .split("\n")
    .map((line) => line.split(" "))
    .find((fields) => fields[2] === "cgroup2")?.[1];
}

export async function labCgroups(name: string): Promise<LabCgroups> {
  const mount = await cgroup2Mount();
  if (mount === undefined) throw new Error("This machine has no cgroup2 file system mounted.");
  const root = path.join(mount, name);
  return {
    root,
    controller: path.join(root, "controller"),
    service: (service) => path.join(root, "services", service),
    supervisor: (host) => path.join(root, "supervisors", host),
    host: (host) => path.join(root, "hosts", host),
    system: (host) => path.join(root, "hosts", host, "system"),
    doors: (host) => path.join(root, "hosts", host, "doors"),
  };
}

export async function createCgroup(group: string): Promise<void> {
  await mkdir(group, { recursive: true });
}

/** State of a group with its descendants. A missing group has no processes. */
export async function cgroupEvents(group: string): Promise<{ readonly populated: boolean; readonly frozen: boolean }> {
  try {
    const events = await readFile(path.join(group, "cgroup.events"), "utf8");
    return { populated: events.includes("populated 1"), frozen: events.includes("frozen 1") };
  } catch (error) {
    if (isGone(error)) return { populated: false, frozen: false };
    throw error;
  }
}

/** Kills every process of a group and its descendants, frozen ones too, and waits until they have ended. */
export async function killCgroup(group: string): Promise<void> {
  try {
    await writeFile(path.join(group, "cgroup.kill"), "1");
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  await until(`the processes in ${group} end`, 10_000, async () => !(await cgroupEvents(group)).populated);
}

export async function setFrozen(group: string, frozen: boolean): Promise<void> {
  await writeFile(path.join(group, "cgroup.freeze"), frozen ? "1" : "0");
  await until(`${group} is ${frozen ? "frozen" : "thawed"}`, 10_000, async () => {
    return (await cgroupEvents(group)).frozen === frozen;
  });
}

/** Removes a group without processes, and its descendants. */
export async function removeCgroup(group: string): Promise<void> {
  let entries: string[];
  try {
    const found = await readdir(group, { withFileTypes: true });
    entries = found.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  for (const entry of entries) await removeCgroup(path.join(group, entry));
  // An ended process keeps its group busy for a moment.
  await until(`cgroup ${group} can be removed`, 10_000, async () => {
    try {
      await rmdir(group);
      return true;
    } catch (error) {
      if (isMissing(error)) return true;
      if (hasCode(error, "EBUSY")) return false;
      throw error;
    }
  });
}

export async function processesOf(group: string): Promise<readonly number[]> {
  const text = await readFile(path.join(group, "cgroup.procs"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** The argv that runs a program as a member of a group. */
export function inCgroup(group: string, argv: readonly string[]): string[] {
  return ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', group, ...argv];
}

/** A file of a group that is being removed gives ENODEV. */
function isGone(error: unknown): boolean {
  return isMissing(error) || hasCode(error, "ENODEV");
}
