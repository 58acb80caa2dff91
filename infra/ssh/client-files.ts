import type { SshAccess } from "./access.ts";

/** What OpenSSH's client needs for a connection: its configuration, and the keys that each end has to show. */
export interface ClientFiles {
  /** By name, in a directory that is closed to others. */
  readonly files: Readonly<Record<string, string>>;
  /** The one that `ssh -F` reads. */
  readonly configuration: "config";
  /** Name of the host in it. */
  readonly target: "target";
}

/**
 * The files for a connection, in `directory`.
 *
 * A host's key cannot be known before its first boot: where none is pinned, the one that it shows is trusted, as by provisioning
 * itself (docs/security.md). A bastion's is always known.
 */
export function clientFiles(
  { address, user, hostKey, bastion }: SshAccess,
  privateKey: string,
  directory: string,
): ClientFiles {
  const target: Endpoint = { alias: "target", address, port: 22, user, hostKey };
  const proxy: readonly Endpoint[] =
    bastion === null
      ? []
      : [{ alias: "bastion", address: bastion.host, port: bastion.port, user: bastion.user, hostKey: bastion.hostKey }];
  const endpoints = [target, ...proxy];
  const sections = endpoints.map((endpoint) => section(endpoint, directory));
  // As ProxyJump, which does not quote the path of the configuration.
  if (bastion !== null) sections[0] += `  ProxyCommand ssh -F "${directory}/config" -W [%h]:%p bastion\n`;
  const known = endpoints.flatMap(({ alias, hostKey: key }) => (key === undefined ? [] : [`${alias} ${key}\n`]));
  return {
    files: { key: `${privateKey.trim()}\n`, known_hosts: known.join(""), config: sections.join("") },
    configuration: "config",
    target: "target",
  };
}

interface Endpoint {
  readonly alias: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string | undefined;
}

function section({ alias, address, port, user, hostKey }: Endpoint, directory: string): string {
  const settings = {
    HostName: address,
    Port: String(port),
    User: user,
    IdentityFile: `"${directory}/key"`,
    IdentitiesOnly: "yes",
    BatchMode: "yes",
    ConnectTimeout: "10",
    LogLevel: "ERROR",
    // Under the alias, so that the address has no part in it: a new machine at an old address is another host.
    HostKeyAlias: alias,
    GlobalKnownHostsFile: "/dev/null",
    UserKnownHostsFile: hostKey === undefined ? "/dev/null" : `"${directory}/known_hosts"`,
    StrictHostKeyChecking: hostKey === undefined ? "no" : "yes",
  };
  const lines = Object.entries(settings).map(([name, value]) => `  ${name} ${value}\n`);
  return `Host ${alias}\n${lines.join("")}`;
}
