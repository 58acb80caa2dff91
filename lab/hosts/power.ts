import { readFile } from "node:fs/promises";
import path from "node:path";
import { isMissing } from "../util/files.ts";
import { outcomeOf } from "../util/run.ts";
import { cgroupEvents, createCgroup, inCgroup, killCgroup, removeCgroup, setFrozen } from "./cgroup.ts";
import type { LabContext } from "./context.ts";
import { hostLayout, hostNetwork, regionNetwork } from "./layout.ts";
import { inNetwork } from "./namespaces.ts";
import { hostPorts, setHostLink } from "./network.ts";
import { spawnDetached } from "./service.ts";
import { type HostRecord, reachableAddresses } from "./state.ts";
import type { PowerState } from "./types.ts";

/** From power-on until SSH answers; about 2 s on an idle machine. */
const bootTimeoutMs = 60_000;

export async function powerState({ cgroups }: LabContext, host: string): Promise<PowerState> {
  // The supervisor outlives the system: it unplugs the host after a power-off, and boots it again after a reboot.
  const groups = [cgroups.system(host), cgroups.supervisor(host)];
  const events = await Promise.all(groups.map(cgroupEvents));
  if (!events.some(({ populated }) => populated)) return "off";
  return (await cgroupEvents(cgroups.host(host))).frozen ? "frozen" : "running";
}

/** Boots a host that is off. Its supervisor outlives this process. */
export async function powerOn(lab: LabContext, record: HostRecord): Promise<void> {
  const { name, region } = record.spec;
  await createCgroup(lab.cgroups.doors(name));
  const host = hostLayout(lab.layout, name);
  const argv = [
    path.join(import.meta.dirname, "boot", "supervise.sh"),
    ...[host.directory, lab.rootDirectory, lab.cgroups.system(name)],
    ...[hostNetwork(lab.layout, name), regionNetwork(lab.layout, region)],
    ...hostPorts(record).map((port) => port.name),
  ];
  await spawnDetached(lab.cgroups.supervisor(name), argv, host.console);
}

/** Waits until a host accepts SSH. Connects inside the host's own network, which needs no firewall rule. */
export async function waitForSsh(lab: LabContext, record: HostRecord): Promise<void> {
  const { name } = record.spec;
  const host = hostLayout(lab.layout, name);
  const script =
    'until (exec 3<>"/dev/tcp/$0/22" && read -r -t 2 -N 4 banner <&3 && [ "$banner" = SSH- ]) 2>/dev/null; ' +
    "do sleep 0.05; done";
  // With a socket as its input, bash reads ~/.bashrc, which may take long or wait for a lock.
  const [address = ""] = reachableAddresses(record);
  const bash = ["bash", "--norc", "-c", script, address];
  const timeout = ["timeout", String(bootTimeoutMs / 1000), ...bash];
  // A process of the lab ends with it, even when this process does not.
  const argv = inCgroup(lab.cgroups.doors(name), inNetwork(hostNetwork(lab.layout, name), timeout));
  const [command = "", ...args] = argv;
  if ((await outcomeOf(command, args)).exitCode === 0) return;
  const lastLines = (await readFile(host.console, "utf8")).trim().split("\n").slice(-10).join("\n");
  throw new Error(
    `Host ${name} does not answer SSH ${bootTimeoutMs / 1000} s after its boot. Its console:\n${lastLines}`,
  );
}

/** Power cut: the ports go down first, so that no FIN or RST leaves; then every process is killed. */
export async function cutPower(lab: LabContext, record: HostRecord): Promise<void> {
  await setHostLink(lab.layout, record, "down");
  await killHost(lab, record.spec.name);
}

/** Kills every process of a host; none is no error. */
export async function killHost({ cgroups }: LabContext, host: string): Promise<void> {
  // The supervisor first, as it would react to the end of the host.
  for (const group of [cgroups.supervisor(host), cgroups.host(host)]) {
    await killCgroup(group);
    await removeCgroup(group);
  }
}

export async function freezeHost(lab: LabContext, host: string): Promise<void> {
  await setFrozen(lab.cgroups.host(host), true);
}

export async function thawHost(lab: LabContext, host: string): Promise<void> {
  await setFrozen(lab.cgroups.host(host), false);
}

/** The argv that runs a program inside a running host as root, in all of its namespaces. */
export async function insideHost(lab: LabContext, host: string, argv: readonly string[]): Promise<string[]> {
  const pid = await initPid(lab, host);
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--time"];
  const environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb", "LANG=C.UTF-8"];
  const enter = ["nsenter", "--target", String(pid), ...namespaces, "--root", "--wdns=/", ...environment, ...argv];
  return inCgroup(lab.cgroups.doors(host), enter);
}

/** The host's PID 1 in this machine's PID namespace. Checks the cgroup, as the number may have been reused. */
async function initPid(lab: LabContext, host: string): Promise<number> {
  try {
    const pid = Number(await readFile(hostLayout(lab.layout, host).initPid, "utf8"));
    const membership = await readFile(`/proc/${pid}/cgroup`, "utf8");
    const group = path.basename(lab.cgroups.root);
    if (membership.includes(`/${group}/hosts/${host}/system`)) return pid;
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  throw new Error(`Host ${host} is not running.`);
}
