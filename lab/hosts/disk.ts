import { randomUUID } from "node:crypto";
import { chown, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { debianMirror } from "../machine/debian-mirror.ts";
import { packagesUrl } from "./addressing.ts";
import type { LabLayout } from "./layout.ts";
import { hostLayout } from "./layout.ts";
import { createKey, hostKeyPath, operatorKey } from "./ssh.ts";
import type { HostSpec } from "./types.ts";
import { writeDevices } from "./volumes.ts";

interface Account {
  readonly user: number;
  readonly group: number;
  readonly home: string;
}

/**
 * Makes a host's disk: a layer over the shared root file system with the host's identity, as cloud-init does at the
 * first boot of an instance.
 */
export async function createDisk(layout: LabLayout, rootDirectory: string, spec: HostSpec): Promise<void> {
  const host = hostLayout(layout, spec.name);
  for (const directory of [host.upper, host.work, host.mountPoint]) await mkdir(directory, { recursive: true });
  const write = async (name: string, content: string, mode = 0o644): Promise<void> => {
    const file = path.join(host.upper, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content, { mode });
  };
  await write("etc/hostname", `${spec.name}\n`);
  await write("etc/hosts", `127.0.0.1 localhost\n127.0.1.1 ${spec.name}\n::1 localhost ip6-localhost ip6-loopback\n`);
  await write("etc/machine-id", `${randomUUID().replaceAll("-", "")}\n`);
  // The lab has no name server; with an empty file lookups fail at once.
  await write("etc/resolv.conf", "");
  await write("etc/apt/sources.list.d/debian.sources", await aptSources(rootDirectory));
  await write("etc/ssh/lab-operator-keys", await readFile(`${operatorKey(layout)}.pub`, "utf8"));
  await createKey(path.join(host.upper, hostKeyPath), spec.name);
  await writeAuthorizedKeys(host.upper, await account(rootDirectory, "debian"), spec.authorizedKeys);
  await writeDevices(host, []);
  await writeFile(host.console, "", { mode: 0o600 });
}

/** The archives of the shared root file system, through the lab's package proxy. */
async function aptSources(rootDirectory: string): Promise<string> {
  const release = await readFile(path.join(rootDirectory, "etc/os-release"), "utf8");
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
  if (suite === undefined) throw new Error(`${rootDirectory} is not a root file system of a Debian release.`);
  const stanza = (archive: string, suites: string): string =>
    [
      "Types: deb",
      `URIs: ${packagesUrl}/${archive}`,
      `Suites: ${suites}`,
      "Components: main",
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
      "",
    ].join("\n");
  const { security } = await debianMirror();
  const stanzas = [stanza("debian", `${suite} ${suite}-updates`)];
  if (security !== undefined) stanzas.push(stanza("debian-security", `${suite}-security`));
  return stanzas.join("\n");
}

async function account(rootDirectory: string, name: string): Promise<Account> {
  const passwd = await readFile(path.join(rootDirectory, "etc/passwd"), "utf8");
  const fields = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .find((entry) => entry[0] === name);
  if (fields === undefined) throw new Error(`${rootDirectory} has no user ${name}.`);
  return { user: Number(fields[2]), group: Number(fields[3]), home: fields[5] ?? `/home/${name}` };
}

async function writeAuthorizedKeys(upper: string, owner: Account, keys: readonly string[]): Promise<void> {
  const home = path.join(upper, owner.home);
  const directory = path.join(home, ".ssh");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, "authorized_keys");
  await writeFile(file, keys.map((key) => `${key.trim()}\n`).join(""), { mode: 0o600 });
  for (const entry of [home, directory, file]) await chown(entry, owner.user, owner.group);
}
