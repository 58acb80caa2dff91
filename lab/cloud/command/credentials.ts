import { once } from "node:events";
import { connect } from "node:net";
import { messageOf } from "../../../watchdog/util/errors.ts";
import type { Connection, SshEndpoint } from "./connection.ts";

/**
 * What the real provider does with the keys of both ends before it dials: it reads them, and opens the agent also where there is a key.
 *
 * @throws Error as it does, for good, without another try
 */
export async function readCredentials({ proxy, ...target }: Connection): Promise<void> {
  await readOf(target);
  if (proxy === undefined) return;
  await readOf(proxy).catch((error: unknown) => {
    throw new Error(`proxy: ${messageOf(error)}`);
  });
}

async function readOf({ privateKey, hostKey, agentSocketPath }: SshEndpoint): Promise<void> {
  if (hostKey !== undefined && !isPublicKey(hostKey)) throw new Error("failed to parse host key: ssh: no key found");
  if (privateKey !== undefined && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(privateKey)) {
    throw new Error("ssh: no key found");
  }
  await openAgent(agentSocketPath ?? process.env["SSH_AUTH_SOCK"] ?? "");
}

/** Whether it is a line of authorized_keys: an algorithm, and a key that begins with its name. */
function isPublicKey(line: string): boolean {
  const [algorithm = "", key = ""] = line.trim().split(/\s+/);
  const blob = Buffer.from(key, "base64");
  return blob.length > 4 && blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1") === algorithm;
}

async function openAgent(socketPath: string): Promise<void> {
  if (socketPath === "") return;
  const socket = connect(socketPath);
  await once(socket, "connect").catch((error: unknown) => {
    throw new Error(`dial unix ${socketPath}: ${messageOf(error)}`);
  });
  socket.destroy();
}
