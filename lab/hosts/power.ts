import { readFile } from "node:fs/promises";
import path from "node:path";
import { isMissing } from "../util/files.ts";
import { outcomeOf } from "../util/run.ts";
import { until } from "../util/until.ts";
import { cgroupEvents, createCgroup, inCgroup, killCgroup, removeCgroup, setFrozen } from "./cgroup.ts";
import type { LabContext } from "./context.ts";
import { hostLayout, hostNetwork, regionNetwork } from "./layout.ts";
import { inNetwork } from "./namespaces.ts";
import { hostPorts, setHostLink } from "./network.ts";
import { spawnDetached } from "./service.ts";
import type { HostRecord } from "./state.ts";
import type { PowerState } from "./types.ts";

/** How long a boot may take until SSH answers. It takes about 2 s on an idle machine. */
const bootTimeoutMs = 60_000;

export async function powerState({ cgroups }: LabContext, host: string): Promise<PowerState> {
  const { populated } = await cgroupEvents(cgroups.system(host));
  if (!populated) return "off";
  return (await cgroupEvents(cgroups.host(host))).frozen ? "frozen" : "running";
}

/** Boots a host that is off. Its supervisor outlives this process. */
export async function powerOn(lab: LabContext, record: HostRecord): Promise<void> {
  const { name, region } = record.spec;
  // A supervisor may still be tidying up after a power-off.
  await until(`the supervisor of ${name} has ended`, 10_000, async () => {
    return !(await cgroupEvents(lab.cgroups.supervisor(name))).populated;
  });
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

/**
 * Waits until a host lets users in by SSH. Asks from within the host's own network, so that no firewall rule is needed.
 */
export async function waitForSsh(lab: LabContext, record: HostRecord): Promise<void> {
  const { name } = record.spec;
  const host = hostLayout(lab.layout, name);
  const script =
    'until (exec 3<>"/dev/tcp/$0/22" && read -r -t 2 -N 4 banner <&3 && [ "$banner" = SSH- ]) 2>/dev/null; ' +
    "do sleep 0.05; done";
  const timeout = ["timeout", String(bootTimeoutMs / 1000), "bash", "-c", script, record.publicIp];
  // As a process of the lab, so that it ends with it, whatever became of this one.
  const argv = inCgroup(lab.cgroups.doors(name), inNetwork(hostNetwork(lab.layout, name), timeout));
  const [command = "", ...args] = argv;
  if ((await outcomeOf(command, args)).exitCode === 0) return;
  const said = (await readFile(host.console, "utf8")).trim().split("\n").slice(-10).join("\n");
  throw new Error(`Host ${name} does not answer SSH ${bootTimeoutMs / 1000} s after its boot. Its console:\n${said}`);
}

/** Power cut: the ports go down first, so that no FIN or RST tells the others; then everything in it is killed. */
export async function cutPower(lab: LabContext, record: HostRecord): Promise<void> {
  await setHostLink(lab.layout, record, "down");
  await killHost(lab, record.spec.name);
}

/** Kills every process of a host. One that does not run is no error. */
export async function killHost({ cgroups }: LabContext, host: string): Promise<void> {
  // The supervisor first: it would unplug and tidy up as after a proper power-off.
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

/** The argv that runs a program inside a running host, as root, in all of the host's namespaces. */
export async function insideHost(lab: LabContext, host: string, argv: readonly string[]): Promise<string[]> {
  const pid = await initPid(lab, host);
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--time"];
  const environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb", "LANG=C.UTF-8"];
  const enter = ["nsenter", "--target", String(pid), ...namespaces, "--root", "--wdns=/", ...environment, ...argv];
  return inCgroup(lab.cgroups.doors(host), enter);
}

/** The host's PID 1, as this machine counts. Only a process of this very host is taken for it. */
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
