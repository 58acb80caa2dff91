import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { replaceFile } from "../util/files.ts";
import { run } from "../util/run.ts";
import type { LabLayout } from "./layout.ts";
import { hostLayout } from "./layout.ts";
import type { HostRecord } from "./state.ts";

/** The key that every host accepts besides the declared ones: the cloud operator's, for `npm run lab -- ssh`. */
export const operatorKey = (layout: LabLayout): string => path.join(layout.ssh, "operator");

export const knownHostsFile = (layout: LabLayout): string => path.join(layout.ssh, "known_hosts");

export async function createOperatorKey(layout: LabLayout): Promise<void> {
  await mkdir(layout.ssh, { recursive: true, mode: 0o700 });
  await createKey(operatorKey(layout), "lab operator");
  await writeKnownHosts(layout, []);
}

export async function createKey(file: string, comment: string): Promise<void> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
}

/** Where a host's own key lies on its disk. */
export const hostKeyPath = "etc/ssh/ssh_host_ed25519_key";

/** Writes the keys by which clients know the hosts, by address and by name. */
export async function writeKnownHosts(layout: LabLayout, records: readonly HostRecord[]): Promise<void> {
  const lines: string[] = [];
  for (const { spec, publicIp } of records) {
    const publicKey = await readFile(path.join(hostLayout(layout, spec.name).upper, `${hostKeyPath}.pub`), "utf8");
    const [algorithm, key] = publicKey.split(" ");
    const names = [spec.name, publicIp, ...(spec.privateIp === undefined ? [] : [spec.privateIp])];
    lines.push(`${names.join(",")} ${algorithm} ${key}\n`);
  }
  await replaceFile(knownHostsFile(layout), lines.join(""));
}

export interface SshOptions {
  /** Private key to log in with; by default the lab's own operator key, which every host accepts. */
  readonly identityFile?: string;
  /** User to log in as, `debian` by default. */
  readonly user?: string;
}

/** The argv of an SSH client that knows the lab's hosts and nothing of the machine's own SSH settings. */
export function sshArgv(
  layout: LabLayout,
  address: string,
  command: readonly string[],
  options: SshOptions = {},
): string[] {
  const settings = {
    BatchMode: "yes",
    ConnectTimeout: "5",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: knownHostsFile(layout),
    IdentitiesOnly: "yes",
    IdentityFile: options.identityFile ?? operatorKey(layout),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return ["ssh", "-F", "/dev/null", ...flags, `${options.user ?? "debian"}@${address}`, ...command];
}
