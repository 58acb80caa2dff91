import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomically } from "../../watchdog/util/files.ts";
import { run } from "../util/run.ts";
import type { LabLayout } from "./layout.ts";
import { hostLayout } from "./layout.ts";
import { type HostRecord, reachableAddresses } from "./state.ts";

/** Private key of the lab's operator, which every host accepts besides the declared ones. */
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

/** Path of a host's own key on its disk. */
export const hostKeyPath = "etc/ssh/ssh_host_ed25519_key";

/** Writes known_hosts with every host, by address and by name. */
export async function writeKnownHosts(layout: LabLayout, records: readonly HostRecord[]): Promise<void> {
  const lines: string[] = [];
  for (const record of records) {
    const { spec } = record;
    const publicKey = await readFile(path.join(hostLayout(layout, spec.name).upper, `${hostKeyPath}.pub`), "utf8");
    const [algorithm, key] = publicKey.split(" ");
    const names = [spec.name, ...reachableAddresses(record)];
    lines.push(`${names.join(",")} ${algorithm} ${key}\n`);
  }
  await writeFileAtomically(knownHostsFile(layout), lines.join(""), { mode: 0o644, durable: false });
}

export interface SshOptions {
  /** Private key to log in with; default: the operator key, which every host accepts. */
  readonly identityFile?: string;
  /** Default: `debian`. */
  readonly user?: string;
  /** A tunnel instead of a command, as for `ssh -L`: "127.0.0.1:9445:127.0.0.1:9445". */
  readonly forward?: string;
  /** Standard input and output to a port of the host instead of a command, as for `ssh -W`: "127.0.0.1:9090". */
  readonly connect?: string;
}

/** The argv of an SSH client with the lab's host keys and without the machine's own SSH settings. */
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
  const tunnel = options.forward === undefined ? [] : ["-o", "ExitOnForwardFailure=yes", "-N", "-L", options.forward];
  const connection = options.connect === undefined ? [] : ["-W", options.connect];
  return [
    "ssh",
    "-F",
    "/dev/null",
    ...flags,
    ...tunnel,
    ...connection,
    `${options.user ?? "debian"}@${address}`,
    ...command,
  ];
}
