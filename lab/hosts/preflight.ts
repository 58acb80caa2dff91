import { existsSync } from "node:fs";
import { access, mkdir, mkdtemp, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { missingPrograms } from "../machine/packages.ts";
import { outcomeOf } from "../util/run.ts";
import { cgroup2Mount } from "./cgroup.ts";

/** Why this machine cannot run the lab whatever is installed; undefined when it can. */
export function unfitMachine(): string | undefined {
  if (process.platform !== "linux") return `The lab needs Linux; this machine runs ${process.platform}.`;
  if (process.getuid?.() !== 0) return "The lab needs root: it makes namespaces, mounts and network devices.";
  return undefined;
}

/**
 * Why this machine cannot run the lab, one sentence per reason; empty when it can. Leaves no change behind.
 * @param directory of the lab to be made; may not exist yet
 */
export async function labObstacles(directory: string = tmpdir()): Promise<readonly string[]> {
  const unfit = unfitMachine();
  if (unfit !== undefined) return [unfit];
  const missing = await missingPrograms();
  if (missing.length > 0) {
    const names = missing.map((entry) => entry.program).join(", ");
    return [`The lab needs programs that are missing here (npm start and npm test install them): ${names}.`];
  }
  const checks = [
    cgroupObstacle(),
    deviceObstacles(),
    namespaceObstacle(),
    firewallObstacle(),
    overlayObstacle(directory),
  ];
  return (await Promise.all(checks)).flat();
}

async function cgroupObstacle(): Promise<string[]> {
  const mount = await cgroup2Mount();
  if (mount === undefined) return ["The lab needs a cgroup2 file system, and none is mounted."];
  const group = path.join(mount, `es-failover-preflight-${process.pid}`);
  try {
    await mkdir(group);
  } catch (error) {
    return [`The lab cannot make control groups under ${mount}: ${String(error)}.`];
  }
  const usable = existsSync(path.join(group, "cgroup.kill"));
  await rmdir(group);
  return usable ? [] : ["The lab needs Linux 5.14 or later: this kernel's cgroup2 has no cgroup.kill."];
}

async function deviceObstacles(): Promise<string[]> {
  const needed = { "/dev/net/tun": "for the WAN between its regions", "/dev/loop-control": "for its volumes" };
  const obstacles: string[] = [];
  for (const [device, purpose] of Object.entries(needed)) {
    await access(device).catch(() => obstacles.push(`The lab needs ${device} ${purpose}, which is missing.`));
  }
  return obstacles;
}

async function namespaceObstacle(): Promise<string[]> {
  const kinds = ["--net", "--time", "--mount", "--uts", "--ipc", "--cgroup", "--pid", "--fork"];
  const { exitCode, stderr } = await outcomeOf("unshare", [...kinds, "ip", "link", "set", "lo", "up"]);
  return exitCode === 0 ? [] : [`The lab cannot make namespaces here: ${stderr.trim()}.`];
}

/** Adds the rules in a network namespace that ends with the command. */
async function firewallObstacle(): Promise<string[]> {
  const script =
    "nft add table inet t && nft add chain inet t c '{ type filter hook forward priority 0; }' && " +
    "nft add rule inet t c ct state established ct direction reply accept && " +
    "ip link add name bridge0 type bridge && ip link add name veth0 type veth peer name veth1 && test -e /proc/sys/net/bridge/bridge-nf-call-iptables";
  const { exitCode, stderr } = await outcomeOf("unshare", ["--net", "sh", "-c", script]);
  if (exitCode === 0) return [];
  return [`The lab needs nftables with connection tracking on bridges (module br_netfilter): ${stderr.trim()}.`];
}

/** Tries the actual directory, as overlayfs cannot write to every file system (not to another overlay, for example). */
async function overlayObstacle(directory: string): Promise<string[]> {
  let place = path.resolve(directory);
  while (!existsSync(place)) place = path.dirname(place);
  const scratch = await mkdtemp(path.join(place, "es-failover-preflight-"));
  try {
    const script =
      'cd "$0" && mkdir lower upper work root && ' +
      "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root && touch root/file";
    const { exitCode, stderr } = await outcomeOf("unshare", ["--mount", "sh", "-c", script, scratch]);
    return exitCode === 0 ? [] : [`The lab cannot use overlayfs in ${place}: ${stderr.trim()}.`];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
