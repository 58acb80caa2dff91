import { connect } from "node:net";

/** HAProxy did not answer, or refused a command; the message names the socket and the command. */
export class HaproxyError extends Error {
  /** True when nothing listens on the socket: HAProxy is not running there. */
  readonly notRunning: boolean;

  constructor(message: string, notRunning = false) {
    super(message);
    this.name = "HaproxyError";
    this.notRunning = notRunning;
  }
}

/** Bound on a reply: HAProxy's are a few kilobytes. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Sends one command line to a CLI socket of HAProxy and returns the whole reply. HAProxy closes the connection after
 * it. Commands may be joined with `;`, which HAProxy runs in order; their replies follow each other.
 *
 * @param timeoutMs bound on the whole exchange, because a stopped HAProxy still accepts connections
 * @throws HaproxyError
 */
export function sendCommand(socketPath: string, command: string, timeoutMs: number): Promise<string> {
  const shown = command.split("\n", 1)[0];
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let reply = "";
    const fail = (reason: string, notRunning = false): void => {
      socket.destroy();
      clearTimeout(timer);
      reject(new HaproxyError(`HAProxy at ${socketPath}: "${shown}": ${reason}`, notRunning));
    };
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.setEncoding("utf8");
    // Without the end of our side the master keeps the connection open for further commands.
    socket.on("connect", () => socket.end(`${command}\n`));
    socket.on("data", (chunk: string) => {
      reply += chunk;
      if (reply.length > REPLY_BYTES_MAX) fail(`the reply is longer than ${REPLY_BYTES_MAX} bytes`);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const notRunning = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      fail(notRunning ? `HAProxy is not running there (${error.code})` : error.message, notRunning);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(reply);
    });
  });
}

/** A connection to one HAProxy process: by its own socket, or by the master's with the process named. */
export interface HaproxyProcess {
  /** For messages: the socket, and the process where the socket serves several. */
  readonly label: string;
  /** Sends a command whose reply is empty on success; throws with HAProxy's reply otherwise. */
  order(command: string): Promise<void>;
  /** Sends a command and returns its reply. */
  ask(command: string): Promise<string>;
}

/**
 * @param pid a worker behind a master socket, which may be an old one that finishes its sessions after a reload
 */
export function haproxyProcess(socketPath: string, timeoutMs: number, pid?: number): HaproxyProcess {
  const prefix = pid === undefined ? "" : `@!${pid} `;
  const label = pid === undefined ? socketPath : `${socketPath}, process ${pid}`;
  const ask = async (command: string): Promise<string> => {
    const reply = await sendCommand(socketPath, `${prefix}${command}`, timeoutMs);
    if (/^(Unknown command|Permission denied|Can't find the target)/m.test(reply)) {
      throw new HaproxyError(`HAProxy at ${label}: "${command}": ${reply.trim().split("\n", 1)[0]}`);
    }
    return reply;
  };
  return {
    label,
    ask,
    order: async (command) => {
      const reply = (await ask(command)).trim();
      if (reply !== "") throw new HaproxyError(`HAProxy at ${label}: "${command}": ${reply}`);
    },
  };
}
