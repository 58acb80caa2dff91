import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Lab } from "./lab.ts";

export interface TunnelEnd {
  readonly host: string;
  /** On the host's loopback. */
  readonly port: number;
  /** On this machine's loopback; 0 takes a free one. */
  readonly localPort: number;
}

/**
 * Carries connections to this machine's loopback into the lab, whose networks the machine has no way to: each one by SSH to
 * the host, as users reach what listens on a host's loopback alone.
 */
export async function openTunnel(lab: Lab, { host, port, localPort }: TunnelEnd): Promise<Server> {
  const [command = "", ...args] = await lab.sshCommand(host, [], { connect: `127.0.0.1:${port}` });
  const server = createServer((socket) => carry(socket, command, args));
  server.listen(localPort, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function carry(socket: Socket, command: string, args: readonly string[]): void {
  const ssh = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  socket.pipe(ssh.stdin);
  ssh.stdout.pipe(socket);
  ssh.on("close", () => socket.destroy());
  socket.on("close", () => ssh.kill());
  // Either side may go away while the other still writes.
  for (const stream of [socket, ssh.stdin, ssh]) stream.on("error", () => socket.destroy());
}
