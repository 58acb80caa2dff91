import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Connection, SshEndpoint } from "./connection.ts";

/** Names of the two ends in OpenSSH's configuration. */
export const aliases = { target: "target", proxy: "proxy" } as const;

export interface ClientConfiguration {
  /** The ssh_config. */
  readonly file: string;
  /** A file that is there once the proxy has let the client in. */
  readonly proxyMark: string;
}

/** Writes an ssh_config with all details of the connection, and key files. */
export async function writeConfiguration(directory: string, connection: Connection): Promise<ClientConfiguration> {
  const proxyMark = path.join(directory, "proxy-connected");
  const target = [
    await hostSection(directory, aliases.target, connection),
    "  LogLevel ERROR",
    `  ControlPath ${path.join(directory, "control")}`,
    "  ControlPersist no",
  ];
  if (connection.proxy !== undefined) {
    target.push(
      `  ProxyJump ${aliases.proxy}`,
      await hostSection(directory, aliases.proxy, connection.proxy),
      // Of a proxy that does not reach the host, the reason is no error to OpenSSH.
      "  LogLevel INFO",
      "  PermitLocalCommand yes",
      `  LocalCommand : > ${proxyMark}`,
    );
  }
  const file = path.join(directory, "config");
  await writeFile(file, `${target.join("\n")}\n`, { mode: 0o600 });
  return { file, proxyMark };
}

/**
 * In the order of Go's SSH client, which asks for the first of them that the host has, whichever key is pinned. OpenSSH would
 * ask for the pinned one.
 */
const hostKeyAlgorithms = [
  ...["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"],
  ...["rsa-sha2-256", "rsa-sha2-512", "ssh-ed25519"],
];

/** Without a log level: OpenSSH takes the first one that it reads. */
async function hostSection(directory: string, alias: string, endpoint: SshEndpoint): Promise<string> {
  const lines = [
    `Host ${alias}`,
    `  HostName ${configurationValue(endpoint.host)}`,
    `  Port ${endpoint.port}`,
    `  User ${configurationValue(endpoint.user)}`,
    "  BatchMode yes",
    `  ConnectTimeout ${endpoint.perDialTimeoutSeconds ?? 0}`,
    // Detects within a minute that a host died during a script.
    "  ServerAliveInterval 15",
    "  ServerAliveCountMax 4",
  ];
  if (endpoint.privateKey !== undefined) {
    const keyFile = path.join(directory, `${alias}.key`);
    await writeFile(keyFile, `${endpoint.privateKey.trimEnd()}\n`, { mode: 0o600 });
    lines.push(`  IdentityFile ${keyFile}`, "  IdentitiesOnly yes");
  }
  if (endpoint.agentSocketPath !== undefined) {
    lines.push(`  IdentityAgent ${configurationValue(endpoint.agentSocketPath)}`);
  }
  if (endpoint.hostKey === undefined) {
    lines.push("  StrictHostKeyChecking no", "  UserKnownHostsFile /dev/null");
  } else {
    const knownHosts = path.join(directory, `${alias}.known_hosts`);
    await writeFile(knownHosts, `${alias} ${endpoint.hostKey.trim()}\n`, { mode: 0o600 });
    lines.push(`  HostKeyAlgorithms ${hostKeyAlgorithms.join(",")}`);
    lines.push("  StrictHostKeyChecking yes", `  UserKnownHostsFile ${knownHosts}`, `  HostKeyAlias ${alias}`);
  }
  return lines.join("\n");
}

/** A value for ssh_config. @throws Error for one that could start another directive */
function configurationValue(value: string): string {
  if (!/^[^\s"]+$/.test(value)) throw new Error(`connection: "${value}" cannot be a host, user or path for SSH`);
  return value;
}
