import { readFile, rm, writeFile } from "node:fs/promises";
import { run } from "../util/run.ts";

/**
 * Makes a network namespace bound to a file, which keeps it alive and gives access to it. Unlike `ip netns` this leaves
 * nothing outside the lab's directory.
 */
export async function createNetwork(file: string): Promise<void> {
  await writeFile(file, "");
  await run("unshare", [`--net=${file}`, "ip", "link", "set", "lo", "up"]);
}

/** Unbinds a namespace; the kernel removes it with its links when its last process has ended. */
export async function removeNetwork(file: string): Promise<void> {
  if ((await mountPointsUnder(file)).length > 0) await run("umount", ["--lazy", file]);
  await rm(file, { force: true });
}

/** The argv that runs a program in a network namespace. */
export function inNetwork(file: string, argv: readonly string[]): string[] {
  return ["nsenter", `--net=${file}`, ...argv];
}

/** Runs lines of `ip` in a namespace; stops at the first failure. */
export async function ipBatch(file: string, lines: readonly string[]): Promise<void> {
  await run("nsenter", [`--net=${file}`, "ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** Sets kernel settings under /proc/sys/net, which apply to the writer's namespace. */
export async function setNetSettings(file: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `echo ${value} > /proc/sys/net/${name}`);
  await run("nsenter", [`--net=${file}`, "sh", "-e"], { input: `${lines.join("\n")}\n` });
}

/** Mount points at or below a path, deepest first. */
export async function mountPointsUnder(path: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table
    .split("\n")
    .map((line) => unescapeMountPoint(line.split(" ")[4] ?? ""))
    .filter((point) => point === path || point.startsWith(`${path}/`));
  return points.sort((a, b) => b.length - a.length);
}

/** The kernel escapes white space in mount points in octal. */
function unescapeMountPoint(point: string): string {
  return point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
